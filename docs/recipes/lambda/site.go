// Package site is a site whose users log in, as a function of AWS Lambda behind an API
// Gateway (payload format 2.0).
package site

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"

	"github.com/aws/aws-lambda-go/events"

	"github.com/oidcservice/oidc/rp"
)

// A Function answers an event: lambda.Start takes it.
type Function = func(context.Context, events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error)

// New makes the site. Its account page is for users who are logged in. Each event may meet
// another instance of the function, so options.DB must have a store that they share.
func New(options rp.Options) (Function, error) {
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
	router := http.NewServeMux()
	router.Handle("/login", party.Login())
	router.Handle("/callback", party.Callback(nil))
	router.Handle("/logout", party.Logout())
	router.Handle("/goodbye", party.LoggedOut())
	router.Handle("/account", party.Protect(http.HandlerFunc(account)))
	return function(router), nil
}

// function lets a handler answer events.
func function(h http.Handler) Function {
	return func(ctx context.Context, e events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error) {
		body := []byte(e.Body)
		if e.IsBase64Encoded {
			var err error
			if body, err = base64.StdEncoding.DecodeString(e.Body); err != nil {
				return events.APIGatewayV2HTTPResponse{StatusCode: http.StatusBadRequest}, nil
			}
		}
		target := e.RawPath
		if e.RawQueryString != "" {
			target += "?" + e.RawQueryString
		}
		r, err := http.NewRequestWithContext(ctx, e.RequestContext.HTTP.Method, "https://"+e.RequestContext.DomainName+target, bytes.NewReader(body))
		if err != nil {
			return events.APIGatewayV2HTTPResponse{StatusCode: http.StatusBadRequest}, nil
		}
		r.RequestURI, r.RemoteAddr = target, e.RequestContext.HTTP.SourceIP
		for name, value := range e.Headers {
			r.Header.Set(name, value)
		}
		// The gateway takes the cookies out of the header.
		if len(e.Cookies) > 0 {
			r.Header.Set("Cookie", strings.Join(e.Cookies, "; "))
		}
		w := &answer{header: http.Header{}}
		h.ServeHTTP(w, r)
		return w.event(), nil
	}
}

// An answer is an http.ResponseWriter that becomes an event.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *answer) Header() http.Header { return a.header }

func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}

func (a *answer) Write(b []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(b)
}

func (a *answer) event() events.APIGatewayV2HTTPResponse {
	a.WriteHeader(http.StatusOK)
	e := events.APIGatewayV2HTTPResponse{
		StatusCode: a.status, Headers: map[string]string{}, Cookies: a.header.Values("Set-Cookie"),
		Body: base64.StdEncoding.EncodeToString(a.body.Bytes()), IsBase64Encoded: true,
	}
	for name, values := range a.header {
		if name != "Set-Cookie" {
			e.Headers[name] = strings.Join(values, ", ")
		}
	}
	return e
}

func account(w http.ResponseWriter, r *http.Request) {
	login := rp.LoginOf(r.Context())
	fmt.Fprintf(w, "You are %s %s\n", login.Subject, login.UserInfo.Email)
}
