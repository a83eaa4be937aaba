package browser_test

import (
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/oidcservice/oidc/message"
)

// patience is how long something may take that a page does by itself every five seconds.
const patience = 30 * time.Second

// eventually waits until an expression in the page is true.
func (s *site) eventually(t *testing.T, what, expression string) {
	t.Helper()
	for began := time.Now(); ; time.Sleep(100 * time.Millisecond) {
		is, err := chromedp.Run(s.browser, chromedp.Evaluate[bool](expression))
		if err == nil && is {
			return
		}
		if time.Since(began) > patience {
			t.Fatalf("%s: not after %s (%v), at %s:\n%s", what, patience, err, s.browser.At(t), s.browser.Text(t, "body"))
		}
	}
}

// hear notes what the provider's frame says to the frame of ours.
func (s *site) hear(t *testing.T) {
	t.Helper()
	s.browser.Read(t, chromedp.Evaluate[string](`window.said = [];
document.querySelector("iframe").contentWindow.addEventListener("message", (e) => said.push(e.data)); "listening"`))
}

// TestSessionWatched: the frames of both sides talk to each other until the user logs out
// at the provider; then the whole page asks there, and nobody is logged in any more
// (Session Management 1.0, Section 3).
func TestSessionWatched(t *testing.T) {
	s := newSite(t, sameSite, nil)
	s.logIn(t)
	s.hear(t)
	s.eventually(t, "the provider's frame", `said.includes("unchanged")`)
	s.wantUser(t, "diana")
	if n := s.asked.Load(); n != 1 {
		t.Errorf("the provider was asked %d times", n)
	}
	s.logOutThere(t)
	s.eventually(t, "the page after the logout", `document.querySelector("#code") !== null`)
	code := s.browser.Read(t, chromedp.Evaluate[string](`document.querySelector("#code").textContent`))
	if at := s.browser.At(t); !strings.HasPrefix(at, s.app) || code != "login_required" {
		t.Errorf("%s at %s", code, at)
	}
	if n := s.asked.Load(); n != 2 {
		t.Errorf("the provider was asked %d times", n)
	}
	s.browser.Visit(t, s.app, "#user")
	s.wantUser(t, "nobody")
}

// TestSessionUnseen: where the browser keeps the provider's cookies from its frame, that
// says "changed" for ever. The page asks the provider once, and not in circles.
func TestSessionUnseen(t *testing.T) {
	s := newSite(t, crossSite, nil)
	s.logIn(t)
	s.eventually(t, "the question without a page", `document.querySelector("iframe").contentDocument.querySelector("#provider")?.dataset.silent === "true"`)
	time.Sleep(7 * time.Second) // longer than the page waits before it asks again
	s.wantUser(t, "diana")
	if n := s.asked.Load(); n != 2 {
		t.Errorf("the provider was asked %d times", n)
	}
}

// TestFrontchannelLogout: a logout at the provider ends the session of the application,
// whose cookie its frame does not get (Front-Channel Logout 1.0, Section 2).
func TestFrontchannelLogout(t *testing.T) {
	s := newSite(t, crossSite, func(s *site, m *message.ClientMetadata) {
		required := true
		m.FrontchannelLogoutURI, m.FrontchannelLogoutSessionRequired = s.app+"/frontchannel", &required
	})
	s.logIn(t)
	s.logOutThere(t)
	s.browser.Visit(t, s.app, "#user")
	s.wantUser(t, "nobody")
}
