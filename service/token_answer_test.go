package service_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/service"
	"github.com/oidcservice/oidc/state"
)

// TestTokenErrorObject: an error object is an error with its status and the challenge
// beside it, and nothing else of the answer is used (RFC 6749, Section 5.2).
func TestTokenErrorObject(t *testing.T) {
	for name, test := range map[string]struct {
		a      answer
		status int
		scheme string
	}{
		"400":              {answer{Status: 400}, 400, ""},
		"401, a challenge": {answer{Status: 401, Header: map[string]string{"WWW-Authenticate": `Basic realm="token", charset="UTF-8"`}}, 401, "basic"},
		"in a 200":         {answer{}, 200, ""},
	} {
		test.a.JSON = map[string]any{"error": "invalid_client", "error_description": "who?"}
		w, err := newWorld(t, override{Answers: map[string]answer{service.AccessTokenName: test.a}})
		if err != nil {
			t.Fatal(err)
		}
		_, err = w.run(context.Background())
		var declared *message.Error
		if !errors.As(err, &declared) || declared.Code != message.InvalidClient || declared.Status != test.status || declared.Description != "who?" {
			t.Errorf("%s: %v", name, err)
		}
		var challenged *service.ChallengeError
		if errors.As(err, &challenged) != (test.scheme != "") || challenged != nil && (challenged.Challenge.Scheme != test.scheme || challenged.Challenge.Params["realm"] != "token") {
			t.Errorf("%s: the challenge is %+v", name, challenged)
		}
		r, err := w.db.Session(context.Background(), w.login)
		if err != nil || r.Item(state.ItemTokenResponse) != nil {
			t.Errorf("%s: the answer was kept: %v", name, err)
		}
	}
}

// recording counts the entries that are written, by key.
type recording struct {
	*state.Memory
	puts map[string]int
	ttl  time.Duration // the longest of an entry that was added
}

func (s *recording) Put(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	s.puts[key]++
	return s.Memory.Put(ctx, key, value, ttl)
}

func (s *recording) Add(ctx context.Context, key string, value []byte, ttl time.Duration) (bool, error) {
	s.ttl = max(s.ttl, ttl)
	return s.Memory.Add(ctx, key, value, ttl)
}

func (s *recording) Swap(ctx context.Context, key string, old, value []byte, ttl time.Duration) (bool, error) {
	s.puts[key]++
	return s.Memory.Swap(ctx, key, old, value, ttl)
}

// TestTokensAreKeptAtOnce: tokens, verified claims and what finds them go into the
// record by one write, after everything was judged.
func TestTokensAreKeptAtOnce(t *testing.T) {
	w := upToCode(t)
	ctx := context.Background()
	svc := w.services.Get(service.AccessTokenName)
	if _, err := service.Run(ctx, w.services.Get(service.JWKSName), service.Args{}, w.send); err != nil {
		t.Fatal(err)
	}
	req, err := svc.GetRequestParameters(ctx, service.Args{State: w.login})
	if err != nil {
		t.Fatal(err)
	}
	resp, err := w.send(ctx, req)
	if err != nil {
		t.Fatal(err)
	}
	store := &recording{Memory: w.db.Store.(*state.Memory), puts: map[string]int{}}
	w.db = &state.DB{Store: store}
	swapped := service.NewAccessToken(service.Env{Context: w.sc, DB: w.db})
	res, err := swapped.ParseResponse(ctx, resp)
	if err != nil {
		t.Fatal(err)
	}
	if len(store.puts) != 0 || store.ttl != 0 {
		t.Errorf("judging wrote %v", store.puts)
	}
	if err := swapped.UpdateServiceContext(ctx, res); err != nil {
		t.Fatal(err)
	}
	records := 0
	for _, n := range store.puts {
		records = max(records, n)
	}
	if records != 1 {
		t.Errorf("an entry was written %d times: %v", records, store.puts)
	}
	r, err := w.db.Session(ctx, w.login)
	if err != nil || r.Item(state.ItemTokenResponse) == nil || r.Kept(state.KeptIDTokenClaims) == "" {
		t.Errorf("the record lacks tokens or claims: %v", err)
	}
}

// TestNonceIsRemembered: for as long as the ID Token lives, however long that is.
func TestNonceIsRemembered(t *testing.T) {
	for _, life := range []int64{600, 3 * 86400, 20_000_000_000} {
		w, err := newWorld(t, override{IDToken: map[string]any{"exp": testNow.Unix() + life}})
		if err != nil {
			t.Fatal(err)
		}
		store := &recording{Memory: w.db.Store.(*state.Memory), puts: map[string]int{}}
		w.db.Store = store
		if at, err := w.run(context.Background()); err != nil {
			t.Fatalf("%s: %v", at, err)
		}
		if want := time.Duration(min(life, 50*365*86400)) * time.Second; store.ttl < want {
			t.Errorf("a token of %d seconds is remembered for %s", life, store.ttl)
		}
	}
}

// TestRefreshRotates: a new refresh token takes the old one's place, one write does it,
// and the old one is sent no more; without a new one the old stays in force. A failure
// other than invalid_grant changes nothing.
func TestRefreshRotates(t *testing.T) {
	w := upToCode(t)
	ctx := context.Background()
	if _, err := service.Run(ctx, w.services.Get(service.AccessTokenName), service.Args{State: w.login}, w.send); err != nil {
		t.Fatal(err)
	}
	var sent []string
	w.sending = func(req *service.Request) {
		if req.Service != service.RefreshTokenName {
			return
		}
		form := formOf(t, req)
		token := form.Get("refresh_token")
		sent = append(sent, token)
		if strings.Contains(req.URL, token) || strings.Contains(strings.Join(req.Header["Authorization"], " "), token) || len(form["refresh_token"]) != 1 {
			t.Error("the refresh token travels outside of the body")
		}
	}
	body := `{"access_token":"a","token_type":"Bearer"}`
	refresh := func(a answer) error {
		w.now = w.now.Add(time.Minute)
		w.o.Answers = map[string]answer{service.RefreshTokenName: a}
		_, err := service.Run(ctx, w.services.Get(service.RefreshTokenName), service.Args{State: w.login}, w.send)
		return err
	}
	rotated := `{"access_token":"b","token_type":"Bearer","refresh_token":"rotated"}`
	declared := `{"error":"invalid_client"}`
	for i, a := range []answer{{Body: &body}, {Status: 500, Body: &body}, {Status: 401, Body: &declared}, {Body: &rotated}, {Body: &body}} {
		if err := refresh(a); (err != nil) != (a.Status != 0) {
			t.Fatalf("%d: %v", i, err)
		}
	}
	gone := `{"error":"invalid_grant"}`
	if err := refresh(answer{Status: 400, Body: &gone}); !errors.Is(err, message.InvalidGrant) || w.alive() {
		t.Errorf("invalid_grant: alive %v, %v", w.alive(), err)
	}
	if want := "8xLOxBtZp8 8xLOxBtZp8 8xLOxBtZp8 8xLOxBtZp8 rotated rotated"; strings.Join(sent, " ") != want {
		t.Errorf("sent %v", sent)
	}
}

// TestRefreshAcrossProcesses: processes that share a store refresh one at a time.
func TestRefreshAcrossProcesses(t *testing.T) {
	w := upToCode(t)
	ctx := context.Background()
	if _, err := service.Run(ctx, w.services.Get(service.AccessTokenName), service.Args{State: w.login}, w.send); err != nil {
		t.Fatal(err)
	}
	here := service.NewRefreshToken(service.Env{Context: w.sc, DB: &state.DB{Store: w.db.Store}})
	there := service.NewRefreshToken(service.Env{Context: w.sc, DB: &state.DB{Store: w.db.Store}})
	if _, err := here.GetRequestParameters(ctx, service.Args{State: w.login}); err != nil {
		t.Fatal(err)
	}
	_, err := there.GetRequestParameters(ctx, service.Args{State: w.login})
	wantRule(t, err, message.RuleRefreshSingleFlight)
}
