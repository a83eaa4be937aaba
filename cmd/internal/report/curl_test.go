package report

import "testing"

// Whatever a request holds, a shell takes it for words, and curl sends it once and as it is.
func TestCurl(t *testing.T) {
	for _, test := range []struct {
		request Request
		ca      string
		want    string
	}{
		{Request{Method: "GET", URL: "https://op.example/a?x=$(id)"}, "", "curl --silent --show-error \\\n  'https://op.example/a?x=$(id)'"},
		{Request{Method: "GET", URL: "https://op.example/a?x={a,b}"}, "", "curl --silent --show-error --globoff \\\n  'https://op.example/a?x={a,b}'"},
		{Request{Method: "GET", URL: "https://[::1]/a?x[]=[1-9]"}, "", "curl --silent --show-error --globoff \\\n  'https://[::1]/a?x[]=[1-9]'"},
		{
			Request{Method: "POST", URL: "https://op.example/", Header: map[string][]string{"X": {"it's `id`", "$HOME"}}, Body: `@/file&a='\n`}, "/it's a $file",
			"curl --silent --show-error --cacert '/it'\\''s a $file' --request 'POST' \\\n  --header 'X: it'\\''s `id`' \\\n  --header 'X: $HOME' \\\n" +
				"  --data-raw '@/file&a='\\''\\n' \\\n  'https://op.example/'",
		},
	} {
		if got := Curl(&test.request, test.ca); got != test.want {
			t.Errorf("%s\nwant\n%s", got, test.want)
		}
	}
}
