package site

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/oidcservice/oidc/docs/recipes/internal/sitetest"
	"github.com/oidcservice/oidc/rp"
)

func TestSite(t *testing.T) { sitetest.Handler(t, New) }

func TestAPI(t *testing.T) {
	provider := sitetest.TokenProvider(t)
	api, err := NewAPI(rp.ClientOptions{Transport: provider.Transport()})
	if err != nil {
		t.Fatal(err)
	}
	for token, want := range map[string]int{
		"": http.StatusUnauthorized, "x": http.StatusUnauthorized,
		sitetest.Token(t, provider, "read", "https://other.example"): http.StatusUnauthorized,
		sitetest.Token(t, provider, "write", sitetest.API):           http.StatusForbidden,
		sitetest.Token(t, provider, "read", sitetest.API):            http.StatusOK,
	} {
		r := httptest.NewRequest(http.MethodGet, sitetest.API+"/things", nil)
		if token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		if w.Code != want || want == http.StatusOK && w.Body.String() != "things of client:machine\n" {
			t.Errorf("%q: %d %s, want %d", token, w.Code, w.Body, want)
		}
	}
}
