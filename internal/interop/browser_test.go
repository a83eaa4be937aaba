package interop

import (
	"io"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// A browser is a person's: it keeps cookies, follows redirects, and fills in and sends
// the first form of every page, until it comes to one without.
type browser struct {
	client *http.Client
	fill   url.Values
}

func newBrowser(t *testing.T) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := certificates(t).transport(t)
	t.Cleanup(transport.CloseIdleConnections)
	return &browser{
		client: &http.Client{Jar: jar, Transport: transport, Timeout: 10 * time.Second},
		fill:   url.Values{"login": {"alice"}, "password": {"any"}, "logout": {"yes"}},
	}
}

// visit opens an address and returns the last page and where it was.
func (b *browser) visit(t *testing.T, address string) (text string, at *url.URL) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	for range 12 {
		resp, err := b.client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
		_ = resp.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		at = resp.Request.URL
		request = b.form(t, string(body), at)
		if request == nil {
			return string(body), at
		}
	}
	t.Fatalf("the browser does not come to rest, it is at %s", at)
	return "", nil
}

// form is the request that the first form of a page makes, nil without a form.
func (b *browser) form(t *testing.T, page string, at *url.URL) *http.Request {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	var form *html.Node
	values := url.Values{}
	for n := range doc.Descendants() {
		switch {
		case n.DataAtom == atom.Form && form == nil:
			form = n
		case (n.DataAtom == atom.Input || n.DataAtom == atom.Button) && attribute(n, "name") != "":
			values.Set(attribute(n, "name"), attribute(n, "value"))
		}
	}
	if form == nil {
		return nil
	}
	for name := range maps.Keys(values) {
		if b.fill.Has(name) {
			values.Set(name, b.fill.Get(name))
		}
	}
	action, err := at.Parse(attribute(form, "action"))
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, action.String(), strings.NewReader(values.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Origin", at.Scheme+"://"+at.Host)
	return request
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// once opens an address and follows nothing.
func (b *browser) once(address string) (*http.Response, error) {
	client := *b.client
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return client.Get(address)
}
