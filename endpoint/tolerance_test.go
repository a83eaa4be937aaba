package endpoint_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"testing"

	"github.com/oidcservice/oidc/endpoint"
)

// What must not cause an error changes nothing either: the answer is that of the same
// request without it, and what nobody knows is told to nobody.
func TestToleratedParameters(t *testing.T) {
	for name, change := range map[string][]string{
		"unknown":           {"utm_source", "unheard-of", "prompt_", "unheard-of"},
		"hints":             {"display", "wall", "ui_locales", "tlh xx", "claims_locales", "xx", "acr_values", "urn:nobody:knows", "login_hint", "who?"},
		"no offline access": {"response_type", "id_token", "scope", "openid offline_access"},
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			w := newWorld(t, func(cfg *endpoint.Config, _ *endpoint.Client) {
				cfg.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
			})
			r := w.browse(authorize(change...))
			if r.err != nil || !strings.HasPrefix(r.resp.Location, callback) {
				t.Fatalf("%v, %+v", r.err, r.resp)
			}
			if strings.Contains(r.resp.Location, "refresh_token") || strings.Contains(r.resp.Location+log.String()+fmt.Sprint(w.prompts), "unheard-of") {
				t.Errorf("%s\n%s", r.resp.Location, log.String())
			}
		})
	}
	// A parameter without a value is as one that is not there: neither of these is taken.
	w := newWorld(t, nil)
	c := authorize()
	for _, empty := range []string{"prompt", "max_age", "response_mode", "claims", "request", "request_uri", "id_token_hint", "resource"} {
		c.params.Set(empty, "")
	}
	if got := w.location(w.browse(c)); got.Get("code") == "" || got.Get("state") != "af0ifjsldkj" {
		t.Errorf("empty parameters: %v", got)
	}
	c = authorize()
	c.params.Set("response_type", "")
	if r := w.do(c); !refused(r.err) {
		t.Errorf("an empty response_type is not a missing one: %+v", r)
	}
	for token, hint := range map[string]string{"unknown": "unheard_of", "af0ifjsldkj.af0ifjsldkj.af0ifjsldkj": "access_token"} {
		if r := w.as("revocation", url.Values{"token": {token}, "token_type_hint": {hint}}); r.err != nil || r.resp.Status != 200 {
			t.Errorf("revoking %q: %v, %+v", token, r.err, r.resp)
		}
	}
}
