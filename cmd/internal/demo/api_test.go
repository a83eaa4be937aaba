package demo

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// bearer calls the API as anybody could.
func (v *visitor) bearer(path, token string) answer {
	v.t.Helper()
	r, err := http.NewRequest(http.MethodGet, v.d.URL+path, nil)
	if err != nil {
		v.t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return v.do(r)
}

// The API takes the tokens of the provider, and says what it wants otherwise.
func TestAPI(t *testing.T) {
	d := started(t)
	v := visit(t, d)
	for path, want := range map[string]int{"/api/greeting": http.StatusUnauthorized, "/api/unknown": http.StatusNotFound} {
		if got := v.bearer(path, ""); got.status != want {
			t.Errorf("%s without a token is answered with status %d, want %d", path, got.status, want)
		}
	}
	if got := v.bearer("/api/greeting", "invented"); got.status != http.StatusUnauthorized || !strings.Contains(got.header.Get("WWW-Authenticate"), "invalid_token") {
		t.Errorf("an invented token is answered with status %d and %q", got.status, got.header.Get("WWW-Authenticate"))
	}

	v.login("scope", "openid")
	var login string
	for id := range d.hub.logins.of {
		login = id
	}
	token, err := d.heldToken(t.Context(), login, "access_token")
	if err != nil {
		t.Fatal(err)
	}
	var said struct{ Subject, Scope string }
	got := v.bearer("/api/greeting", token.Reveal())
	if err := json.Unmarshal([]byte(got.body), &said); err != nil || said.Subject != "diana" || said.Scope != "openid" {
		t.Errorf("the API says %s", got.body)
	}
	got = v.bearer("/api/contact", token.Reveal())
	if challenge := got.header.Get("WWW-Authenticate"); got.status != http.StatusForbidden || !strings.Contains(challenge, "insufficient_scope") || !strings.Contains(challenge, `scope="email"`) {
		t.Errorf("a token without the scope is answered with status %d and %q", got.status, challenge)
	}
	// Whoever calls with the token is in the conversation. The application is not taken for
	// somebody else, and what it knows itself by is not shown.
	v.get("/").wants(t, "You, with curl", "introspection", "resource")
	v.post("/clear", nil)
	if page := v.post("/call", url.Values{"operation": {"greeting"}}); strings.Contains(page.body, "You, with curl") || strings.Contains(page.body, ourHeader+":") {
		t.Error("the application is taken for somebody else, or tells what it is known by")
	}
}

// The API describes itself where RFC 9728 says.
func TestAPIMetadata(t *testing.T) {
	d := started(t)
	got := visit(t, d).bearer("/.well-known/oauth-protected-resource/api", "")
	var said struct {
		Resource             string   `json:"resource"`
		AuthorizationServers []string `json:"authorization_servers"`
	}
	if err := json.Unmarshal([]byte(got.body), &said); err != nil || said.Resource != d.URL+"/api" || len(said.AuthorizationServers) != 1 || said.AuthorizationServers[0] != d.Issuer {
		t.Errorf("the API says of itself %s", got.body)
	}
}
