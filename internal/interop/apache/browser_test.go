package apache

import (
	"crypto/x509"
	"testing"

	"github.com/oidcservice/oidc/internal/interop/browser"
	"github.com/oidcservice/oidc/op/optest"
)

// startBrowser runs Chromium, which knows where the relying party is and trusts the
// certificate of both.
func (s *site) startBrowser(t *testing.T) {
	t.Helper()
	s.browser = browser.Start(t, browser.Config{Trust: []*x509.Certificate{s.server.Certificate()}, Hosts: []string{partyHost}})
}

// authenticate fills in the login page and the consent page.
func (s *site) authenticate(t *testing.T, then string) {
	t.Helper()
	s.browser.Type(t, "#username", optest.Username)
	s.browser.Type(t, "#password", optest.Password)
	s.browser.Press(t, "#login #submit", "#consent")
	s.browser.Press(t, "#consent #submit", then)
}
