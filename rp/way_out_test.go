package rp_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// disguisedTargets are return targets of which some parser on the way, or one that decodes
// once more, makes another site. They may be taken; where a browser ends is our site.
func disguisedTargets() []string {
	return []string{
		// Decoded twice, or with an encoding that is not UTF-8.
		"/%252f%252fevil.example", "/%255c%255cevil.example", "/%252e%252e/%252f/evil.example", "/%25%32%66evil.example", "/%c0%afevil.example",
		"/%c0%ae%c0%ae/%c0%afevil.example", "/%e0%80%afevil.example", "/%uff0fevil.example", "/%2525250d%2525250aLocation:x",
		// Letters that a normalization turns into slashes, dots and line breaks.
		"/／evil.example", "/⁄evil.example", "/∕evil.example", "/．．/／evil.example", "/‥/evil.example", "/嘊嘍Location:https://evil.example",
		"/%E5%98%8A%E5%98%8DSet-Cookie:a=b", "/\u0085/evil.example", "/\u2028/evil.example", "/\u200b/evil.example", "/\u202e/elpmaxe.live//",
		// What servers strip, rewrite or cut off.
		"/..;//evil.example", "/;//evil.example", "/a;jsessionid=x//evil.example", "/account;@evil.example", "/@evil.example", "/:80/evil.example", "/a:@evil.example/",
		"/~//evil.example", "/*//evil.example", "/account?//evil.example", "/account?return_to=//evil.example", "/account#//evil.example", "/account#@evil.example",
		"/?https://evil.example", "/#javascript:alert(1)", "/account?x=%0d%0aLocation:%20https://evil.example", "/account?x=<script>alert(1)</script>",
		`/account?x="><meta http-equiv=refresh content=0;url=//evil.example>`, "/account#\"onload=\"alert(1)",
		// Addresses of ours that go on by themselves.
		"/login?return_to=https%3A%2F%2Fevil.example", "/login?return_to=%2Flogin%3Freturn_to%3D%2Flogin", "/login?iss=https://evil.example",
		"/initiate?iss=https://evil.example&target_link_uri=https://evil.example", "/initiate?iss=https://op.example&target_link_uri=//evil.example",
		"/callback?code=x&state=y", "/callback?error=access_denied&error_uri=https://evil.example", "/logout?post_logout_redirect_uri=https://evil.example",
		"/goodbye?state=x&return_to=//evil.example", "/frontchannel?iss=https://evil.example&sid=x",
	}
}

// TestDisguisedTargets: whatever a target is taken for, no answer leads a browser elsewhere,
// breaks a header or goes round in circles, and nobody who is logged in is logged out.
func TestDisguisedTargets(t *testing.T) {
	targets := disguisedTargets()
	if len(targets) < 30 {
		t.Fatalf("%d targets", len(targets))
	}
	w := newWorld(t)
	b := w.browser()
	b.login()
	for _, target := range targets {
		p, err := b.try(app + "/login?return_to=" + url.QueryEscape(target))
		if err != nil {
			t.Errorf("%q: %v", target, err)
			continue
		}
		for _, address := range p.trail {
			if u := mustParse(t, address); u.Host != "app.example" && u.Host != "op.example" || leaves(address) && u.Host == "app.example" {
				t.Errorf("%q sent the browser to %q", target, address)
			}
		}
		if p.status >= http.StatusInternalServerError {
			t.Errorf("%q is answered with status %d", target, p.status)
		}
		// The page of the account is the test's own and repeats its query as text.
		if p.url.Path != "/account" && (strings.Contains(p.body, "<script>alert") || strings.Contains(p.body, "<meta http-equiv=refresh")) {
			t.Errorf("%q is in the page as it is: %s", target, p.body)
		}
		if home := b.visit(app + "/"); !strings.HasPrefix(home.body, "home of diana") {
			t.Errorf("%q logged the user out: %s", target, home.body)
			b.login()
		}
	}
}

// TestTargetsThatAreSaidTwice: parameters that occur twice, or in two places, are no way round
// the judgement of one of them.
func TestTargetsThatAreSaidTwice(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.login()
	for _, query := range []string{
		"return_to=/account&return_to=//evil.example", "return_to=//evil.example&return_to=/account", "return_to=/account;return_to=//evil.example",
		"return_to[]=//evil.example", "RETURN_TO=//evil.example", "return%5fto=//evil.example", "return_to=/account%00&return_to=//evil.example",
		"return_to=/account&target_link_uri=//evil.example", "return_to=%EF%BC%8F%EF%BC%8Fevil.example",
	} {
		for name, r := range map[string]*http.Request{
			"query": going(mustParse(t, app+"/login?"+query)),
			"both":  postForm(t, app+"/login?"+query, url.Values{"return_to": {"/account"}}),
		} {
			p := b.bring(r)
			for _, address := range p.trail {
				if u := mustParse(t, address); u.Host != "app.example" && u.Host != "op.example" || leaves(address) && u.Host == "app.example" {
					t.Errorf("%s %q sent the browser to %q", name, query, address)
				}
			}
		}
	}
}

// TestHeadersAreNoWayOut: what a request says about hosts decides nothing: neither the redirect
// URI nor the way back.
func TestHeadersAreNoWayOut(t *testing.T) {
	for name, value := range map[string]string{
		"Host": "evil.example", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "http", "X-Forwarded-Server": "evil.example",
		"Forwarded": "host=evil.example;proto=http", "X-Host": "evil.example", "X-Original-Url": "//evil.example", "X-Rewrite-Url": "//evil.example",
		"X-Forwarded-Prefix": "//evil.example", "Referer": "https://evil.example/", "X-Http-Method-Override": "POST", "X-Original-Host": "evil.example",
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			r := going(mustParse(t, app+"/account"))
			r.Header.Set(name, value)
			if name == "Host" {
				r.Host = value
			}
			p := w.browser().bring(r)
			if p.status != http.StatusOK || p.url.String() != app+"/account" || !strings.HasPrefix(p.body, "account of diana") {
				t.Errorf("the login ended at %s with status %d: %s", p.url, p.status, p.body)
			}
			for _, address := range p.trail {
				if strings.Contains(address, "evil") {
					t.Errorf("the browser was sent to %q", address)
				}
			}
		})
	}
}
