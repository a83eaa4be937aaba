package rp_test

import (
	"fmt"
	"html"
	"io"
	"log"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"

	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/op/optest"
	"github.com/oidcservice/oidc/rp"
)

// newSite is a web site whose users log in at a provider.
func newSite(options rp.Options) (http.Handler, error) {
	party, err := rp.New(rp.Config{
		Issuer:                "https://op.example",
		RedirectURI:           "https://app.example/callback",
		PostLogoutRedirectURI: "https://app.example/goodbye",
		Scope:                 []string{"openid", "email"},
		Options:               options,
	})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/callback", party.Callback(nil))
	mux.Handle("/logout", party.Logout())
	mux.Handle("/goodbye", party.LoggedOut())
	mux.Handle("/", party.Protect(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user := rp.LoginOf(r.Context())
		fmt.Fprintf(w, "Hello %s, you are %s at %s\n", user.UserInfo.Email, user.Subject, user.Issuer)
	})))
	return mux, nil
}

// A working login: every rule of the specifications is checked, the answer is tied to
// the browser that asked, and a stolen callback is worthless. The provider here is the
// one for tests, and the browser a few lines below.
func Example() {
	provider, err := optest.New()
	if err != nil {
		log.Fatal(err)
	}
	site, err := newSite(rp.Options{HTTP: rp.ClientOptions{Transport: provider.Transport()}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(visit("https://app.example/", site, provider))
	// Output: Hello diana@op.example, you are diana at https://op.example
}

// The three calls, for programs without handlers.
func ExampleParty_Tokens() {
	provider, err := optest.New()
	if err != nil {
		log.Fatal(err)
	}
	party, err := rp.New(rp.Config{
		Issuer:      optest.Issuer,
		RedirectURI: "https://app.example/callback",
		Options:     rp.Options{HTTP: rp.ClientOptions{Transport: provider.Transport()}},
	})
	if err != nil {
		log.Fatal(err)
	}
	ctx := exampleContext()
	address, binding, err := party.AuthorizationURL(ctx, rp.LoginRequest{})
	if err != nil {
		log.Fatal(err)
	}
	callbackURL := logIn(address, provider) // the user goes there and comes back
	tokens, err := party.Tokens(ctx, callbackURL, binding)
	if err != nil {
		log.Fatal(err)
	}
	claims, err := party.Claims(ctx, tokens.RawIDToken)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(claims.Subject, "with", len(tokens.Checks) > 40, "checks,", tokens.AccessToken)
	// Output: diana with true checks, ***
}

// An API is called with the token of whoever is logged in.
func ExampleParty_HTTPClient() {
	provider, err := optest.New()
	if err != nil {
		log.Fatal(err)
	}
	party, err := rp.New(rp.Config{
		Issuer:      optest.Issuer,
		RedirectURI: "https://app.example/callback",
		Scope:       []string{"openid", "email"},
		Options:     rp.Options{HTTP: rp.ClientOptions{Transport: provider.Transport()}},
	})
	if err != nil {
		log.Fatal(err)
	}
	api := party.HTTPClient("https://op.example") // the token goes there and nowhere else
	mux := http.NewServeMux()
	mux.Handle("/callback", party.Callback(nil))
	mux.Handle("/", party.Protect(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		req, err := http.NewRequestWithContext(r.Context(), http.MethodGet, "https://op.example/userinfo", nil)
		if err != nil {
			log.Fatal(err)
		}
		resp, err := api.Do(req)
		if err != nil {
			log.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			log.Fatal(err)
		}
		var info message.UserInfoResponse
		if err := message.DecodeJSON(body, &info); err != nil {
			log.Fatal(err)
		}
		fmt.Fprintln(w, resp.StatusCode, info.Email)
	})))
	fmt.Print(visit("https://app.example/", mux, provider))
	// Output: 200 diana@op.example
}

// The user and the browser.

var (
	exampleForm  = regexp.MustCompile(`<form[^>]* action="([^"]*)"`)
	exampleField = regexp.MustCompile(`<input type="(?:hidden|checkbox)"[^>]* name="([^"]*)" value="([^"]*)"`)
)

// visit goes to an address of the site, fills in the provider's forms, and returns the
// page at which this ends.
func visit(address string, site http.Handler, provider *optest.Provider) string {
	browser := exampleBrowser(map[string]http.Handler{"app.example": site, "op.example": provider})
	resp, err := browser.Get(address)
	for range 5 {
		if err != nil {
			log.Fatal(err)
		}
		page, err := io.ReadAll(resp.Body)
		if err != nil {
			log.Fatal(err)
		}
		form := exampleForm.FindStringSubmatch(string(page))
		if form == nil {
			return string(page)
		}
		resp, err = browser.PostForm("https://op.example"+form[1], exampleAnswers(string(page)))
		if err != nil {
			log.Fatal(err)
		}
	}
	return "the pages do not end"
}

// logIn goes to the provider and returns where it sends the user back to.
func logIn(address string, provider *optest.Provider) string {
	back := ""
	visit(address, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { back = r.URL.String() }), provider)
	return back
}

func exampleAnswers(page string) url.Values {
	values := url.Values{"username": {optest.Username}, "password": {optest.Password}, "action": {"login"}}
	if strings.Contains(page, `value="allow"`) {
		values.Set("action", "allow")
	}
	for _, field := range exampleField.FindAllStringSubmatch(page, -1) {
		values.Add(field[1], html.UnescapeString(field[2]))
	}
	return values
}

func exampleBrowser(hosts map[string]http.Handler) *http.Client {
	jar, err := cookiejar.New(nil)
	if err != nil {
		log.Fatal(err)
	}
	return &http.Client{Jar: jar, Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
		return (&optest.Transport{Host: r.URL.Host, Handler: hosts[r.URL.Host]}).RoundTrip(r)
	})}
}
