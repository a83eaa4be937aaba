package message

import (
	"slices"
	"strings"
)

// A Challenge is one authentication challenge of a WWW-Authenticate field (RFC 9110,
// Section 11.6.1).
type Challenge struct {
	Scheme string // in lower case when it was parsed: schemes have no case
	Params map[string]string
}

// challengeOrder is the order in which the known parameters are written, for people who
// read them (RFC 6750, Section 3; RFC 9470, Section 3; RFC 9728, Section 5.1; RFC 9449,
// Section 7.1). Others follow by name.
var challengeOrder = []string{
	"realm", "error", "error_description", "error_uri", "scope", "acr_values", "max_age", "algs", "resource_metadata",
}

// String writes the challenge as it travels, every value as a quoted string. Characters
// that a field value cannot hold are left out.
func (c Challenge) String() string {
	var b strings.Builder
	b.WriteString(c.Scheme)
	names := make([]string, 0, len(c.Params))
	for _, name := range challengeOrder {
		if _, there := c.Params[name]; there {
			names = append(names, name)
		}
	}
	known := len(names)
	for name := range c.Params {
		if !slices.Contains(challengeOrder, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names[known:])
	for i, name := range names {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteByte(' ')
		b.WriteString(name)
		b.WriteString(`="`)
		for _, char := range []byte(c.Params[name]) {
			switch {
			case char == '"' || char == '\\':
				b.WriteByte('\\')
				b.WriteByte(char)
			case char >= ' ' && char <= '~':
				b.WriteByte(char)
			}
		}
		b.WriteByte('"')
	}
	return b.String()
}

// ParseChallenges parses the values of a WWW-Authenticate field strictly; a field may
// hold several challenges. It reports false for anything malformed.
func ParseChallenges(values []string) ([]Challenge, bool) {
	var all []Challenge
	for _, v := range values {
		p := challengeParser{rest: v}
		if !p.run(&all) {
			return nil, false
		}
	}
	return all, true
}

type challengeParser struct{ rest string }

func (p *challengeParser) run(all *[]Challenge) bool {
	for {
		p.skip(" \t,")
		if p.rest == "" {
			return true
		}
		word := p.token()
		if word == "" {
			return false
		}
		if after := strings.TrimLeft(p.rest, " \t"); strings.HasPrefix(after, "=") && len(*all) > 0 {
			// A parameter of the challenge before it.
			p.rest = after[1:]
			value, ok := p.value()
			last := &(*all)[len(*all)-1]
			name := strings.ToLower(word)
			if _, twice := last.Params[name]; !ok || twice {
				return false
			}
			last.Params[name] = value
			continue
		}
		if p.rest != "" && p.rest[0] != ' ' && p.rest[0] != ',' && p.rest[0] != '\t' {
			return false
		}
		*all = append(*all, Challenge{Scheme: strings.ToLower(word), Params: map[string]string{}})
	}
}

func (p *challengeParser) skip(set string) { p.rest = strings.TrimLeft(p.rest, set) }

func (p *challengeParser) token() string {
	i := 0
	for i < len(p.rest) && isTokenChar(p.rest[i]) {
		i++
	}
	word := p.rest[:i]
	p.rest = p.rest[i:]
	return word
}

func (p *challengeParser) value() (string, bool) {
	p.skip(" \t")
	if !strings.HasPrefix(p.rest, `"`) {
		word := p.token()
		return word, word != ""
	}
	var b strings.Builder
	for i := 1; i < len(p.rest); i++ {
		switch c := p.rest[i]; {
		case c == '"':
			p.rest = p.rest[i+1:]
			return b.String(), true
		case c == '\\' && i+1 < len(p.rest):
			i++
			b.WriteByte(p.rest[i])
		case c < ' ' && c != '\t' || c == 0x7f:
			return "", false
		default:
			b.WriteByte(c)
		}
	}
	return "", false
}

func isTokenChar(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}
