package service

import (
	"strings"

	"github.com/oidcservice/oidc/message"
)

// A Challenge is one authentication challenge of a WWW-Authenticate field (RFC
// 9110, Section 11.6.1).
type Challenge struct {
	Scheme string // in lower case: schemes have no case
	Params map[string]string
}

// ParseChallenges parses the values of a WWW-Authenticate field strictly; a field
// may hold several challenges. It reports false for anything malformed.
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

// challengedError returns the error that a Bearer or DPoP challenge declares
// (RFC 6750, Section 3; RFC 9449, Section 7.1), nil if there is none.
func challengedError(resp *Response) *message.Error {
	if resp.Status < 400 {
		return nil
	}
	challenges, ok := ParseChallenges(headerValues(resp.Header, "WWW-Authenticate"))
	if !ok {
		return nil
	}
	for _, c := range challenges {
		if code := c.Params["error"]; (c.Scheme == "bearer" || c.Scheme == "dpop") && errorSyntax(code) {
			return &message.Error{Code: message.ErrorCode(code), Description: printable(c.Params["error_description"]), URI: printable(c.Params["error_uri"]), Status: resp.Status}
		}
	}
	return nil
}
