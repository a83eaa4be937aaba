package rp_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/oidcservice/oidc/message"
)

// hostileTargets are return targets that lead, or once led some browser or parser, to
// another site.
func hostileTargets() []string {
	all := []string{
		// Other sites, said openly.
		"http://evil.example", "https://evil.example/", "https://evil.example/account", "HTTPS://EVIL.EXAMPLE/", "ftp://evil.example/",
		"ws://evil.example/", "//evil.example", "//evil.example/account", "///evil.example", "////evil.example/", "/////evil.example",
		"//evil.example%2f@app.example/", "https:evil.example", "https:/evil.example", "https:///evil.example", "http:evil.example",
		// Our name, but not our site.
		"https://app.example.evil.example/", "https://app.example@evil.example/", "https://app.example:pw@evil.example/",
		"https://evil.example/https://app.example/", "https://evil.example?https://app.example/", "https://evil.example#https://app.example/",
		"https://evil.example\\@app.example/", "https://evil.example\\.app.example/", "https://app.example%40evil.example/",
		"https://app.example%00.evil.example/", "https://app.example%2eevil.example/", "https://appxexample/", "https://app.example:444/",
		"http://app.example/", "https://app.example:443@evil.example/", "https://user@app.example/", "https://app.example./",
		"https://sub.app.example/", "https://app.example evil.example/", "https://[app.example]/", "https://app.example;evil.example/",
		"https://app。example/", "https://ⓐpp.example/", "https://аpp.example/",
		// Slashes that are none, or that browsers take for slashes.
		"/\\evil.example", "\\/evil.example", "\\\\evil.example", "/\\/evil.example", "\\evil.example", "/\\\\evil.example", "//\\evil.example",
		"/\t/evil.example", "/\n/evil.example", "/\r/evil.example", "\t//evil.example", " //evil.example", "/ /evil.example", "\x00//evil.example",
		"/\x00/evil.example", "//evil.example\x00", "/\x0b/evil.example", "/\x0c/evil.example", "\u00a0//evil.example", "\ufeff//evil.example",
		"/%2fevil.example", "/%2f%2fevil.example", "/%5cevil.example", "/%5c%5cevil.example", "/%09/evil.example", "/%0a/evil.example", "/%0d/evil.example",
		"/%0d%0aLocation:%20https://evil.example", "/\r\nLocation: https://evil.example", "/%0aSet-Cookie:a=b", "/a\r\nSet-Cookie: a=b", "/%00",
		"%2f%2fevil.example", "%5c%5cevil.example", "%68ttps://evil.example", "/%2e%2e//evil.example",
		"//%65vil.example", "//evil%2eexample", "//evil.example/%2f..", "//evil.example/..;/css", "/.//evil.example", "/..//evil.example",
		"/a/..//evil.example", "/./\\evil.example", "/;/evil.example\\", "/〱evil.example\\", "〱evil.example", "〵evil.example",
		// Addresses that are programs.
		"javascript:alert(1)", "JaVaScRiPt:alert(1)", "java\tscript:alert(1)", "java\nscript:alert(1)", " javascript:alert(1)", "\x01javascript:alert(1)",
		"javascript://app.example/%0aalert(1)", "javascript:/account", "data:text/html,<script>alert(1)</script>", "data:text/html;base64,PHNjcmlwdD4=",
		"vbscript:msgbox(1)", "blob:https://app.example/1", "filesystem:https://app.example/1", "file:///etc/passwd", "view-source:https://evil.example",
		"about:blank", "mailto:a@evil.example", "tel:123", "intent://evil.example#Intent;end", "jar:https://evil.example!/", "x-app://evil.example",
		"feed:https://evil.example", "cid:x", "urn:x",
		// Nothing that is a path of ours.
		"evil.example", "evil.example/account", "account", "../account", "./account", "?next=//evil.example", "#//evil.example", "@evil.example",
		":80", ":", "*", "http://", "https://", "http:", "//", "///", "/\\", "\\", "//@", "//:80", "//?", "//#", "/%", "/%zz", "https://%zz/", "http://[::1", "https://app.example:port/",
		"http://127.0.0.1/", "http://0x7f000001/", "http://2130706433/", "//127.1", "http://[::1]/", "http://169.254.169.254/latest/meta-data/",
		"/" + strings.Repeat("a", 3000), strings.Repeat("/", 2049),
	}
	return all
}

// leaves reports whether a browser at the application that is sent to location goes
// elsewhere. Browsers drop tabs and line breaks, and take a backslash for a slash.
func leaves(location string) bool {
	location = strings.NewReplacer("\t", "", "\n", "", "\r", "", "\\", "/").Replace(strings.TrimLeft(location, "\x00\x01 "))
	base, _ := url.Parse(app + "/callback")
	u, err := base.Parse(location)
	return err != nil || u.Scheme != "https" || u.Host != "app.example" || strings.HasPrefix(u.Path, "//")
}

func TestNoOpenRedirect(t *testing.T) {
	targets := hostileTargets()
	if len(targets) < 100 {
		t.Fatalf("%d targets", len(targets))
	}
	w := newWorld(t)
	b := w.browser()
	b.login() // what follows needs no more forms
	for _, target := range targets {
		for name, visit := range map[string]func() *page{
			"a link": func() *page { return b.visit(app + "/login?return_to=" + url.QueryEscape(target)) },
			"a form": func() *page { return b.bring(postForm(t, app+"/login", url.Values{"return_to": {target}})) },
			"a third party": func() *page {
				return b.visit(app + "/initiate?iss=https://op.example&target_link_uri=" + url.QueryEscape(target))
			},
		} {
			p := visit()
			for _, address := range p.trail {
				u, err := url.Parse(address)
				if err != nil || u.Scheme != "https" || u.Host != "app.example" && u.Host != "op.example" {
					t.Errorf("%s to %q: the browser was sent to %q", name, target, address)
				}
			}
			if p.status == http.StatusOK && p.url.Host == "app.example" && p.url.Path != "/" {
				t.Errorf("%s to %q: arrived at %s", name, target, p.url)
			}
			// What is not refused must be harmless as it was written anew.
			if strings.Contains(p.body, "evil.example") && p.status == http.StatusOK {
				t.Errorf("%s to %q: the page repeats it: %s", name, target, p.body)
			}
		}
		problem := w.problemOf(target)
		if problem == "" {
			t.Errorf("%q is not refused", target)
		}
	}
	if n := strings.Count(w.log.String(), string(message.RuleAuthzResponseReturnURL)) + strings.Count(w.log.String(), string(message.RuleInitLoginTarget)); n < 2*len(targets) {
		t.Errorf("the log names the rule %d times for %d targets", n, len(targets))
	}
}

// problemOf begins a login without a browser and says whether it was refused.
func (w *world) problemOf(target string) string {
	r, err := http.NewRequest(http.MethodGet, app+"/login?return_to="+url.QueryEscape(target), nil)
	if err != nil {
		w.t.Fatal(err)
	}
	resp, err := w.net.roundTrip(r)
	if err != nil {
		w.t.Fatal(err)
	}
	if resp.StatusCode == http.StatusBadRequest && len(resp.Cookies()) == 0 {
		return "refused"
	}
	return ""
}

// The page that sent a browser to log in is where it comes back, whatever its path looks
// like; a path that a browser would take for another site is given up.
func TestProtectedPathsAreNoWayOut(t *testing.T) {
	w := newWorld(t)
	w.mux.Handle("/", w.party.Protect(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { fmt.Fprint(rw, "page ", r.RequestURI) })))
	b := w.browser()
	b.login()
	for _, path := range []string{"//evil.example", "///evil.example/x", "/%2fevil.example", "/%5cevil.example", "/\\evil.example", "/a//evil.example", "/a?next=//evil.example", "/a;b=c", "/%E2%82%AC"} {
		u := mustParse(t, app+"/")
		b.jar.SetCookies(u, []*http.Cookie{{Name: "__Host-oidc-session", Value: "", Path: "/", MaxAge: -1, Secure: true}})
		r, err := http.NewRequest(http.MethodGet, app+"/", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.URL.Opaque = "//app.example" + path // as it stands, without a parser in between
		resp, err := b.rawVisit(r)
		if err != nil {
			t.Fatalf("%q: %v", path, err)
		}
		for _, location := range resp {
			if host := strings.TrimPrefix(location, "https://op.example"); host == location && leaves(location) {
				t.Errorf("%q: sent to %q", path, location)
			}
		}
	}
}

// rawVisit collects the Location values of a login that begins with r.
func (b *browser) rawVisit(r *http.Request) ([]string, error) {
	var locations []string
	path := strings.TrimPrefix(r.URL.Opaque, "//app.example")
	r.URL.Opaque = ""
	r.RequestURI = path
	for range 10 {
		for _, c := range b.jar.Cookies(r.URL) {
			r.AddCookie(c)
		}
		rec, err := b.send(r, path)
		if err != nil {
			return locations, err
		}
		b.jar.SetCookies(r.URL, rec.Cookies())
		location := rec.Header.Get("Location")
		if location == "" {
			return locations, nil
		}
		locations = append(locations, location)
		next, err := http.NewRequest(http.MethodGet, resolve(r.URL, location), nil)
		if err != nil {
			return locations, err
		}
		r, path = next, ""
	}
	return locations, nil
}

// send hands a request to the application with a request target that net/url would have
// written otherwise.
func (b *browser) send(r *http.Request, target string) (*http.Response, error) {
	if target == "" {
		return b.w.net.roundTrip(r)
	}
	return serveRaw(b.w.mux, r, target), nil
}
