package clientauth

import (
	"context"
	"encoding/base64"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/oidcservice/oidc/message"
)

// secretBasic is HTTP Basic: "The client identifier is encoded using the
// "application/x-www-form-urlencoded" encoding algorithm per Appendix B, and the
// encoded value is used as the username; the client password is encoded using the
// same algorithm and used as the password" (RFC 6749, Section 2.3.1).
var secretBasic = Method{
	Name: message.AuthMethodClientSecretBasic,
	Authenticate: func(_ context.Context, c Credentials, d *Draft) error {
		secret, err := c.secret()
		if err != nil {
			return err
		}
		pair := append(make([]byte, 0, 128), url.QueryEscape(c.ClientID)...)
		pair = append(append(pair, ':'), url.QueryEscape(secret)...)
		value := basicEncoding.AppendEncode(append(make([]byte, 0, 192), "Basic "...), pair)
		d.Header["Authorization"] = []string{string(value)}
		return nil
	},
	Verify: func(_ context.Context, p *Presented, r Registered) (*Proof, error) {
		if err := checkSecret(p, r); err != nil {
			return nil, err
		}
		return &Proof{ClientID: r.ClientID, Method: message.AuthMethodClientSecretBasic}, nil
	},
}

// basicEncoding is the standard alphabet with padding (RFC 7617, Section 2), not the
// one of JOSE. Strict refuses stray trailing bits.
var basicEncoding = base64.StdEncoding.Strict()

// parseBasic is the strict reverse: standard base64, one split at the first colon,
// form-decoding of both halves.
func parseBasic(credentials string) (id, secret string, err error) {
	const rule, param = message.RuleOPClientAuthBasic, "authorization"
	// Go's decoder passes over line breaks.
	if strings.IndexByte(credentials, '\n') >= 0 || strings.IndexByte(credentials, '\r') >= 0 {
		return "", "", refuse(rule, param, "", "standard base64 without line breaks", nil)
	}
	pair, err := basicEncoding.DecodeString(credentials)
	if err != nil {
		return "", "", refuse(rule, param, "", "standard base64 with padding", nil)
	}
	first, second, found := strings.Cut(string(pair), ":")
	if !found {
		return "", "", refuse(rule, param, "", "client_id and client_secret with a colon between", nil)
	}
	id, ok := formDecode(first)
	if !ok {
		return "", "", refuse(rule, param, "", "a form-encoded client_id", nil)
	}
	if secret, ok = formDecode(second); !ok {
		return "", "", refuse(rule, param, "", "a form-encoded client_secret", nil)
	}
	if id == "" || secret == "" {
		return "", "", refuse(rule, param, "", "a client_id and a client_secret", nil)
	}
	return id, secret, nil
}

// formDecode reads what is the form encoding of text.
func formDecode(value string) (text string, ok bool) {
	text, err := url.QueryUnescape(value)
	if err != nil || !utf8.ValidString(text) {
		return "", false
	}
	for _, c := range []byte(text) {
		if c < ' ' || c == 0x7f {
			return "", false
		}
	}
	return text, true
}
