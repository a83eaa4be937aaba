package op_test

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/oidcservice/oidc/endpoint"
	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/op"
	"github.com/oidcservice/oidc/op/optest"
)

const benchSecret = "ZJYCqe3GGRvdrudKyZS0XhGv_Z45DuKhCUk0gBR1vZk0ZJYCqe3GGRvdrudKyZS0"

// bench is a provider with a confidential client that is trusted.
func bench(b *testing.B) *optest.Provider {
	b.Helper()
	p, err := optest.New(func(c *op.Config) { c.Policy.Scopes = []string{"api"} })
	if err != nil {
		b.Fatal(err)
	}
	client := &endpoint.Client{ID: "rp", Secret: benchSecret, Trusted: true, Metadata: message.ClientMetadata{
		RedirectURIs: []string{callback}, ResponseTypes: []string{"code"}, GrantTypes: []string{"authorization_code", "client_credentials"},
		TokenEndpointAuthMethod: message.AuthMethodClientSecretPost, IDTokenSignedResponseAlg: "ES256",
	}}
	if err := p.AddClient(context.Background(), client); err != nil {
		b.Fatal(err)
	}
	return p
}

func tokenRequest(params url.Values) *http.Request {
	r := httptest.NewRequest("POST", optest.Issuer+"/token", strings.NewReader(params.Encode()))
	r.Header.Set("Content-Type", form)
	return r
}

// BenchmarkCode is the exchange of a code for tokens with an ES256 ID Token. Its floor is a
// bare handler that signs one.
func BenchmarkCode(b *testing.B) {
	b.Run("floor", func(b *testing.B) {
		key, err := keyjar.Generate("ES256", rand.Reader, keyjar.KeyOptions{})
		if err != nil {
			b.Fatal(err)
		}
		payload := []byte(`{"iss":"https://op.example","sub":"diana","aud":"rp","exp":1517737588,"iat":1517736988,"nonce":"n-0S6_WzA2Mj","at_hash":"MTIzNDU2Nzg5MDEyMzQ1Ng","sid":"MTIzNDU2Nzg5MDEyMzQ1Ng"}`)
		handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if err := r.ParseForm(); err != nil {
				b.Error(err)
			}
			token, err := key.Sign(keyjar.Header{Algorithm: "ES256"}, payload, nil)
			if err != nil {
				b.Error(err)
			}
			_, _ = w.Write([]byte(`{"id_token":"` + token + `"}`))
		})
		params := url.Values{"grant_type": {"authorization_code"}, "code": {"x"}, "redirect_uri": {callback}, "client_id": {"rp"}, "client_secret": {benchSecret}}
		b.ReportAllocs()
		for b.Loop() {
			handler.ServeHTTP(httptest.NewRecorder(), tokenRequest(params))
		}
	})
	b.Run("full", func(b *testing.B) {
		p := bench(b)
		c := p.Client()
		submit(b, c, do(b, c, "GET", authorizeURL(), ""), credentials())
		codes := make([]string, b.N)
		for i := range codes {
			location, err := url.Parse(do(b, c, "GET", authorizeURL(), "").Header.Get("Location"))
			if err != nil || location.Query().Get("code") == "" {
				b.Fatal(err, location)
			}
			codes[i] = location.Query().Get("code")
		}
		b.ReportAllocs()
		b.ResetTimer()
		for i := range b.N {
			w := httptest.NewRecorder()
			p.ServeHTTP(w, tokenRequest(url.Values{
				"grant_type": {"authorization_code"}, "code": {codes[i]}, "redirect_uri": {callback}, "client_id": {"rp"}, "client_secret": {benchSecret},
				"code_verifier": {"dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"},
			}))
			if w.Code != 200 {
				b.Fatal(w.Body)
			}
		}
	})
}

// BenchmarkClientCredentials issues an opaque token. Its floor is a bare handler that reads
// the form and answers.
func BenchmarkClientCredentials(b *testing.B) {
	params := url.Values{"grant_type": {"client_credentials"}, "scope": {"api"}, "client_id": {"rp"}, "client_secret": {benchSecret}}
	b.Run("floor", func(b *testing.B) {
		handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if err := r.ParseForm(); err != nil {
				b.Error(err)
			}
			_, _ = w.Write([]byte(`{"access_token":"` + rand.Text() + `","token_type":"Bearer","expires_in":600}`))
		})
		b.ReportAllocs()
		for b.Loop() {
			handler.ServeHTTP(httptest.NewRecorder(), tokenRequest(params))
		}
	})
	b.Run("full", func(b *testing.B) {
		p := bench(b)
		b.ReportAllocs()
		for b.Loop() {
			w := httptest.NewRecorder()
			p.ServeHTTP(w, tokenRequest(params))
			if w.Code != 200 {
				b.Fatal(w.Body)
			}
		}
	})
}
