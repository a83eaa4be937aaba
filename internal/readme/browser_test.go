package readme

import (
	"html"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/oidcservice/oidc/op/optest"
)

// A browser is a user who signs in: it follows redirects and fills in the provider's pages.
type browser struct {
	*http.Client
	t *testing.T
}

// A page is where a browser ended: at a page without a form, or at an address that its
// client does not reach.
type page struct {
	address string
	status  int
	body    string
}

var (
	formAction = regexp.MustCompile(`<form[^>]* action="([^"]*)"`)
	formField  = regexp.MustCompile(`<input type="(?:hidden|checkbox)"[^>]* name="([^"]*)" value="([^"]*)"`)
)

func (b *browser) visit(address string) page {
	b.t.Helper()
	form := url.Values(nil)
	for range 20 {
		var resp *http.Response
		var err error
		if form == nil {
			resp, err = b.Get(address)
		} else {
			resp, err = b.PostForm(address, form)
		}
		if err != nil {
			if strings.Contains(err.Error(), optest.ErrHost.Error()) {
				return page{address: address}
			}
			b.t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil {
			b.t.Fatal(err)
		}
		if location, err := resp.Location(); err == nil {
			address, form = location.String(), nil
			continue
		}
		action := formAction.FindSubmatch(body)
		if action == nil {
			return page{address, resp.StatusCode, string(body)}
		}
		form = url.Values{"username": {optest.Username}, "password": {optest.Password}, "action": {"login"}}
		if strings.Contains(string(body), `value="allow"`) {
			form.Set("action", "allow")
		}
		for _, field := range formField.FindAllSubmatch(body, -1) {
			form.Add(string(field[1]), html.UnescapeString(string(field[2])))
		}
		next, err := resp.Request.URL.Parse(html.UnescapeString(string(action[1])))
		if err != nil {
			b.t.Fatal(err)
		}
		address = next.String()
	}
	b.t.Fatalf("the pages do not end; the last was %s", address)
	return page{}
}
