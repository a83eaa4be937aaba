package endpoint_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/oidcservice/oidc/endpoint"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/op/optest"
)

// Every rule of the provider has vectors that keep and break it, or, where it is about
// what the provider sends, a test that shows it.
func TestEveryRuleIsShown(t *testing.T) {
	broken := map[message.Rule]bool{}
	for _, v := range vectors(t) {
		broken[v.Rule] = broken[v.Rule] || v.Break != nil
	}
	data, err := os.ReadFile("../testdata/rules/op_shown/tests.json")
	if err != nil {
		t.Fatal(err)
	}
	var shown map[message.Rule][]string
	if err := json.Unmarshal(data, &shown); err != nil {
		t.Fatal(err)
	}
	exists := testNames(t)
	count := 0
	for _, rule := range message.Rules() {
		if !strings.HasPrefix(string(rule), "op_") {
			continue
		}
		count++
		if !broken[rule] && len(shown[rule]) == 0 {
			t.Errorf("%s has neither a breaking vector nor a test", rule)
		}
	}
	for rule, names := range shown {
		if !rule.Known() {
			t.Errorf("%s is not in the rule table", rule)
		}
		for _, name := range names {
			if !exists[name] {
				t.Errorf("%s: there is no %s", rule, name)
			}
		}
	}
	if count != 222 {
		t.Errorf("%d rules of the provider, the catalogue has 222", count)
	}
}

// testNames lists the tests of the packages that show the provider's rules.
func testNames(t *testing.T) map[string]bool {
	t.Helper()
	all := map[string]bool{}
	for pkg, pattern := range map[string]string{"endpoint": "*_test.go", "op": "../op/*_test.go", "pair": "../internal/pair/*_test.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range regexp.MustCompile(`(?m)^func (Test\w+)\(`).FindAllSubmatch(source, -1) {
				all[pkg+"."+string(m[1])] = true
			}
		}
	}
	return all
}

func TestReuseIsReported(t *testing.T) {
	var log bytes.Buffer
	w := newWorld(t, func(cfg *endpoint.Config, _ *endpoint.Client) { cfg.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	w.code()
	if strings.Contains(log.String(), "op_authz_nonce_constant") {
		t.Fatal(log.String())
	}
	w.code("code_challenge", challenge[:42]+"A", "nonce", "another")
	w.code("code_challenge", challenge[:42]+"E")
	w.code("nonce", "a third")
	if n := strings.Count(log.String(), "op_authz_nonce_constant"); n != 2 {
		t.Errorf("%d reports:\n%s", n, log.String())
	}
}

// No cache keeps what holds tokens or secrets.
func TestTokenAnswersAreNotKept(t *testing.T) {
	w := newWorld(t, extended)
	tokens := w.do(redeem(w.code()))
	access := text(w.object(tokens), "access_token")
	for name, r := range map[string]result{
		"token": tokens, "userinfo": w.do(userinfo(access)), "registration": w.perform(vector{Step: "registration"}, nil),
		"introspection": w.as("introspection", url.Values{"token": {access}}), "revocation": w.as("revocation", url.Values{"token": {access}}),
		"device": w.as("device_authorization", url.Values{"scope": {"openid"}}), "push": w.as("pushed_authorization", authorizeParams()),
		"client": w.as("token", url.Values{"grant_type": {"client_credentials"}}), "redirect": w.browse(authorize()),
		"form": w.browse(authorize("response_mode", "form_post")), "ciba": w.as("backchannel_authentication", url.Values{"scope": {"openid"}, "login_hint": {"diana"}}),
	} {
		if r.err != nil || !slices.Equal(r.resp.Header["Cache-Control"], []string{"no-store"}) {
			t.Errorf("%s: %v, %v", name, r.err, r.resp.Header["Cache-Control"])
		}
	}
}

// An ID that cannot be a subject, or could be a client's, logs nobody in.
func TestUserIDs(t *testing.T) {
	for _, id := range []string{"", "client:" + clientID, strings.Repeat("x", 256), "dïana", "a\nb"} {
		w := newWorld(t, func(cfg *endpoint.Config, _ *endpoint.Client) {
			cfg.Users = optest.Users{"diana": {Password: "krall", User: endpoint.User{ID: id}}}
		})
		need := w.do(browsing()).need
		a := login
		a.Cookies = w.cookies
		_, err := w.set.Get("authorization").(endpoint.Resumer).Resume(context.Background(), need.Ticket, a)
		if err == nil || refused(err) {
			t.Errorf("%q: %v", id, err)
		}
	}
}
