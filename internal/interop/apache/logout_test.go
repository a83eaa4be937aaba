package apache

import (
	"net/url"
	"testing"

	"github.com/oidcservice/oidc/message"
)

// TestProviderLogout: the user logs out at the provider, which tells the relying party in
// front, behind, or not at all.
func TestProviderLogout(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*site, *message.ClientMetadata, *httpdConfig)
		ends   bool
	}{
		"front channel": {func(s *site, m *message.ClientMetadata, _ *httpdConfig) {
			required := true
			m.FrontchannelLogoutURI, m.FrontchannelLogoutSessionRequired = s.base+"/callback?logout=get", &required
		}, true},
		"back channel": {func(s *site, m *message.ClientMetadata, _ *httpdConfig) {
			required := true
			m.BackchannelLogoutURI, m.BackchannelLogoutSessionRequired = s.base+"/callback?logout=backchannel", &required
		}, true},
		"no channel": {nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, c.change)
			s.logIn(t)
			s.browser.Visit(t, s.server.URL+"/end_session", "#logout")
			s.browser.Press(t, "#logout #submit", "#logged_out")
			s.browser.Loaded(t)
			s.provider.Wait()
			after := "#claims"
			if c.ends {
				after = "#login"
			}
			s.browser.Visit(t, s.base+"/app", after)
		})
	}
}

// TestRelyingPartyLogout: the application's logout ends both sessions and comes back.
func TestRelyingPartyLogout(t *testing.T) {
	s := newSite(t, nil)
	s.logIn(t)
	s.browser.Visit(t, s.base+"/callback?logout="+url.QueryEscape(s.base+"/bye"), "#bye")
	if at := s.browser.At(t); at != s.base+"/bye" {
		t.Errorf("the logout ended at %s", at)
	}
	s.browser.Visit(t, s.base+"/app", "#login")
}

// While the provider's session lives, another login asks nothing.
func TestSingleSignOn(t *testing.T) {
	s := newSite(t, nil)
	s.logIn(t)
	s.browser.Visit(t, s.base+"/callback?logout=get", "body") // which ends the session there alone
	s.browser.Visit(t, s.base+"/app", "#claims")
	if got := s.claims(t)["sub"]; got != "diana" {
		t.Errorf("sub %q", got)
	}
}
