package useragent

import (
	"bytes"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// A page is what of an HTML document leads on.
type page struct {
	title   string
	base    *url.URL
	refresh string // the target of a meta refresh
	forms   []*form
}

// A form is an HTML form with its controls in document order.
type form struct {
	id       string
	action   *url.URL
	method   string
	enctype  string
	controls []control
}

// A control is a field or a submit button. Its value is what the parser made of
// the attribute: HTML character references are resolved once, here.
type control struct {
	kind     string // input type, or "select", "textarea", "submit"
	name     string
	value    string
	text     string // what a button shows
	checked  bool
	required bool
	options  []string // of a select
}

func parsePage(content []byte, at *url.URL) (*page, error) {
	doc, err := html.Parse(bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	p := &page{base: at}
	byID := map[string]*form{}
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		switch n.DataAtom {
		case atom.Title:
			if p.title == "" {
				p.title = strings.Join(strings.Fields(textOf(n)), " ")
			}
		case atom.Base:
			if href := attr(n, "href"); href != "" {
				if u, err := at.Parse(href); err == nil {
					p.base = u
				}
			}
		case atom.Meta:
			if strings.EqualFold(attr(n, "http-equiv"), "refresh") {
				p.refresh = refreshTarget(attr(n, "content"))
			}
		case atom.Form:
			if f := newForm(n, p.base); f != nil {
				p.forms = append(p.forms, f)
				if f.id != "" {
					byID[f.id] = f
				}
			}
		}
	}
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		if c, ok := newControl(n); ok {
			if f := p.owner(n, byID); f != nil {
				f.controls = append(f.controls, c)
			}
		}
	}
	return p, nil
}

// owner finds the form a control belongs to: the one its form attribute names,
// otherwise the one around it.
func (p *page) owner(n *html.Node, byID map[string]*form) *form {
	if id, ok := attribute(n, "form"); ok {
		return byID[id]
	}
	for up := range n.Ancestors() {
		if up.DataAtom != atom.Form {
			continue
		}
		for _, f := range p.forms {
			if f.id == formKey(up) {
				return f
			}
		}
	}
	return nil
}

// formKey is a form's id, or a name made from its place for a form without one.
func formKey(n *html.Node) string {
	if id := attr(n, "id"); id != "" {
		return id
	}
	var place []byte
	for at := n; at != nil; at = at.Parent {
		index := 0
		for s := at.PrevSibling; s != nil; s = s.PrevSibling {
			index++
		}
		place = append(place, '/', byte('a'+index%26), byte('a'+index/26%26))
	}
	return " " + string(place)
}

func newForm(n *html.Node, base *url.URL) *form {
	action := strings.TrimSpace(attr(n, "action"))
	u, err := base.Parse(action)
	if err != nil {
		return nil
	}
	f := &form{id: formKey(n), action: u, method: http.MethodGet, enctype: attr(n, "enctype")}
	if strings.EqualFold(attr(n, "method"), "post") {
		f.method = http.MethodPost
	}
	if f.enctype == "" {
		f.enctype = formType
	}
	return f
}

func newControl(n *html.Node) (control, bool) {
	if _, disabled := attribute(n, "disabled"); disabled {
		return control{}, false
	}
	c := control{name: attr(n, "name"), value: attr(n, "value")}
	_, c.required = attribute(n, "required")
	switch n.DataAtom {
	case atom.Input:
		c.kind = strings.ToLower(attr(n, "type"))
		_, c.checked = attribute(n, "checked")
		switch c.kind {
		case "":
			c.kind = "text"
		case "image", "submit":
			c.kind, c.text = "submit", c.value
		case "button", "reset", "file":
			return control{}, false
		case "checkbox", "radio":
			if _, has := attribute(n, "value"); !has {
				c.value = "on"
			}
		}
	case atom.Button:
		switch strings.ToLower(attr(n, "type")) {
		case "", "submit":
			c.kind, c.text = "submit", textOf(n)
		default:
			return control{}, false
		}
	case atom.Textarea:
		c.kind, c.value = "textarea", textOf(n)
	case atom.Select:
		c.kind = "select"
		for o := range n.Descendants() {
			if o.DataAtom != atom.Option {
				continue
			}
			value, has := attribute(o, "value")
			if !has {
				value = strings.TrimSpace(textOf(o))
			}
			if _, selected := attribute(o, "selected"); selected || len(c.options) == 0 {
				c.value = value
			}
			c.options = append(c.options, value)
		}
	default:
		return control{}, false
	}
	return c, true
}

// knows reports whether f has a control that values names.
func (f *form) knows(values url.Values) bool {
	return slices.ContainsFunc(f.controls, func(c control) bool { return c.kind != "hidden" && c.name != "" && values.Has(c.name) })
}

func (f *form) hasPassword() bool {
	return slices.ContainsFunc(f.controls, func(c control) bool { return c.kind == "password" })
}

// looks is what a form looks like, to notice one that comes back.
func (f *form) looks() string {
	var b strings.Builder
	b.WriteString(f.method + " " + f.action.Path)
	for _, c := range f.controls {
		b.WriteString(" " + c.kind + ":" + c.name)
		if c.name == "prompt" || c.name == "step" {
			b.WriteString("=" + c.value)
		}
	}
	return b.String()
}

// fill returns the form's data as a browser would send it, and the fields that
// want a value and got none.
func (f *form) fill(given, fallback url.Values) (encoded string, asked []string) {
	var pairs []string
	add := func(name, value string) {
		pairs = append(pairs, url.QueryEscape(name)+"="+url.QueryEscape(value))
	}
	pressed := f.button(given)
	for i, c := range f.controls {
		if c.name == "" {
			continue
		}
		value, ok := c.value, true
		switch {
		case c.kind == "submit":
			ok = i == pressed
		case c.kind == "hidden":
			// Hidden fields are the provider's own, anti-forgery values among
			// them: they go back as they are.
		case c.kind == "checkbox":
			ok = c.checked || slices.Contains(given[c.name], c.value) || slices.Contains(fallback[c.name], c.value)
		case c.kind == "radio":
			if given.Has(c.name) {
				ok = slices.Contains(given[c.name], c.value)
			} else {
				ok = c.checked
			}
		case given.Has(c.name):
			value = given.Get(c.name)
		case value == "" && fallback.Has(c.name):
			value = fallback.Get(c.name)
		case value == "" && c.kind != "select" && (c.required || c.kind == "password"):
			asked = append(asked, c.name)
		}
		if ok {
			add(c.name, value)
		}
	}
	return strings.Join(pairs, "&"), asked
}

// refusals are words on buttons that end a login rather than go on with it.
var refusals = []string{"cancel", "deny", "abort", "reject", "decline", "refuse", "no", "back", "logout", "switch"}

// button returns the index of the button to press: one that given names, else the
// first that does not refuse, else none.
func (f *form) button(given url.Values) int {
	first, refusing := -1, -1
	for i, c := range f.controls {
		if c.kind != "submit" {
			continue
		}
		if c.name != "" && slices.Contains(given[c.name], c.value) {
			return i
		}
		if refusing < 0 {
			refusing = i
		}
		if first < 0 && !c.refuses() {
			first = i
		}
	}
	if first < 0 {
		return refusing
	}
	return first
}

func (c *control) refuses() bool {
	for _, word := range strings.FieldsFunc(strings.ToLower(c.text+" "+c.value), func(r rune) bool { return r < 'a' || r > 'z' }) {
		if slices.Contains(refusals, word) {
			// "Yes, log me out" is no refusal.
			return !strings.HasPrefix(strings.ToLower(strings.TrimSpace(c.text)), "yes")
		}
	}
	return false
}

func refreshTarget(content string) string {
	_, rest, found := strings.Cut(content, ";")
	if !found {
		return ""
	}
	rest = strings.TrimSpace(rest)
	if len(rest) < 4 || !strings.EqualFold(rest[:3], "url") {
		return ""
	}
	rest = strings.TrimSpace(rest[3:])
	rest, found = strings.CutPrefix(rest, "=")
	if !found {
		return ""
	}
	return strings.Trim(strings.TrimSpace(rest), `"'`)
}

func attribute(n *html.Node, name string) (string, bool) {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val, true
		}
	}
	return "", false
}

func attr(n *html.Node, name string) string {
	value, _ := attribute(n, name)
	return value
}

func textOf(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return b.String()
}
