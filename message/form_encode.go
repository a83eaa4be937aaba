package message

import (
	"encoding/json"
	"fmt"
	"net/url"
	"reflect"
	"strconv"

	"github.com/google/go-querystring/query"
)

// Values returns the parameters of a message as they travel, secrets in full. It
// refuses an Extra that holds a known parameter.
func Values(m any) (url.Values, error) {
	p, v, err := formOf(m)
	if err != nil {
		return nil, err
	}
	values, err := query.Values(m)
	if err != nil {
		return nil, err
	}
	for _, member := range p.extraOf(v) {
		if err := addExtra(p, values, member); err != nil {
			return nil, err
		}
	}
	return values, nil
}

// formOf returns the plan of a message that travels as a form, and the message.
func formOf(m any) (*plan, reflect.Value, error) {
	v := reflect.ValueOf(m)
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	if v.Kind() != reflect.Struct {
		return nil, v, fmt.Errorf("message: cannot encode %T", m)
	}
	p := planOf(v.Type())
	if !p.form {
		return nil, v, fmt.Errorf("message: %T never travels as a form", m)
	}
	return p, v, nil
}

// addExtra puts a member of Extra into values: a string as it is, an array of strings
// once for each, everything else as its JSON text.
func addExtra(p *plan, values url.Values, m Member) error {
	if k, known := p.params[m.Name]; known {
		if isEmptyNote(p.fields[k].codec, m.Value) {
			return nil // empty is absent here
		}
		return fmt.Errorf("message: extra parameter %s is a known one", quoteName(m.Name))
	}
	if known, ok := p.caseOf(m.Name); ok {
		return fmt.Errorf("message: extra parameter %s differs from %s by case alone", quoteName(m.Name), known)
	}
	if values.Has(m.Name) || m.Name == "" {
		return fmt.Errorf("message: extra parameter %s occurs twice", quoteName(m.Name))
	}
	texts, err := parameterTexts(m)
	if err != nil {
		return fmt.Errorf("message: extra parameter %s: %w", quoteName(m.Name), err)
	}
	values[m.Name] = texts
	return nil
}

func parameterTexts(m Member) ([]string, error) {
	if err := checkJSON(m.Value, 1); err != nil {
		return nil, err
	}
	if text, ok := textOf(m.Value); ok {
		return []string{text}, nil
	}
	var several []string
	if (m.Name == "resource" || m.Name == "audience") && json.Unmarshal(m.Value, &several) == nil {
		return several, nil
	}
	return []string{string(m.Value)}, nil
}

// EncodeForm returns the parameters of a message as they travel, sorted by name and
// escaped, secrets in full: a query without its question mark, or a form body.
func EncodeForm(m any) (string, error) {
	switch m := m.(type) {
	case *AuthorizationRequest:
		return m.encodeForm()
	case AuthorizationRequest:
		return m.encodeForm()
	}
	p, v, err := formOf(m)
	if err != nil {
		return "", err
	}
	if form, ok := p.encodeTexts(v); ok {
		return form, nil
	}
	values, err := Values(m)
	if err != nil {
		return "", err
	}
	return values.Encode(), nil
}

// encodeTexts is EncodeForm for a message of nothing but texts and lists of them, as most
// requests are, and false for others. A test holds it against the library.
func (p *plan) encodeTexts(v reflect.Value) (string, bool) {
	if len(p.extraOf(v)) > 0 {
		return "", false
	}
	b := make([]byte, 0, 512)
	for _, i := range p.byParam {
		f := &p.fields[i]
		fv := f.of(v)
		switch {
		case !f.optional:
			return "", false
		case f.codec.empty(fv):
		case f.codec.kind == kindString:
			b = appendParameter(b, f.param, fv.String())
		case f.codec.kind == kindList:
			b = appendListParameter(b, f.param, valueOf[List](fv))
		default:
			return "", false
		}
	}
	return string(b), true
}

// encodeForm is EncodeForm without reflection: every login begins with one. A test
// holds the two against each other.
func (m *AuthorizationRequest) encodeForm() (string, error) {
	if len(m.Extra) > 0 {
		values, err := Values(m)
		if err != nil {
			return "", err
		}
		return values.Encode(), nil
	}
	b := make([]byte, 0, 512)
	b = appendListParameter(b, "acr_values", m.ACRValues)
	b = appendParameter(b, "authorization_details", string(m.AuthorizationDetails))
	if m.Claims != nil {
		claims, err := EncodeJSON(m.Claims)
		if err != nil {
			return "", err
		}
		b = appendParameter(b, "claims", string(claims))
	}
	b = appendListParameter(b, "claims_locales", m.ClaimsLocales)
	b = appendParameter(b, "client_id", m.ClientID)
	b = appendParameter(b, "code_challenge", m.CodeChallenge)
	b = appendParameter(b, "code_challenge_method", m.CodeChallengeMethod)
	b = appendParameter(b, "display", m.Display)
	b = appendParameter(b, "dpop_jkt", m.DPoPJKT)
	b = appendParameter(b, "id_token_hint", m.IDTokenHint.Reveal())
	b = appendParameter(b, "login_hint", m.LoginHint)
	if m.MaxAge != nil {
		b = appendParameter(b, "max_age", strconv.Itoa(*m.MaxAge))
	}
	b = appendParameter(b, "nonce", m.Nonce)
	b = appendListParameter(b, "prompt", m.Prompt)
	b = appendParameter(b, "redirect_uri", m.RedirectURI)
	b = appendParameter(b, "registration", string(m.Registration))
	b = appendParameter(b, "request", m.Request.Reveal())
	b = appendParameter(b, "request_uri", m.RequestURI)
	for _, resource := range m.Resource {
		b = appendName(b, "resource")
		b = appendEscaped(b, resource)
	}
	b = appendParameter(b, "response_mode", string(m.ResponseMode))
	b = appendListParameter(b, "response_type", m.ResponseType)
	b = appendListParameter(b, "scope", m.Scope)
	b = appendParameter(b, "state", m.State)
	b = appendListParameter(b, "ui_locales", m.UILocales)
	return string(b), nil
}

func appendName(b []byte, name string) []byte {
	if len(b) > 0 {
		b = append(b, '&')
	}
	return append(append(b, name...), '=')
}

func appendParameter(b []byte, name, value string) []byte {
	if value == "" {
		return b
	}
	return appendEscaped(appendName(b, name), value)
}

func appendListParameter(b []byte, name string, words List) []byte {
	if len(words) == 0 {
		return b
	}
	b = appendName(b, name)
	for i, word := range words {
		if i > 0 {
			b = append(b, '+')
		}
		b = appendEscaped(b, word)
	}
	return b
}

// unreserved marks the bytes that are not escaped.
var unreserved = func() (table [256]bool) {
	for c := range table {
		table[c] = 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
			c == '-' || c == '_' || c == '.' || c == '~'
	}
	return table
}()

// appendEscaped escapes as [url.QueryEscape] does.
func appendEscaped(b []byte, s string) []byte {
	const hex = "0123456789ABCDEF"
	begin := 0
	for i := range len(s) {
		c := s[i]
		if unreserved[c] {
			continue
		}
		b = append(b, s[begin:i]...)
		begin = i + 1
		if c == ' ' {
			b = append(b, '+')
		} else {
			b = append(b, '%', hex[c>>4], hex[c&15])
		}
	}
	return append(b, s[begin:]...)
}
