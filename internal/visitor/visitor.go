// Package visitor is a user without a browser: it fills in the pages of package op for the
// tests that run the clients of other projects against it.
package visitor

import (
	"html"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"testing"

	"github.com/oidcservice/oidc/op/optest"
)

// A Visitor fills in the provider's pages for the user diana of package optest, who agrees
// to everything. Its client keeps the cookies, and trusts the provider's certificate.
type Visitor struct{ *http.Client }

var (
	formPattern  = regexp.MustCompile(`<form [^>]*action="([^"]*)"`)
	fieldPattern = regexp.MustCompile(`<input [^>]*name="([^"]*)"(?: value="([^"]*)")?`)
	// The first button is the one that says yes.
	buttonPattern = regexp.MustCompile(`<button [^>]*name="([^"]*)" value="([^"]*)"`)
)

// Visit goes from an address to where the provider sends the user in the end, or to the
// last page, for which the result is nil.
func (v Visitor) Visit(t *testing.T, address string) *url.URL {
	t.Helper()
	at, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := v.Get(address)
	for range 10 {
		if err != nil {
			t.Fatal(err)
		}
		var page []byte
		if page, err = io.ReadAll(resp.Body); err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if location, err := resp.Location(); err == nil {
			return location
		}
		form := formPattern.FindSubmatch(page)
		if form == nil {
			if resp.StatusCode != http.StatusOK {
				t.Fatalf("status %d, page:\n%s", resp.StatusCode, page)
			}
			return nil
		}
		fields := url.Values{}
		for _, found := range append(fieldPattern.FindAllSubmatch(page, -1), buttonPattern.FindSubmatch(page)) {
			name, value := string(found[1]), html.UnescapeString(string(found[2]))
			switch name {
			case "username":
				value = optest.Username
			case "password":
				value = optest.Password
			}
			fields.Add(name, value)
		}
		if at, err = at.Parse(html.UnescapeString(string(form[1]))); err != nil {
			t.Fatal(err)
		}
		resp, err = v.PostForm(at.String(), fields)
	}
	t.Fatal("the pages do not end")
	return nil
}
