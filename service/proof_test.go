package service

import (
	"net/url"
	"testing"

	"github.com/oidcservice/oidc/message"
)

// A request has the proof of its method and no other, whatever the caller put into it.
func TestEncodedWithProof(t *testing.T) {
	for _, tc := range []struct {
		request message.AccessTokenRequest
		proof   url.Values
		want    string
	}{
		{message.AccessTokenRequest{Code: "c"}, nil, "code=c"},
		{message.AccessTokenRequest{Code: "c", ClientID: "i"}, nil, "client_id=i&code=c"},
		{message.AccessTokenRequest{Code: "c", ClientSecret: "s", ClientAssertion: "a", ClientAssertionType: "t"}, nil, "code=c"},
		{message.AccessTokenRequest{Code: "c"}, url.Values{"client_id": {"i"}}, "code=c&client_id=i"},
		{message.AccessTokenRequest{Code: "c", ClientID: "x", ClientSecret: "s"}, url.Values{"client_id": {"i"}, "client_assertion": {"a"}}, "client_assertion=a&client_id=i&code=c"},
	} {
		got, err := encodeWith(&tc.request, tc.proof)
		if err != nil || got != tc.want {
			t.Errorf("%s, %v, want %s", got, err, tc.want)
		}
	}
}
