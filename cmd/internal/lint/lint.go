// Package lint judges provider metadata, JWK Sets and client metadata, member by
// member: it reports everything that it finds, each with the rule that is broken and
// the section of the specification where that is written. It sends nothing.
package lint

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/servicecontext"
)

// A Type is what a document is.
type Type string

// The types.
const (
	Provider Type = "provider" // OpenID Connect Discovery 1.0, Section 3, or RFC 8414, Section 2
	JWKS     Type = "jwks"     // RFC 7517, Section 5
	Client   Type = "client"   // Dynamic Client Registration 1.0, Section 2, or RFC 7591, Section 2
)

// Types returns all types.
func Types() []Type { return []Type{Provider, JWKS, Client} }

// A Dialect says which specification provider metadata follows.
type Dialect string

// The dialects. The zero value is guessed from the members.
const (
	OpenID Dialect = "openid" // OpenID Connect Discovery 1.0
	OAuth  Dialect = "oauth"  // RFC 8414
)

// A Document is what is judged.
type Document struct {
	Location string  `json:"location"` // a URL or the name of a file
	Type     Type    `json:"type"`
	Dialect  Dialect `json:"dialect,omitempty"`

	Data []byte `json:"-"`
	// Issuer is the issuer that was asked for; empty if nobody was asked.
	Issuer string `json:"-"`
	// AllowHTTP admits http addresses: they are noted only.
	AllowHTTP bool `json:"-"`
	// Algorithms are the ID Token algorithms that the metadata beside a JWK Set lists.
	Algorithms []string `json:"-"`
}

// A Finding is one thing that is not as it should be.
type Finding struct {
	Rule     message.Rule `json:"rule"`
	Severity Severity     `json:"severity"`
	Location string       `json:"location"`
	Line     int          `json:"line"`   // from 1; 0 if there is no text to point at
	Column   int          `json:"column"` // in characters, from 1
	Member   string       `json:"member"` // with its path; empty for the whole document
	Got      string       `json:"got"`
	Want     string       `json:"want"`
	Text     string       `json:"text"` // what the rule says
	Spec     string       `json:"spec"`
}

// Message says what was found and what was wanted.
func (f Finding) Message() string {
	switch {
	case f.Got == "":
		return "wanted: " + f.Want
	case f.Want == "":
		return "found " + f.Got
	}
	return "found " + f.Got + ", wanted " + f.Want
}

// New makes a finding about a document that cannot be pointed into.
func New(rule message.Rule, location, param, got, want string) Finding {
	r := RuleOf(rule)
	return Finding{Rule: rule, Severity: r.Severity(), Location: location, Member: shown(param), Got: shown(got), Want: shown(want), Text: r.Text, Spec: r.Reference.String()}
}

// Guess tells what a document is by its members, "" if they do not tell.
func Guess(data []byte) Type {
	root, err := parse(data)
	if err != nil || root.kind != kindObject {
		return ""
	}
	provider, client := 0, 0
	for _, m := range root.members {
		switch {
		case m.name == "keys":
			if root.get("issuer") == nil {
				return JWKS
			}
		case m.name == "issuer", strings.HasSuffix(m.name, "_supported"), m.name == "authorization_endpoint", m.name == "token_endpoint":
			provider++
		case clientFields()[m.name] != "" && providerFields()[m.name] == "":
			client++
		}
	}
	switch {
	case provider > client:
		return Provider
	case client > 0:
		return Client
	}
	return ""
}

// Check returns everything that is found in a document, in the order of its text.
// What is missing comes first.
func Check(d *Document) []Finding {
	l := &linter{doc: d, snapshot: &servicecontext.Snapshot{}}
	l.snapshot.InsecureAllowHTTP = d.AllowHTTP
	root, err := parse(d.Data)
	if err != nil {
		l.broken(err)
		return l.findings
	}
	l.root = root
	l.locate("", root)
	rules := map[Type]func(*linter){Provider: (*linter).provider, JWKS: (*linter).jwks, Client: (*linter).client}
	judge := rules[d.Type]
	if judge == nil {
		return nil
	}
	judge(l)
	slices.SortStableFunc(l.findings, func(a, b Finding) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
	return l.findings
}

// A linter collects findings about one document.
type linter struct {
	doc      *Document
	root     *node
	findings []Finding
	places   map[string]int // the offset of each member, by its path
	snapshot *servicecontext.Snapshot
	shape    message.Rule // the rule about the document as a JSON object
	types    message.Rule // the rule about the types of members
	wrong    map[string]bool
}

// broken reports a text that is no JSON.
func (l *linter) broken(err error) {
	f := New(ruleJSON, l.doc.Location, "", err.Error(), "one JSON text")
	var text *textError
	if errors.As(err, &text) {
		f.Line, f.Column = l.position(text.offset)
	}
	l.findings = append(l.findings, f)
}

// add reports a finding. What it repeats of the document is cut and made printable;
// callers never pass a secret.
func (l *linter) add(rule message.Rule, path, got, want string) {
	f := New(rule, l.doc.Location, path, got, want)
	f.Line, f.Column = l.position(l.offset(path))
	if !slices.Contains(l.findings, f) {
		l.findings = append(l.findings, f)
	}
}

// offset finds the place of a member, or of the nearest one around it.
func (l *linter) offset(path string) int {
	for {
		if at, ok := l.places[path]; ok || path == "" {
			return at
		}
		path = path[:max(0, strings.LastIndexAny(path, ".["))]
	}
}

// position turns an offset into a line and a column.
func (l *linter) position(offset int) (line, column int) {
	before := string(l.doc.Data[:min(offset, len(l.doc.Data))])
	start := strings.LastIndexByte(before, '\n') + 1
	return strings.Count(before, "\n") + 1, utf8.RuneCountInString(before[start:]) + 1
}

// locate notes where the members are. Of a doubled one the first counts.
func (l *linter) locate(path string, n *node) {
	if l.places == nil {
		l.places = map[string]int{}
	}
	if _, known := l.places[path]; !known {
		l.places[path] = n.offset
	}
	for _, m := range n.members {
		inner := under(path, m.name)
		if _, known := l.places[inner]; !known {
			l.places[inner] = m.offset
		}
		l.locate(inner, m.value)
	}
	for i, item := range n.items {
		l.locate(indexed(path, i), item)
	}
}

func under(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func indexed(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }

// shown cuts a value and takes out what could move a cursor.
func shown(value string) string {
	const most = 160
	if utf8.RuneCountInString(value) > most {
		value = string([]rune(value)[:most]) + "…"
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r) {
			return '�'
		}
		return r
	}, value)
}
