package interop

import (
	"slices"
	"strings"
	"testing"
)

// responseTypes are the response types of the provider that lead to a login, and the
// rules that a login with each of them must have kept.
var responseTypes = []struct {
	name  string
	rules []string
}{
	{"code", nil},
	{"id_token", nil},
	{"id_token token", []string{"idtoken_at_hash"}},
	{"code id_token", []string{"idtoken_c_hash", "idtoken_hybrid_binding"}},
	{"code token", nil},
	{"code id_token token", []string{"idtoken_c_hash", "idtoken_at_hash", "idtoken_hybrid_binding"}},
}

// TestResponseTypesAndModes: every response type in every response mode that the
// provider offers. What must not travel in a query is refused there before anything is
// sent.
func TestResponseTypesAndModes(t *testing.T) {
	for _, rt := range responseTypes {
		for _, mode := range []string{"", "query", "fragment", "form_post", "jwt", "query.jwt", "fragment.jwt", "form_post.jwt"} {
			t.Run(rt.name+" by "+mode, func(t *testing.T) {
				t.Parallel()
				p := oidcProvider.get(t)
				arguments := append([]string{"--issuer", p.issuer, "--response-type", rt.name}, person...)
				if mode != "" {
					arguments = append(arguments, "--response-mode", mode)
				}
				if issuerInIDToken(rt.name, mode) {
					arguments = append(arguments, "--compat", "issuer_in_id_token")
				}
				r, exit, narration := walkthrough(t, p, arguments...)
				if rt.name != "code" && strings.HasPrefix(mode, "query") {
					if exit != 2 || r.FailedStep != "authorization" || slices.Contains(r.services(), "authorization") {
						t.Errorf("exit %d at %q, %v: want the query refused before it is sent", exit, r.FailedStep, r.Error)
					}
					return
				}
				if exit != 0 {
					t.Fatalf("exit %d at %q, %v\n%s", exit, r.FailedStep, r.Error, narration)
				}
				rules := append([]string{"idtoken_signature", "idtoken_nonce", "idtoken_iss", "idtoken_aud", "authz_response_state", "authz_response_mode", "jarm_expected"}, rt.rules...)
				if strings.HasSuffix(mode, "jwt") {
					rules = append(rules, "jarm_protection", "jarm_iss", "jarm_aud", "jarm_exp")
				} else if !issuerInIDToken(rt.name, mode) {
					rules = append(rules, "authz_response_iss")
				}
				wantPassed(t, r, rules...)
				if r.IDToken["sub"] != "alice" {
					t.Errorf("the ID Token is %v", r.IDToken)
				}
				// Whoever has an access token asks who the user is.
				if asks := rt.name != "id_token"; asks != (r.UserInfo["sub"] == "alice") {
					t.Errorf("UserInfo is %v", r.UserInfo)
				}
				if redeems := strings.Contains(rt.name, "code"); redeems != slices.Contains(r.services(), "accesstoken") {
					t.Errorf("the steps were %v", r.services())
				}
				if !p.eventually(r.ClientID, func(e event) bool {
					return e.Event == "authorized" && sameWords(e.Type, rt.name) && e.Mode == mode
				}) {
					t.Errorf("the provider saw %v", p.of(r.ClientID))
				}
			})
		}
	}
}

// issuerInIDToken tells whether the provider leaves the iss parameter out, which it
// announces: where an ID Token or a JWT names the issuer.
func issuerInIDToken(responseType, mode string) bool {
	return strings.Contains(responseType, "id_token") && !strings.HasSuffix(mode, "jwt")
}

// Without the named departure such a response is refused, by its rule, before anything
// in it is used.
func TestIssuerMissing(t *testing.T) {
	t.Parallel()
	p := oidcProvider.get(t)
	r, exit, _ := walkthrough(t, p, append([]string{"--issuer", p.issuer, "--response-type", "code id_token"}, person...)...)
	if exit != 5 || r.FailedStep != "authorization" || r.Error["rule"] != "authz_response_iss_missing" {
		t.Errorf("exit %d at %q: %v", exit, r.FailedStep, r.Error)
	}
	if slices.Contains(r.services(), "accesstoken") || r.IDToken != nil {
		t.Errorf("the response was used: %v", r.services())
	}
}

// wantPassed reports rules that did not pass in some step, or failed in one.
func wantPassed(t *testing.T, r *report, rules ...string) {
	t.Helper()
	for _, rule := range rules {
		passed := false
		for _, s := range r.Steps {
			for _, c := range s.Checks {
				passed = passed || c.Rule == rule && c.Verdict == "passed"
			}
		}
		if !passed {
			t.Errorf("the report says %q of %s, want passed", r.verdict(rule), rule)
		}
	}
}

// sameWords compares response types as the sets that they are.
func sameWords(a, b string) bool {
	return slices.Equal(slices.Sorted(strings.FieldsSeq(a)), slices.Sorted(strings.FieldsSeq(b)))
}
