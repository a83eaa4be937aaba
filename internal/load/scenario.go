package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A scenario is one request that is measured.
type scenario struct {
	name   string
	title  string
	target float64 // the ratio to the floor that it may have
	// prepare does what comes before n requests, unmeasured, and returns their forms.
	prepare func(ctx context.Context, g *generator, n int) ([]url.Values, error)
}

var scenarios = []scenario{
	{"code", "code for tokens, ES256", 1.4, prepareCodes},
	{"client_credentials", "client credentials, opaque token", 1.6, prepareCredentials},
}

func names() []string {
	var all []string
	for _, s := range scenarios {
		all = append(all, s.name)
	}
	return all
}

// A generator sends requests to one server.
type generator struct {
	url         string
	client      *http.Client
	connections int
	floor       bool
	users       []*http.Client // each with the session of a user
}

// fresh is a nonce or code verifier: 43 characters that nobody can guess.
func fresh() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // it does not fail
	return base64.RawURLEncoding.EncodeToString(b[:])
}

func newGenerator(address string, connections int, isFloor bool) *generator {
	transport := &http.Transport{MaxIdleConns: connections, MaxIdleConnsPerHost: connections, IdleConnTimeout: time.Minute}
	return &generator{url: address, client: browser(transport, nil), connections: connections, floor: isFloor}
}

func browser(transport http.RoundTripper, jar http.CookieJar) *http.Client {
	return &http.Client{
		Transport: transport, Jar: jar, Timeout: 30 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

var (
	formAction = regexp.MustCompile(`action="([^"]+)"`)
	formTicket = regexp.MustCompile(`name="ticket" value="([^"]+)"`)
)

var errPage = errors.New("the provider showed a page that was not expected")

// login logs n users in.
func (g *generator) login(ctx context.Context, n int) error {
	for i := range n {
		jar, err := cookiejar.New(nil)
		if err != nil {
			return err
		}
		user := browser(g.client.Transport, jar)
		page, _, err := g.send(ctx, user, "GET", g.authorization(fresh()), nil)
		if err != nil {
			return err
		}
		action, ticket := formAction.FindSubmatch(page), formTicket.FindSubmatch(page)
		if action == nil || ticket == nil {
			return errPage
		}
		_, _, err = g.send(ctx, user, "POST", g.url+html.UnescapeString(string(action[1])), url.Values{
			"ticket": {html.UnescapeString(string(ticket[1]))}, "username": {"user-" + strconv.Itoa(i)}, "password": {password}, "action": {"login"},
		})
		if err != nil {
			return err
		}
		g.users = append(g.users, user)
	}
	return nil
}

func (g *generator) authorization(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return g.url + "/authorize?" + url.Values{
		"response_type": {"code"}, "client_id": {clientID}, "redirect_uri": {redirectURI}, "scope": {"openid"}, "state": {"s"},
		"nonce": {fresh()}, "code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
	}.Encode()
}

// send sends a request and reads the answer.
func (g *generator) send(ctx context.Context, client *http.Client, method, address string, form url.Values) ([]byte, *http.Response, error) {
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	req, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return nil, nil, err
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if strings.HasSuffix(address, "/token") {
		req.SetBasicAuth(clientID, clientSecret)
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode >= 400 {
		err = fmt.Errorf("%s: status %d: %s", req.URL.Path, resp.StatusCode, data)
	}
	return data, resp, err
}

// code gets a code for a user who is logged in, and returns the form that redeems it.
func (g *generator) code(ctx context.Context, user *http.Client) (url.Values, error) {
	verifier := fresh()
	_, resp, err := g.send(ctx, user, "GET", g.authorization(verifier), nil)
	if err != nil {
		return nil, err
	}
	location, err := url.Parse(resp.Header.Get("Location"))
	if err != nil || location.Query().Get("code") == "" {
		return nil, errors.Join(errPage, err)
	}
	return codeForm(location.Query().Get("code"), verifier), nil
}

func codeForm(code, verifier string) url.Values {
	return url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {redirectURI}, "code_verifier": {verifier}}
}

func prepareCodes(ctx context.Context, g *generator, n int) ([]url.Values, error) {
	forms := make([]url.Values, n)
	err := g.each(n, func(i int) error {
		if g.floor { // it looks at nothing
			forms[i] = codeForm(fresh(), fresh())
			return nil
		}
		var err error
		forms[i], err = g.code(ctx, g.users[i%len(g.users)])
		return err
	})
	return forms, err
}

func credentialsForm() url.Values {
	return url.Values{"grant_type": {"client_credentials"}, "scope": {"api"}}
}

func prepareCredentials(_ context.Context, _ *generator, n int) ([]url.Values, error) {
	forms := make([]url.Values, n)
	for i := range forms {
		forms[i] = credentialsForm()
	}
	return forms, nil
}

// redeem sends one token request and returns how long it took.
func (g *generator) redeem(ctx context.Context, form url.Values) (time.Duration, error) {
	began := time.Now()
	body, _, err := g.send(ctx, g.client, "POST", g.url+"/token", form)
	took := time.Since(began)
	if err != nil {
		return took, err
	}
	var answer struct {
		AccessToken string `json:"access_token"`
		IDToken     string `json:"id_token"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return took, err
	}
	if answer.AccessToken == "" || (answer.IDToken != "") != form.Has("code") {
		return took, errors.New("the answer lacks a token")
	}
	return took, nil
}

// each runs work for every number below n, some at a time.
func (g *generator) each(n int, work func(i int) error) error {
	next := make(chan int)
	var group sync.WaitGroup
	failed := make(chan error, g.connections)
	for range g.connections {
		group.Go(func() {
			var first error
			for i := range next {
				if first == nil {
					first = work(i)
				}
			}
			failed <- first
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	group.Wait()
	close(failed)
	var all []error
	for err := range failed {
		all = append(all, err)
	}
	return errors.Join(all...)
}
