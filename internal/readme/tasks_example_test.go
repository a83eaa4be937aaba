package readme

import (
	"context"
	"fmt"
	"html/template"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/op"
	"github.com/oidcservice/oidc/op/optest"
	"github.com/oidcservice/oidc/rp"
	"github.com/oidcservice/oidc/servicecontext"
)

// withSettings says how users log in.
func withSettings(o rp.Options, logger *slog.Logger) rp.Options {
	o.LoginPath = "/login" // error pages lead there
	o.Logger = logger      // every failure, once, with its rule
	o.Request = func(r *http.Request, m *message.AuthorizationRequest) {
		m.UILocales = message.List{"de", "en"}
		if r.URL.Path == "/switch" {
			m.Prompt = message.List{"select_account"}
		}
	}
	o.Error = func(w http.ResponseWriter, _ *http.Request, p *rp.Problem) {
		w.WriteHeader(p.Status)
		_ = problemPage.Execute(w, p)
	}
	return o
}

var problemPage = template.Must(template.New("").Parse(
	`<h1>{{.Title}}</h1><p>{{.What}} {{.Advice}}</p>{{with .Retry}}<a href="{{.}}">Start again</a>{{end}}<small>{{.Reference}}</small>`))

// newBank wants more of some logins than of others.
func newBank(party *rp.Party, balance, pay http.Handler) http.Handler {
	site := http.NewServeMux()
	site.Handle("/login", party.Login())
	site.Handle("/callback", party.Callback(nil))
	site.Handle("/balance", party.Protect(balance))
	site.Handle("/pay", party.ProtectWith(rp.Need{MaxAge: 5 * time.Minute}, pay))
	return site
}

// newPortal makes a site whose users choose where they log in.
func newPortal(options rp.Options) (http.Handler, error) {
	options.LoginPath = "/login"
	party, err := rp.NewParty(rp.PartyConfig{
		CallbackBase: "https://app.example/callback/", // each provider gets a redirect URI below it
		Providers: []servicecontext.Config{
			{Issuer: "https://op.example", Scope: []string{"openid", "email"}},
			{Issuer: "https://other.example", Scope: []string{"openid", "email"}},
		},
		// Users may name another one, as long as it is of our federation.
		Dynamic: &rp.Dynamic{Allow: func(_ context.Context, issuer string) bool {
			u, err := url.Parse(issuer) // the host decides, not how the text ends
			return err == nil && strings.HasSuffix(u.Hostname(), ".university.example")
		}},
		Options: options,
	})
	if err != nil {
		return nil, err
	}
	site := http.NewServeMux()
	site.Handle("/login", party.Login()) // shows the choice; ?iss= or ?identifier= makes it
	site.Handle("/callback/", party.Callback(nil))
	site.Handle("/", party.Protect(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		login := rp.LoginOf(r.Context())
		fmt.Fprintln(w, "You are", login.Subject, "at", login.Issuer) // both together name a user
	})))
	return site, nil
}

// newLeaving makes a site that users can leave, on all channels.
func newLeaving(options rp.Options) (http.Handler, error) {
	options.AfterLogout = "/bye"
	options.Ended = func(ctx context.Context, logins []string) {
		slog.InfoContext(ctx, "the provider ended logins", "logins", len(logins))
	}
	party, err := rp.New(rp.Config{
		Issuer:                "https://op.example",
		RedirectURI:           "https://app.example/callback",
		PostLogoutRedirectURI: "https://app.example/goodbye",
		ServiceContext: servicecontext.Config{Metadata: message.ClientMetadata{
			BackchannelLogoutURI:  "https://app.example/backchannel",
			FrontchannelLogoutURI: "https://app.example/frontchannel",
		}},
		Options: options,
	})
	if err != nil {
		return nil, err
	}
	site := http.NewServeMux()
	site.Handle("/login", party.Login())
	site.Handle("/callback", party.Callback(nil))
	site.Handle("/logout", party.Logout())                   // users go here
	site.Handle("/goodbye", party.LoggedOut())               // and come back here
	site.Handle("/backchannel", party.BackchannelLogout())   // the provider tells us
	site.Handle("/frontchannel", party.FrontchannelLogout()) // or their browser does
	site.Handle("/account", party.Protect(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, "You are", rp.LoginOf(r.Context()).Subject)
	})))
	return site, nil
}

// userInfo calls an API for the user of a request, with a token that is valid.
func userInfo(party *rp.Party) http.Handler {
	api := party.HTTPClient("https://op.example") // the token goes there and nowhere else
	return party.Protect(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		req, err := http.NewRequestWithContext(r.Context(), http.MethodGet, "https://op.example/userinfo", nil)
		if err != nil {
			http.Error(w, "no request", http.StatusInternalServerError)
			return
		}
		resp, err := api.Do(req)
		if err != nil {
			http.Error(w, "log in again", http.StatusUnauthorized)
			return
		}
		defer func() { _ = resp.Body.Close() }()
		_, _ = io.Copy(w, resp.Body)
	}))
}

// nightly works for a login while its user is away.
func nightly(ctx context.Context, party *rp.Party, login string) (message.Secret, error) {
	access, err := party.Token(login).Access(ctx) // refreshed if it is due, once for all callers
	if err != nil {
		return "", err // errors.Is(err, rp.ErrTokenExpired): the user has to log in again
	}
	return access.Token, nil
}

// threeCalls logs a user in without handlers: visit takes the user to the address and
// returns the address to which the provider sent the browser back.
func threeCalls(ctx context.Context, party *rp.Party, visit func(address string) string) (*message.IDToken, error) {
	address, binding, err := party.AuthorizationURL(ctx, rp.LoginRequest{})
	if err != nil {
		return nil, err
	}
	tokens, err := party.Tokens(ctx, visit(address), binding)
	if err != nil {
		return nil, err
	}
	return party.Claims(ctx, tokens.RawIDToken)
}

// TestAccountPage is a test of a site: a user logs in, without a network.
func TestAccountPage(t *testing.T) {
	provider, err := optest.New(func(c *op.Config) {
		ada := optest.Account{Password: optest.Password, User: optest.Diana()}
		ada.User.ID, ada.User.Claims["email"] = "ada", "ada@op.example"
		c.Users = optest.Users{optest.Username: ada}
	})
	if err != nil {
		t.Fatal(err)
	}
	site, err := newSite(rp.Options{HTTP: rp.ClientOptions{Transport: provider.Transport()}})
	if err != nil {
		t.Fatal(err)
	}
	user := browser{t: t, Client: provider.Client()}
	user.Transport = hosts{
		"op.example":  provider.Transport(),
		"app.example": &optest.Transport{Host: "app.example", Handler: site},
	}
	if got := user.visit("https://app.example/account").body; got != "You are ada ada@op.example\n" {
		t.Errorf("the account page says %q", got)
	}
}

// TestPageOfSomebody is a test of a page alone: it needs a login, and no login process.
func TestPageOfSomebody(t *testing.T) {
	page := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "Hello ", rp.LoginOf(r.Context()).Subject)
	})
	r := httptest.NewRequest(http.MethodGet, "https://app.example/hello", nil)
	r = r.WithContext(rp.WithLogin(r.Context(), &rp.Login{Issuer: "https://op.example", Subject: "ada"}))
	w := httptest.NewRecorder()
	page.ServeHTTP(w, r)
	if got := w.Body.String(); got != "Hello ada" {
		t.Error(got)
	}
}

// at is a browser that reaches a site and its provider.
func at(t *testing.T, site http.Handler, provider *optest.Provider) *browser {
	t.Helper()
	user := &browser{t: t, Client: provider.Client()}
	user.Transport = hosts{"op.example": provider.Transport(), "app.example": &optest.Transport{Host: "app.example", Handler: site}}
	return user
}

// The sites of the task pages do what the pages say.
func TestTasks(t *testing.T) {
	provider, err := optest.New()
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	options := withSettings(rp.Options{HTTP: rp.ClientOptions{Transport: provider.Transport()}}, slog.New(slog.NewTextHandler(&log, nil)))
	party, err := rp.New(rp.Config{Issuer: optest.Issuer, RedirectURI: "https://app.example/callback", Scope: []string{"openid", "email", "offline_access"}, Options: options})
	if err != nil {
		t.Fatal(err)
	}

	login := ""
	bank := newBank(party, userInfo(party), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		login = rp.LoginOf(r.Context()).ID
		fmt.Fprint(w, "paid")
	}))
	user := at(t, bank, provider)
	if got := user.visit("https://app.example/balance"); !strings.Contains(got.body, "diana@op.example") {
		t.Errorf("an API is called: %+v", got)
	}
	if got := user.visit("https://app.example/pay"); got.body != "paid" {
		t.Errorf("a fresh login: %+v", got)
	}
	if token, err := nightly(t.Context(), party, login); err != nil || token == "" {
		t.Error(token, err)
	}
	if got := user.visit("https://app.example/callback?state=x&code=y"); got.status != http.StatusBadRequest || !strings.Contains(got.body, "Start again") ||
		!strings.Contains(log.String(), "rule=authz_response_state ") {
		t.Errorf("a problem: %+v, %s", got, log.String())
	}

	claims, err := threeCalls(t.Context(), party, func(address string) string { return (&browser{t: t, Client: provider.Client()}).visit(address).address })
	if err != nil || claims.Subject != "diana" {
		t.Error(claims, err)
	}

	portal, err := newPortal(rp.Options{HTTP: rp.ClientOptions{Transport: provider.Transport()}})
	if err != nil {
		t.Fatal(err)
	}
	if got := at(t, portal, provider).visit("https://app.example/login?iss=https://op.example&return_to=/x"); got.body != "You are diana at https://op.example\n" {
		t.Errorf("one of many providers: %+v", got)
	}
	for _, issuer := range []string{"https://evil.example", "https://evil.example/.university.example"} {
		if got := at(t, portal, provider).visit("https://app.example/login?iss=" + issuer); got.status != http.StatusBadRequest {
			t.Errorf("a provider that is not ours, %s: %+v", issuer, got)
		}
	}

	leaving, err := newLeaving(rp.Options{HTTP: rp.ClientOptions{Transport: provider.Transport()}})
	if err != nil {
		t.Fatal(err)
	}
	user = at(t, leaving, provider)
	if got := user.visit("https://app.example/account"); got.body != "You are diana\n" {
		t.Fatalf("%+v", got)
	}
	r, err := http.NewRequest(http.MethodGet, "https://app.example/logout", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	resp, err := user.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if there, err := resp.Location(); err != nil || !strings.HasPrefix(there.String(), "https://op.example/end_session?") {
		t.Errorf("a logout leads to %v", there)
	}
}

// Each rule that the page for operators explains exists.
func TestExplainedRulesExist(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(top, "docs", "troubleshoot.md"))
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for line := range strings.Lines(string(page)) {
		name, ok := strings.CutPrefix(line, "| `")
		if !ok {
			continue
		}
		name, _, _ = strings.Cut(name, "`")
		if !strings.Contains(name, "_") {
			continue
		}
		found++
		if message.Rule(name).Text() == "" {
			t.Errorf("there is no rule %s", name)
		}
	}
	if found < 20 {
		t.Errorf("%d rules are explained", found)
	}
}
