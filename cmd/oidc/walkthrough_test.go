package main

import (
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oidcservice/oidc/keyjar"
)

var basicRecord = []string{"iss", "auth_request", "auth_response", "token_response", "user_info"}

// The command of the README: no flags, no network, no configuration.
func TestWalkthroughWithNothing(t *testing.T) {
	exit, o := object(t, "walkthrough")
	if exit != 0 || !slices.Equal(o.StateRecord, basicRecord) || len(o.States) != 1 || o.IDToken["sub"] == nil || o.UserInfo["sub"] != o.IDToken["sub"] {
		t.Errorf("exit %d, %+v", exit, o)
	}
	want := []string{"webfinger", "provider_info", "registration", "authorization", "accesstoken", "jwks", "userinfo"}
	if !slices.Equal(o.services(), want) {
		t.Errorf("steps %v, want %v", o.services(), want)
	}
	if c := o.Steps[0].Changed; !slices.Equal(c, []string{"issuer"}) {
		t.Errorf("webfinger changed %v", c)
	}
	exit, stdout, _ := oidc(t, "walkthrough")
	if exit != 0 || !strings.HasSuffix(strings.TrimSpace(stdout), strings.Join(basicRecord, " ")) {
		t.Errorf("exit %d, the text ends with %q", exit, stdout[max(0, len(stdout)-200):])
	}
}

// Every way in which the embedded provider and we can talk.
func TestWalkthroughVariants(t *testing.T) {
	for _, tt := range []struct {
		args  string
		steps string
	}{
		{"--dpop", "authorization accesstoken jwks userinfo"},
		{"--request-method par", "pushed_authorization authorization accesstoken jwks userinfo"},
		{"--request-method request", "authorization accesstoken jwks userinfo"},
		{"--request-method request_uri", "authorization accesstoken jwks userinfo"},
		{"--response-mode form_post", "authorization accesstoken jwks userinfo"},
		{"--response-type id_token", "authorization jwks"},
		{"--response-type=code+id_token", "authorization jwks accesstoken userinfo"},
		{"--response-type=id_token+token", "authorization jwks userinfo"},
		{"--response-mode jwt", "authorization jwks accesstoken userinfo"},
		{"--response-mode form_post.jwt", "authorization jwks accesstoken userinfo"},
		{"--profile oauth2.1", "authorization accesstoken jwks userinfo"},
		{"--profile oauth --scope profile", "authorization accesstoken"},
		{"--profile oauth", "authorization accesstoken"},
		{"--profile fapi2 --dpop", "pushed_authorization authorization accesstoken jwks userinfo"},
		{"--profile fapi2 --dpop --token-endpoint-auth-method private_key_jwt", "pushed_authorization authorization accesstoken jwks userinfo"},
		{"--introspect --revoke", "authorization accesstoken jwks userinfo introspection revocation"},
		{"--token-endpoint-auth-method client_secret_jwt", "authorization accesstoken jwks userinfo"},
		{"--token-endpoint-auth-method private_key_jwt", "authorization accesstoken jwks userinfo"},
		{"--token-endpoint-auth-method none", "authorization accesstoken jwks userinfo"},
		{"--userinfo body", "authorization accesstoken jwks userinfo"},
		{"--refresh --logout", "authorization accesstoken jwks userinfo refresh_token end_session"},
	} {
		t.Run(tt.args, func(t *testing.T) {
			args := []string{"walkthrough"}
			for _, arg := range strings.Fields(tt.args) {
				args = append(args, strings.ReplaceAll(arg, "+", " "))
			}
			exit, o := object(t, args...)
			if exit != 0 {
				t.Fatalf("exit %d at %s: %s", exit, o.FailedStep, *o.Error.Message)
			}
			if got := strings.Join(o.services()[3:], " "); got != tt.steps {
				t.Errorf("steps %s, want %s", got, tt.steps)
			}
		})
	}
}

func TestWalkthroughToTheEnd(t *testing.T) {
	f := newFake(t)
	exit, o := object(t, f.at("--refresh", "--logout", "--scope", "openid")...)
	if exit != 0 {
		t.Fatalf("exit %d, %v", exit, *o.Error.Message)
	}
	want := []string{"provider_info", "registration", "authorization", "accesstoken", "jwks", "userinfo", "refresh_token", "end_session"}
	if !slices.Equal(o.services(), want) {
		t.Errorf("steps %v, want %v", o.services(), want)
	}
	record := []string{"iss", "auth_request", "auth_response", "token_response", "refresh_token_request", "refresh_token_response", "user_info"}
	if !slices.Equal(o.StateRecord, record) {
		t.Errorf("record %v", o.StateRecord)
	}
	if *o.Issuer != f.URL || *o.ClientID != "client 1" || o.IDToken["iss"] != f.URL || o.UserInfo["name"] != "Ann" {
		t.Errorf("got %+v", o)
	}
}

// One case for each outcome and each exit code that a conversation can have.
func TestOutcomes(t *testing.T) {
	html := func(f *fake, path string) { f.answer(path, 200, "text/html", "<html>what is "+fakeCode+"?</html>") }
	for _, tt := range []struct {
		name   string
		change func(*fake)
		args   []string
		exit   int
		kind   string
		step   string
		rule   string
		last   string // the last path that may be asked for
	}{
		{name: "ok"},
		{"userinfo in the body", nil, []string{"--userinfo", "body"}, 0, "ok", "", "", "/userinfo"},
		{"no userinfo", nil, []string{"--userinfo", "none"}, 0, "ok", "", "", "/jwks"},
		{"until", nil, []string{"--until", "registration"}, 0, "ok", "", "", "/register"},
		{"post", nil, []string{"--token-endpoint-auth-method", "client_secret_post"}, 0, "ok", "", "", "/userinfo"},
		{"private key", nil, []string{"--token-endpoint-auth-method", "private_key_jwt"}, 0, "ok", "", "", "/userinfo"},
		{"public", nil, []string{"--token-endpoint-auth-method", "none"}, 0, "ok", "", "", "/userinfo"},

		{"metadata is not JSON", func(f *fake) { f.answer(wellKnown, 200, "application/json", "not json") }, nil, 5, "violation", "provider_info", "metadata_status", wellKnown},
		{"metadata of 10 MB", func(f *fake) {
			f.answer(wellKnown, 200, "application/json", `{"issuer":"`+strings.Repeat("x", 10<<20)+`"}`)
		}, nil, 5, "violation", "provider_info", "transport_limits", wellKnown},
		{"metadata nested 10,000 deep", func(f *fake) {
			f.answer(wellKnown, 200, "application/json", `{"x":`+strings.Repeat("[", 10000)+strings.Repeat("]", 10000)+`}`)
		}, nil, 5, "violation", "provider_info", "metadata_status", wellKnown},
		{"metadata with duplicates", func(f *fake) {
			f.answer(wellKnown, 200, "application/json", `{"issuer":"`+f.URL+`","issuer":"`+f.URL+`"}`)
		}, nil, 5, "violation", "provider_info", "metadata_status", wellKnown},
		{"metadata is HTML", func(f *fake) { f.answer(wellKnown, 200, "text/html", "<html></html>") }, nil, 5, "violation", "provider_info", "metadata_status", wellKnown},
		{"issuer by a character", issuer(func(s string) string { return s + "x" }), nil, 5, "violation", "provider_info", "metadata_issuer", wellKnown},
		{"issuer by a slash", issuer(func(s string) string { return s + "/" }), nil, 5, "violation", "provider_info", "metadata_issuer", wellKnown},
		{"issuer by case", issuer(func(s string) string { return strings.Replace(s, "https", "HTTPS", 1) }), nil, 5, "violation", "provider_info", "metadata_issuer", wellKnown},
		{"issuer by port", issuer(func(s string) string { return s[:strings.LastIndexByte(s, ':')] }), nil, 5, "violation", "provider_info", "metadata_issuer", wellKnown},
		{"an http endpoint", func(f *fake) {
			f.meta = func(m map[string]any) { m["token_endpoint"] = strings.Replace(f.URL, "https", "http", 1) + "/token" }
		}, nil, 5, "violation", "provider_info", "metadata_endpoint_url", wellKnown},
		{"a private address", func(f *fake) {
			f.meta = func(m map[string]any) { m["registration_endpoint"] = "https://[::1]:1/register" }
		}, nil, 5, "violation", "registration", "transport_address", wellKnown},
		{"a method that is excluded", func(f *fake) {
			f.meta = func(m map[string]any) { m["token_endpoint_auth_methods_supported"] = []string{"private_key_jwt"} }
		}, []string{"--token-endpoint-auth-method", "client_secret_basic"}, 2, "config", "provider_info", "metadata_capability", wellKnown},
		{"no registration", func(f *fake) { f.meta = func(m map[string]any) { delete(m, "registration_endpoint") } }, nil, 2, "config", "registration", "", wellKnown},
		{"registration refused", func(f *fake) {
			f.answer("/register", 400, "application/json", `{"error":"invalid_redirect_uri","error_description":"no"}`)
		}, nil, 4, "provider_error", "registration", "", "/register"},
		{"login refused", func(f *fake) {
			f.over["/authorize"] = func(w http.ResponseWriter, r *http.Request) {
				q := r.URL.Query()
				w.Header().Set("Location", q.Get("redirect_uri")+"?"+url.Values{"error": {"access_denied"}, "state": {q.Get("state")}, "iss": {f.URL}}.Encode())
				w.WriteHeader(302)
			}
		}, nil, 4, "provider_error", "authorization", "", "/authorize"},
		{"state missing", callbackWith(func(v url.Values) { v.Del("state") }), nil, 5, "violation", "authorization", "authz_response_state_missing", "/authorize"},
		{"state wrong", callbackWith(func(v url.Values) { v.Set("state", "another-state-of-the-same-length-0123456789") }), nil, 5, "violation", "authorization", "authz_response_state", "/authorize"},
		{"state doubled", callbackWith(func(v url.Values) { v.Add("state", v.Get("state")) }), nil, 5, "violation", "authorization", "authz_response_duplicate", "/authorize"},
		{"another issuer answers", callbackWith(func(v url.Values) { v.Set("iss", "https://evil.example") }), nil, 5, "violation", "authorization", "authz_response_iss", "/authorize"},
		{"an error page", func(f *fake) { f.answer("/authorize", 400, "text/html", "<title>Unknown client</title>") }, nil, 3, "transport", "authorization", "", "/authorize"},
		{"an error in JSON", func(f *fake) { f.answer("/authorize", 400, "application/json", `{"error":"invalid_request"}`) }, nil, 4, "provider_error", "authorization", "", "/authorize"},
		{"a page that asks", func(f *fake) {
			f.answer("/authorize", 200, "text/html", `<form method=post><input name=user required><input type=password name=pass></form>`)
		}, nil, 2, "config", "authorization", "", "/authorize"},
		{"the token endpoint answers HTML", func(f *fake) { html(f, "/token") }, nil, 5, "violation", "accesstoken", "token_response_body", "/token"},
		{"the token endpoint redirects", func(f *fake) {
			f.over["/token"] = func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
			}
		}, nil, 5, "violation", "accesstoken", "token_response_body", "/token"},
		{"the token endpoint hangs", func(f *fake) {
			f.over["/token"] = hang
		}, []string{"--timeout", "300ms"}, 6, "transport", "accesstoken", "transport_limits", "/token"},
		{"the token endpoint says no", func(f *fake) {
			f.answer("/token", 400, "application/json", `{"error":"invalid_grant"}`)
		}, nil, 4, "provider_error", "accesstoken", "", "/token"},
		{"the token endpoint hangs up", func(f *fake) {
			f.over["/token"] = func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
		}, nil, 3, "transport", "accesstoken", "", "/token"},
		{"an ID Token of another issuer", func(f *fake) { f.claims = func(c map[string]any) { c["iss"] = "https://evil.example" } }, nil, 5, "violation", "accesstoken", "idtoken_iss", "/token"},
		{"an ID Token for another client", func(f *fake) { f.claims = func(c map[string]any) { c["aud"] = "other" } }, nil, 5, "violation", "accesstoken", "idtoken_aud", "/token"},
		{"an ID Token with another nonce", func(f *fake) { f.claims = func(c map[string]any) { c["nonce"] = "other" } }, nil, 5, "violation", "accesstoken", "idtoken_nonce", "/token"},
		{"an expired ID Token", func(f *fake) { f.claims = func(c map[string]any) { c["exp"] = 1 } }, nil, 5, "violation", "accesstoken", "idtoken_exp", "/token"},
		{"a private key in the key set", func(f *fake) {
			f.answer("/jwks", 200, "application/json", `{"keys":[{"kty":"oct","k":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}]}`)
		}, nil, 5, "violation", "jwks", "jwks_no_private", "/jwks"},
		{"a huge key set", func(f *fake) { f.answer("/jwks", 200, "application/json", strings.Repeat(" ", 10<<20)) }, nil, 5, "violation", "jwks", "jwks_shape", "/jwks"},
		{"no key set", func(f *fake) { f.answer("/jwks", 200, "application/json", `{"keys":[]}`) }, nil, 5, "violation", "accesstoken", "key_kid", "/jwks"},
		{"the claims of somebody else", func(f *fake) { f.answer("/userinfo", 200, "application/json", `{"sub":"bob"}`) }, nil, 5, "violation", "userinfo", "userinfo_sub", "/userinfo"},
		{"UserInfo hangs up", func(f *fake) {
			f.over["/userinfo"] = func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
		}, nil, 3, "transport", "userinfo", "", "/userinfo"},
		{"the whole run is too slow", func(f *fake) {
			f.over[wellKnown] = hang
		}, []string{"--deadline", "200ms"}, 6, "transport", "provider_info", "transport_limits", wellKnown},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			if tt.change != nil {
				tt.change(f)
			}
			exit, o := object(t, f.at(tt.args...)...)
			if tt.kind == "" {
				tt.kind, tt.last = "ok", "/userinfo"
			}
			if exit != tt.exit || o.Outcome != tt.kind || o.FailedStep != tt.step || o.rule() != tt.rule {
				message := ""
				if o.Error != nil {
					message = *o.Error.Message
				}
				t.Errorf("exit %d, %s at %q by %q (%s); want %d, %s at %q by %q", exit, o.Outcome, o.FailedStep, o.rule(), message, tt.exit, tt.kind, tt.step, tt.rule)
			}
			asked := f.asked()
			if len(asked) > 0 && asked[len(asked)-1] != tt.last {
				t.Errorf("after the end there was a request: %v", asked)
			}
			if o.Error != nil && *o.Error.Kind != o.Outcome {
				t.Errorf("kind %q, outcome %q", *o.Error.Kind, o.Outcome)
			}
			if (o.IDToken != nil) && slices.Contains([]string{"provider_info", "registration", "authorization", "accesstoken", "jwks"}, o.FailedStep) {
				t.Errorf("claims that were not verified: %v", o.IDToken)
			}
			if o.FailedStep == "userinfo" && (o.IDToken == nil || o.UserInfo != nil) {
				t.Errorf("id_token %v, userinfo %v", o.IDToken, o.UserInfo)
			}
		})
	}
}

// hang reads what it is sent and never answers.
func hang(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
}

const wellKnown = "/.well-known/openid-configuration"

func issuer(change func(string) string) func(*fake) {
	return func(f *fake) { f.meta = func(m map[string]any) { m["issuer"] = change(f.URL) } }
}

func callbackWith(change func(url.Values)) func(*fake) {
	return func(f *fake) {
		f.over["/authorize"] = func(w http.ResponseWriter, r *http.Request) {
			q := r.URL.Query()
			v := url.Values{"code": {fakeCode}, "state": {q.Get("state")}, "iss": {f.URL}}
			change(v)
			w.Header().Set("Location", q.Get("redirect_uri")+"?"+v.Encode())
			w.WriteHeader(302)
		}
	}
}

func TestFormPost(t *testing.T) {
	f := newFake(t)
	f.over["/authorize"] = func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		f.mu.Lock()
		f.nonce = q.Get("nonce")
		f.mu.Unlock()
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, `<form method="post" action="%s"><input type=hidden name=code value="%s"><input type=hidden name=state value="%s"><input type=hidden name=iss value="%s"></form>`,
			q.Get("redirect_uri"), fakeCode, q.Get("state"), f.URL)
	}
	exit, o := object(t, f.at("--response-mode", "form_post")...)
	if exit != 0 {
		t.Errorf("exit %d, %v", exit, o.Error)
	}
	if exit, o := object(t, f.at()...); exit != 5 || o.rule() != "authz_response_mode" {
		t.Errorf("a form post that nobody asked for: exit %d, %s", exit, o.rule())
	}
}

func TestStaticClients(t *testing.T) {
	f := newFake(t)
	t.Setenv("THE_SECRET", fakeSecret)
	secretFile := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secretFile, []byte(fakeSecret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(t.TempDir(), "client.json")
	if err := os.WriteFile(config, []byte(`{"client_id":"client 1","client_secret":"`+fakeSecret+`","redirect_uris":["https://app.example/cb"],"token_endpoint_auth_method":"client_secret_post"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, args := range map[string][]string{
		"env":    {"--client-id", "client 1", "--client-secret-env", "THE_SECRET"},
		"file":   {"--client-id", "client 1", "--client-secret-file", secretFile},
		"config": {"--client-config", config},
		"public": {"--client-id", "client 1"},
	} {
		t.Run(name, func(t *testing.T) {
			var sent string
			f.over["/token"] = func(w http.ResponseWriter, r *http.Request) {
				_ = r.ParseForm()
				id, secret, _ := r.BasicAuth()
				sent = fmt.Sprintf("%s|%s|%s|%s", id, secret, r.PostForm.Get("client_id"), r.PostForm.Get("client_secret"))
				f.standard(w, r)
			}
			exit, o := object(t, f.at(args...)...)
			want := map[string]string{
				"env": "client+1|" + fakeSecret + "||", "file": "client+1|" + fakeSecret + "||",
				"config": "||client 1|" + fakeSecret, "public": "||client 1|",
			}[name]
			if exit != 0 || sent != want || slices.Contains(o.services(), "registration") {
				t.Errorf("exit %d, sent %q, want %q, steps %v, %v", exit, sent, want, o.services(), o.Error)
			}
		})
	}
}

func TestLogins(t *testing.T) {
	f := newFake(t)
	exit, o := object(t, f.at("--logins", "3")...)
	if exit != 0 || len(o.States) != 3 || slices.Contains(o.States[1:], o.States[0]) {
		t.Fatalf("exit %d, states %v", exit, o.States)
	}
	// The keys are fetched once, metadata and registration as well.
	want := []string{"provider_info", "registration", "authorization", "accesstoken", "jwks", "userinfo",
		"authorization", "accesstoken", "userinfo", "authorization", "accesstoken", "userinfo"}
	if !slices.Equal(o.services(), want) {
		t.Errorf("steps %v", o.services())
	}
}

func TestRefreshAsksForOfflineAccess(t *testing.T) {
	f := newFake(t)
	f.meta = func(m map[string]any) { m["scopes_supported"] = []string{"openid", "offline_access"} }
	_, o := object(t, f.at("--refresh")...)
	if u := o.Steps[2].Request.URL; !strings.Contains(u, "scope=openid+offline_access") || !strings.Contains(u, "prompt=consent") {
		t.Errorf("asked for %s", u)
	}
}

func TestAuthorizationParameters(t *testing.T) {
	f := newFake(t)
	_, o := object(t, f.at("--until", "authorization", "--max-age", "0", "--prompt", "login", "--acr-values", "a b", "--ui-locales", "sv en",
		"--login-hint", "ann", "--claims", `{"userinfo":{"name":null}}`, "--param", "audience_hint=x y", "--resource-indicator", "https://api.example/",
		"--scope", "openid email", "--redirect-uri", "https://app.example/cb")...)
	u, err := url.Parse(o.Steps[2].Request.URL)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	for name, want := range map[string]string{
		"max_age": "0", "prompt": "login", "acr_values": "a b", "ui_locales": "sv en", "login_hint": "ann", "audience_hint": "x y",
		"resource": "https://api.example/", "scope": "openid email", "redirect_uri": "https://app.example/cb", "code_challenge_method": "S256",
		"response_type": "code",
	} {
		if q.Get(name) != want || len(q[name]) != 1 {
			t.Errorf("%s: got %q, want %q", name, q[name], want)
		}
	}
	if q.Get("claims") == "" || len(q.Get("state")) < 43 || len(q.Get("nonce")) != 43 {
		t.Errorf("got %v", q)
	}
}

func TestPrintedURL(t *testing.T) {
	f := newFake(t)
	// Nobody answers: the run was given up.
	exit, stdout, stderr := oidcWith(t, "", f.at("--user-agent", "print", "--output", "json")...)
	o := parseObject(t, exit, stdout, stderr)
	if exit != 6 || o.FailedStep != "authorization" || !strings.Contains(stderr, f.URL+"/authorize?") {
		t.Errorf("exit %d, %v, %s", exit, o.Error, stderr)
	}
	// The answer carries a state that is not ours.
	exit, stdout, stderr = oidcWith(t, "https://rp.example/callback?code=x&state=y\n", f.at("--user-agent", "print", "--output", "json")...)
	if o := parseObject(t, exit, stdout, stderr); exit != 5 || o.rule() != "authz_response_state" {
		t.Errorf("exit %d, %v", exit, o.Error)
	}
	exit, stdout, stderr = oidcWith(t, "https://elsewhere.example/?code=x\n", f.at("--user-agent", "print", "--output", "json")...)
	if o := parseObject(t, exit, stdout, stderr); exit != 2 {
		t.Errorf("another address: exit %d, %v", exit, o.Error)
	}
}

func TestDeadlineDoesNotWait(t *testing.T) {
	f := newFake(t)
	f.over["/token"] = hang
	began := time.Now()
	if exit, _ := object(t, f.at("--deadline", "300ms")...); exit != 6 || time.Since(began) > 4*time.Second {
		t.Errorf("exit %d after %v", exit, time.Since(began))
	}
}

// The provider changes its key between two logins: one refetch finds it, and a
// second change within the minute is not chased.
func TestKeyRotationBetweenLogins(t *testing.T) {
	f := newFake(t)
	logins := 0
	rotate := func(at ...int) {
		logins = 0
		f.over["/token"] = func(w http.ResponseWriter, r *http.Request) {
			logins++
			if slices.Contains(at, logins) {
				key, err := keyjar.Generate("RS256", rand.Reader, keyjar.KeyOptions{Use: "sig", Algorithm: "RS256"})
				if err != nil {
					t.Error(err)
				}
				f.key = key
			}
			f.standard(w, r)
		}
	}
	rotate(2)
	exit, o := object(t, f.at("--logins", "3")...)
	if exit != 0 || strings.Count(strings.Join(o.services(), " "), "jwks") != 2 {
		t.Errorf("one rotation: exit %d, %v, %v", exit, o.services(), o.Error)
	}
	rotate(2, 3)
	exit, o = object(t, f.at("--logins", "3")...)
	if exit != 5 || o.rule() != "jwks_refetch_cooldown" || strings.Count(strings.Join(o.services(), " "), "jwks") != 2 || len(o.States) != 3 {
		t.Errorf("two rotations: exit %d, %s, %v", exit, o.rule(), o.services())
	}
	if o.IDToken != nil || o.UserInfo != nil || slices.Contains(o.StateRecord, "token_response") {
		t.Errorf("the last login failed, and another one is told: %v, %v", o.IDToken, o.StateRecord)
	}
}

// Faults below the protocol are faults of the transport.
func TestBrokenHTTP(t *testing.T) {
	raw := func(answer string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			conn, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				return
			}
			_, _ = io.WriteString(conn, answer)
			_ = conn.Close()
		}
	}
	for name, h := range map[string]http.HandlerFunc{
		"garbage":          raw("SSH-2.0-OpenSSH_9.9\r\n"),
		"half an answer":   raw("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{\"access_token\""),
		"half a chunk":     raw("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n{"),
		"nothing":          raw(""),
		"gzip that is not": raw("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}"),
	} {
		for path, step := range map[string]string{wellKnown: "provider_info", "/register": "registration", "/token": "accesstoken", "/jwks": "jwks", "/userinfo": "userinfo", "/authorize": "authorization"} {
			t.Run(name+" at "+step, func(t *testing.T) {
				f := newFake(t)
				f.over[path] = h
				exit, o := object(t, f.at()...)
				if exit != 3 || o.FailedStep != step {
					t.Errorf("exit %d, %s at %s: %s", exit, o.Outcome, o.FailedStep, *o.Error.Message)
				}
				if n := strings.Count(strings.Join(f.asked(), " "), path); n != 1 {
					t.Errorf("%d requests", n)
				}
			})
		}
	}
}

// TestEmptyProvider: a variable that is not set does not lead to the embedded provider.
func TestEmptyProvider(t *testing.T) {
	for _, args := range [][]string{{"walkthrough", "--issuer", ""}, {"walkthrough", "--resource", ""}, {"discover", ""}} {
		if exit, o := object(t, args...); exit != 2 || o.Outcome != "config" {
			t.Errorf("%q: exit %d, %s", args, exit, o.Outcome)
		}
	}
}
