package demo

import (
	"crypto/x509"
	"encoding/pem"
	"os"
	"testing"

	"github.com/oidcservice/oidc/internal/interop/browser"
)

// A tab is one of the browser that looks at a site. What its console and its policies
// complain of fails the test.
type tab struct {
	*browser.Browser
	site *site
}

// startBrowser runs Chromium, which trusts the certificates of a site.
func startBrowser(t *testing.T, s *site) *tab {
	t.Helper()
	return &tab{browser.Start(t, browser.Config{Trust: certificates(t, s.ca), Ours: s.serves}), s}
}

// certificates reads those of a file.
func certificates(t *testing.T, file string) []*x509.Certificate {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var all []*x509.Certificate
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, certificate)
	}
	return all
}

// another opens another tab of the same browser.
func (b *tab) another(t *testing.T) *tab {
	t.Helper()
	return &tab{b.Tab(t), b.site}
}

// Press presses a button and waits until the next page is complete: on one that still moves
// the next button is missed, and the end of the conversation is not there yet.
func (b *tab) Press(t *testing.T, button, element string) {
	t.Helper()
	b.Browser.Press(t, button, element)
	b.Loaded(t)
}

// Visit opens an address and waits until its page is complete.
func (b *tab) Visit(t *testing.T, address, element string) {
	t.Helper()
	b.Browser.Visit(t, address, element)
	b.Loaded(t)
}

// photograph takes a picture of the page, where a folder for pictures is named.
func (b *tab) photograph(t *testing.T, name string) {
	t.Helper()
	if dir := os.Getenv("DEMO_SCREENSHOTS"); dir != "" {
		b.Photograph(t, dir, name)
	}
}
