package op_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/oidcservice/oidc/endpoint"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/op"
	"github.com/oidcservice/oidc/op/optest"
)

var (
	idPattern    = regexp.MustCompile(` id="([^"]*)"`)
	namePattern  = regexp.MustCompile(`<(?:input|button)[^>]* name="([^"]*)"`)
	inputPattern = regexp.MustCompile(`<input type="(?:text|password)" id="([^"]*)"`)
	labelPattern = regexp.MustCompile(`<label for="([^"]*)">([^<]*)`)
	emptyPattern = regexp.MustCompile(`<(h1|p|title|button|label|li|strong)[^>]*>\s*</`)
	stylePattern = regexp.MustCompile(`(?s)<style>(.*)</style>`)
)

// all returns what the first group of a pattern matches.
func all(pattern *regexp.Regexp, text string) []string {
	var found []string
	for _, match := range pattern.FindAllStringSubmatch(text, -1) {
		found = append(found, match[1])
	}
	return found
}

// pages walks through every page in a language.
func pages(t *testing.T, lang string) map[string]answer {
	t.Helper()
	p := provider(t)
	metadata := message.ClientMetadata{
		GrantTypes: []string{message.GrantTypeDeviceCode}, TokenEndpointAuthMethod: message.AuthMethodNone, ClientName: "A device",
	}
	if err := p.AddClient(context.Background(), &endpoint.Client{ID: "device", Metadata: metadata}); err != nil {
		t.Fatal(err)
	}
	c := p.Client()
	open := func(address string) answer { return do(t, c, "GET", address, "", "Accept-Language", lang) }
	press := func(page answer, value string, fields ...string) answer {
		values := url.Values{"action": {value}}
		for i := 0; i+1 < len(fields); i += 2 {
			values.Set(fields[i], fields[i+1])
		}
		return submit(t, c, page, values, "Accept-Language", lang)
	}
	list := map[string]answer{"login": open(authorizeURL())}
	list["login, refused"] = press(list["login"], "login", "username", "x", "password", "y")
	list["consent"] = press(list["login, refused"], "login", "username", optest.Username, "password", optest.Password)
	list["select_account"] = open(authorizeURL("prompt", "select_account"))
	list["error"] = open(optest.Issuer + "/authorize")
	// To somebody who has not logged in: a redirect would make the provider an open redirector.
	list["continue"] = do(t, p.Client(), "GET", authorizeURL("max_age", "-1"), "", "Accept-Language", lang)
	started := do(t, c, "POST", optest.Issuer+"/device_authorization", "client_id=device&scope=openid+email", "Content-Type", form)
	var device struct {
		Code string `json:"user_code"`
	}
	if err := json.Unmarshal([]byte(started.body), &device); err != nil {
		t.Fatal(err, started.body)
	}
	list["user_code"] = open(optest.Issuer + "/device")
	list["device"] = press(list["user_code"], "continue", "user_code", device.Code)
	another := provider(t, func(c *op.Config) { c.Users = creating{optest.Users{}} })
	list["create"] = do(t, another.Client(), "GET", authorizeURL("prompt", "create"), "", "Accept-Language", lang)
	list["done"] = press(list["device"], "allow")
	list["logout"] = open(optest.Issuer + "/end_session")
	addTill(t, p, message.DeliveryModePoll)
	list["approvals, none"] = open(optest.Issuer + "/approvals")
	ask(t, p)
	list["approvals"] = open(optest.Issuer + "/approvals")
	list["logged_in"] = press(open(optest.Issuer+"/end_session"), "deny")
	list["logged_out"] = press(list["logout"], "allow")
	return list
}

// pageIDs are the ids of each page, in their order. Programs and style sheets of others
// rely on them.
var pageIDs = map[string]string{
	"login":           "client_name login username password submit cancel client_links policy_uri",
	"login, refused":  "client_name failure login username password submit cancel client_links policy_uri",
	"create":          "client_name create username password submit submit_login cancel client_links policy_uri",
	"consent":         "client_name consent scope_openid scope_email submit cancel user client_links policy_uri",
	"select_account":  "client_name continue_as submit_continue select_account username password submit cancel client_links policy_uri",
	"error":           "error error_code error_description",
	"continue":        "error error_code error_description client_name continue submit",
	"user_code":       "user_code_form user_code submit",
	"device":          "client_name user_code device scope_openid scope_email submit cancel",
	"done":            "done",
	"logout":          "logout submit cancel user",
	"logged_in":       "logged_in",
	"approvals, none": "nothing reload user",
	"approvals":       "question_0 client_name_0 scopes_0 resources_0 binding_message_0 until_0 allow_0 deny_0 reload user",
	"logged_out":      "logged_out",
}

// TestPages: every page in every language is complete, labelled, guarded, and the same but
// for its words.
func TestPages(t *testing.T) {
	t.Parallel()
	english := pages(t, "en")
	for lang := range op.PageTexts {
		for name, page := range pages(t, lang) {
			text := page.body
			if got := strings.Join(all(idPattern, text), " "); got != pageIDs[name] {
				t.Errorf("%s, %s: the ids are %q, want %q", name, lang, got, pageIDs[name])
			}
			if got, want := all(namePattern, text), all(namePattern, english[name].body); !slices.Equal(got, want) {
				t.Errorf("%s, %s: the fields are %q, in English %q", name, lang, got, want)
			}
			if !strings.Contains(text, `<html lang="`+lang+`">`) || strings.Count(text, "<h1") != 1 || strings.Count(text, "<title>") != 1 {
				t.Errorf("%s, %s: no language, headline or title:\n%s", name, lang, text)
			}
			if empty := emptyPattern.FindString(text); empty != "" {
				t.Errorf("%s, %s: %q is empty", name, lang, empty)
			}
			labels := map[string]bool{}
			for _, label := range labelPattern.FindAllStringSubmatch(text, -1) {
				labels[label[1]] = true
			}
			for _, id := range all(inputPattern, text) {
				if !labels[id] {
					t.Errorf("%s, %s: %s has no label", name, lang, id)
				}
			}
			checkPolicy(t, name, page)
		}
	}
	if len(english) != len(pageIDs) {
		t.Errorf("%d pages, want %d", len(english), len(pageIDs))
	}
}

// checkPolicy compares a page with its content security policy: a style sheet by its hash,
// no script, no address of anybody's but in links.
func checkPolicy(t *testing.T, name string, page answer) {
	t.Helper()
	policy := page.Header.Get("Content-Security-Policy")
	style := stylePattern.FindStringSubmatch(page.body)
	if style == nil {
		t.Errorf("%s has no style", name)
		return
	}
	sum := sha256.Sum256([]byte(style[1]))
	if !strings.Contains(policy, "style-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'") {
		t.Errorf("%s: the policy %q does not allow its style", name, policy)
	}
	if bad := regexp.MustCompile(`(?i)<script|<link|<img| on[a-z]+=| style=| src=|javascript:`).FindString(page.body); bad != "" {
		t.Errorf("%s holds %q", name, bad)
	}
}

// The page that posts an answer has the one script, which its policy allows by its hash.
func TestFormPostPage(t *testing.T) {
	t.Parallel()
	p := provider(t)
	c := p.Client()
	consent := submit(t, c, do(t, c, "GET", authorizeURL("response_mode", "form_post"), ""), credentials())
	page := submit(t, c, consent, url.Values{"action": {"allow"}})
	scripts := regexp.MustCompile(`(?s)<script>(.*?)</script>`).FindAllStringSubmatch(page.body, -1)
	if page.StatusCode != http.StatusOK || len(scripts) != 1 || strings.Count(page.body, "<script") != 1 {
		t.Fatalf("%d %s", page.StatusCode, page.body)
	}
	sum := sha256.Sum256([]byte(scripts[0][1]))
	policy := page.Header.Get("Content-Security-Policy")
	if !strings.Contains(policy, "script-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'") || strings.Contains(policy, "unsafe") {
		t.Errorf("the policy is %q", policy)
	}
	if !strings.Contains(page.body, `<html lang="`) || !strings.Contains(page.body, `<button type="submit"`) {
		t.Errorf("without scripts nothing can be pressed:\n%s", page.body)
	}
}

// Each text that a template asks for exists, and each that exists is asked for.
func TestTextsAreUsed(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("templates/*.html")
	if err != nil || len(files) == 0 {
		t.Fatal(err, files)
	}
	used := map[string]bool{}
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range all(regexp.MustCompile(`\.Text\.([a-z_]+)`), string(source)) {
			used[key] = true
			if op.PageTexts["en"][key] == "" {
				t.Errorf("%s wants the text %s, which there is not", file, key)
			}
		}
	}
	for key := range op.PageTexts["en"] {
		// These are looked up by a name that the program knows.
		if !used[key] && !strings.HasPrefix(key, "scope_") && !strings.HasPrefix(key, "failure_") {
			t.Errorf("no page shows the text %s", key)
		}
	}
}
