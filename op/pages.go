package op

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/oidcservice/oidc/endpoint"
	"github.com/oidcservice/oidc/message"
)

//go:embed templates/*.html
var templateFiles embed.FS

//go:embed templates/style.css
var style string

// PageData is what a page's template gets. Everything a client says of itself is text of a
// stranger: html/template escapes it, and no page loads anything from it.
type PageData struct {
	// Name is the name of the template: login, create, select_account, consent, logout, continue,
	// error, logged_out, logged_in, done, approvals.
	Name string
	// Lang is the language of the page, Text its texts by key.
	Lang string
	Text map[string]string
	// Style is the style sheet, which the page's policy allows by its hash.
	Style template.CSS
	// Action is where the form goes, Ticket the hidden field that it must carry.
	Action string
	Ticket string

	Client    string      // the client's name
	ClientURI string      // the client_uri
	PolicyURI string      // the client's policy_uri
	TosURI    string      // the client's tos_uri
	LogoURI   string      // the client's logo_uri
	User      string      // who is logged in
	LoginHint string      // what to fill in as the user name
	Failure   string      // the text of what was not good about the last answer
	Scopes    []ScopeData // what the client asks for
	Claims    []string    // the claims that it asks for by name
	Resources []string    // where its access token is to be used
	UserCode  string      // that of the device
	Details   string      // authorization details, as JSON
	Code      string      // the error code of an error page
	Detail    string      // what is wrong
	Frames    []string    // the addresses of front-channel logout
	Next      string      // where the browser goes on to

	Questions []QuestionData // what waits for the user, on the page approvals
}

// QuestionData is a client's question that waits on the page approvals.
type QuestionData struct {
	ID             string      // the hidden field question of its form
	Client         string      // the client's name
	Scopes         []ScopeData // what the client asks for
	Resources      []string    // where its access token is to be used
	BindingMessage string      // what the other device shows
	Until          time.Time   // when the answer comes too late
}

// ScopeData is one scope of a consent page.
type ScopeData struct {
	Name     string // the scope value
	Text     string // what it means, in the page's language
	Required bool   // openid, without which there is no login
}

type pages struct {
	set       *template.Template
	texts     map[string]map[string]string // by language
	languages map[string]string            // by the tag in lower case: tags have no case
	policy    string
}

func newPages(custom *template.Template, texts map[string]map[string]string) (*pages, error) {
	set, err := template.ParseFS(templateFiles, "templates/*.html")
	if err != nil {
		return nil, fmt.Errorf("op: templates: %w", err)
	}
	if custom != nil {
		for _, t := range custom.Templates() {
			if t.Tree == nil {
				continue
			}
			if _, err := set.AddParseTree(t.Name(), t.Tree); err != nil {
				return nil, fmt.Errorf("op: templates: %w", err)
			}
		}
	}
	sum := sha256.Sum256([]byte(style))
	tags := map[string]string{}
	for _, lang := range languages(texts) {
		tags[strings.ToLower(lang)] = lang
	}
	return &pages{
		set: set, texts: mergeTexts(texts), languages: tags,
		// form-action is left open: browsers apply it to the redirects that follow, and the
		// last of them goes to the client and wherever the client goes on to.
		policy: "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; frame-ancestors 'none'; base-uri 'none'",
	}, nil
}

func (p *Provider) page(r *http.Request, name string, locales message.List) *PageData {
	lang := p.language(r, locales)
	return &PageData{Name: name, Lang: lang, Text: p.pages.texts[lang], Style: template.CSS(style)}
}

// describe fills in what a client says of itself.
func (d *PageData) describe(client *endpoint.Client) {
	if client == nil {
		return
	}
	m := &client.Metadata
	d.Client = client.Name()
	for _, f := range []struct {
		field       *string
		name, value string
	}{
		{&d.Client, "client_name", d.Client}, {&d.ClientURI, "client_uri", m.ClientURI}, {&d.PolicyURI, "policy_uri", m.PolicyURI},
		{&d.TosURI, "tos_uri", m.TosURI}, {&d.LogoURI, "logo_uri", m.LogoURI},
	} {
		*f.field = f.value
		for tag := d.Lang; tag != "" && *f.field == f.value; tag = parentTag(tag) {
			if tagged := m.Extra.Tagged(f.name, tag); tagged != "" {
				*f.field = tagged
			}
		}
	}
}

// showQuestion asks the user.
func (p *Provider) showQuestion(w http.ResponseWriter, r *http.Request, need *endpoint.NeedUser) {
	d := p.page(r, string(need.Prompt), need.Locales)
	d.Action, d.Ticket = p.interactions+need.Endpoint, need.Ticket
	d.describe(need.Client)
	d.User, d.LoginHint, d.Claims, d.Resources, d.UserCode = displayName(need.User), need.LoginHint, need.Claims, need.Resource, need.UserCode
	d.Details = string(need.Details)
	if need.Failure != endpoint.FailureNone {
		d.Failure = d.Text["failure_"+string(need.Failure)]
	}
	d.Scopes = d.scopes(need.Scope)
	if need.Prompt == endpoint.PromptApproval {
		d.Questions, d.Next = d.questions(need.Questions), p.address(need.Endpoint, need.Locales)
	}
	status := http.StatusOK
	if need.Err != nil {
		d.Code, d.Detail = string(need.Err.Declared.Code), need.Err.Declared.Description
		status = http.StatusBadRequest
	}
	p.render(w, r, status, d)
}

// scopes says what scopes mean.
func (d *PageData) scopes(list message.List) []ScopeData {
	var all []ScopeData
	for _, scope := range list {
		text, known := d.Text["scope_"+scope]
		if !known {
			text = scope
		}
		all = append(all, ScopeData{Name: scope, Text: text, Required: scope == message.ScopeOpenID})
	}
	return all
}

// questions says what clients ask.
func (d *PageData) questions(list []endpoint.Decoupled) []QuestionData {
	var all []QuestionData
	for _, q := range list {
		client := PageData{Lang: d.Lang}
		client.describe(q.Client)
		all = append(all, QuestionData{
			ID: q.Ticket, Client: client.Client, Scopes: d.scopes(q.Scope), Resources: q.Resource, BindingMessage: q.BindingMessage, Until: q.Until.UTC(),
		})
	}
	return all
}

// address is where a page of ours is loaded from, in the same language.
func (p *Provider) address(name string, locales message.List) string {
	for _, d := range p.set.All() {
		if d.Name == name && len(locales) > 0 {
			return d.URL + "?" + url.Values{"ui_locales": {locales.String()}}.Encode()
		}
		if d.Name == name {
			return d.URL
		}
	}
	return ""
}

// displayName is what a page calls a user.
func displayName(user endpoint.User) string {
	for _, name := range []string{"name", "preferred_username", "email"} {
		if text, ok := user.Claims[name].(string); ok && text != "" {
			return text
		}
	}
	return user.ID
}

// showPage shows what there is nothing to ask about.
func (p *Provider) showPage(w http.ResponseWriter, r *http.Request, status int, page *endpoint.Page) {
	d := p.page(r, string(page.Kind), page.Locales)
	d.describe(page.Client)
	d.Frames, d.Next = page.Frames, page.Next
	if page.Error != nil {
		d.Code, d.Detail = string(page.Error.Code), page.Error.Description
	}
	p.render(w, r, status, d)
}

// showError shows an error page that names the code and says what is wrong.
func (p *Provider) showError(w http.ResponseWriter, r *http.Request, status int, code message.ErrorCode, detail string) {
	d := p.page(r, string(endpoint.PageError), nil)
	d.Code, d.Detail = string(code), detail
	p.render(w, r, status, d)
}

func (p *Provider) render(w http.ResponseWriter, r *http.Request, status int, d *PageData) {
	var b strings.Builder
	if err := p.pages.set.ExecuteTemplate(&b, d.Name+".html", d); err != nil {
		p.config.Logger.ErrorContext(r.Context(), "a page could not be rendered", "page", d.Name, "error", err)
		http.Error(w, "the page cannot be shown", http.StatusInternalServerError)
		return
	}
	policy := p.pages.policy
	if len(d.Frames) > 0 {
		policy += "; frame-src"
		for _, frame := range d.Frames {
			if u, err := url.Parse(frame); err == nil {
				policy += " " + u.Scheme + "://" + u.Host
			}
		}
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Frame-Options", "DENY")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(b.String()))
}
