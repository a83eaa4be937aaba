package resource_test

import (
	"context"
	"errors"
	"testing"

	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/resource"
)

// Whatever a request presents that nobody issued, it is refused with a challenge that
// parses, and nothing panics.
func FuzzRequest(f *testing.F) {
	w := newWorld(f, vector{Bound: "key"}, nil)
	token := w.token(&override{})
	proof := w.proof(&override{}, token)
	f.Add("Bearer "+token, "", asked)
	f.Add("DPoP "+token[:len(token)-4]+"AAAA", proof, asked)
	f.Add("DPoP "+token, proof, asked+"?access_token=a")
	f.Add("Bearer  a==", "", "https://api.example/%zz")
	f.Add("Basic YTpi", "a.b.c", "")
	for _, v := range vectors(f) {
		for _, value := range v.Break.Header["Authorization"] {
			f.Add(value, "", asked)
		}
	}
	f.Fuzz(func(t *testing.T, authorization, dpop, url string) {
		r := &resource.Request{Method: "GET", URL: url, Header: map[string][]string{"Authorization": {authorization}}}
		if dpop != "" {
			r.Header["Dpop"] = []string{dpop}
		}
		got, err := w.api.Verify(context.Background(), r, resource.Demand{Scope: message.List{"write"}})
		var refusal *resource.Refusal
		if got != nil || !errors.As(err, &refusal) {
			var need *resource.NeedError
			if errors.As(err, &need) {
				return // a key that is not known
			}
			t.Fatalf("%+v, %v", got, err)
		}
		if challenges, ok := message.ParseChallenges(refusal.Header()["Www-Authenticate"]); !ok || len(challenges) == 0 {
			t.Errorf("challenges %q", refusal.Header()["Www-Authenticate"])
		}
	})
}
