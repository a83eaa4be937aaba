package message

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/google/go-querystring/query"
)

// The rules of a query and of a form body (application/x-www-form-urlencoded):
//
//   - Escapes are well formed; ";" separates nothing and must be escaped.
//   - Names and values are valid UTF-8 without NUL.
//   - "Request and response parameters MUST NOT be included more than once" (RFC 6749,
//     Section 3.1). Those that are lists by their specification, such as resource (RFC
//     8707, Section 2) and audience (RFC 8693, Section 2.1), may be.
//   - "Parameters sent without a value MUST be treated as if they were omitted" (ibid.).
//   - Unknown parameters are kept; nothing else may be made of them.

// What a query or a form may have at most.
const (
	MaxForm       = 1 << 18 // bytes; tokens and request objects travel in them
	MaxParameters = 256
)

// A parameter is a name and a value, unescaped.
type parameter struct{ name, value string }

// ParseForm parses a query or a form body by its rules, except that it keeps repeated
// parameters for the caller to judge.
func ParseForm(raw string) (url.Values, error) {
	params, err := parseForm(raw)
	if err != nil {
		return nil, err
	}
	values := make(url.Values, len(params))
	for _, p := range params {
		values[p.name] = append(values[p.name], p.value)
	}
	return values, nil
}

// DecodeForm decodes one query, without its question mark, or one form body strictly
// into the message that into points to. What was there before is lost. If it fails,
// with a [*DecodeError], the message is the zero value.
func DecodeForm(raw string, into any) error { return Quirks{}.DecodeForm(raw, into) }

// DecodeValues is [DecodeForm] for parameters that are parsed already.
func DecodeValues(v url.Values, into any) error { return Quirks{}.DecodeValues(v, into) }

// DecodeForm is the function [DecodeForm] with the tolerance of q in the JSON that
// parameters may hold.
func (q Quirks) DecodeForm(raw string, into any) error {
	target, err := formTarget(into)
	if err != nil {
		return err
	}
	params, bad := parseForm(raw)
	if bad != nil {
		return bad
	}
	return q.decodeParameters(params, target)
}

// DecodeValues is the function [DecodeValues] with the tolerance of q in the JSON that
// parameters may hold.
func (q Quirks) DecodeValues(v url.Values, into any) error {
	target, err := formTarget(into)
	if err != nil {
		return err
	}
	params := make([]parameter, 0, len(v))
	for name, values := range v {
		for _, value := range values {
			if bad := checkText(name, value); bad != nil {
				return bad
			}
			params = append(params, parameter{name, value})
		}
	}
	if len(params) > MaxParameters {
		return &DecodeError{Kind: Count}
	}
	slices.SortStableFunc(params, func(a, b parameter) int { return strings.Compare(a.name, b.name) })
	return q.decodeParameters(params, target)
}

// formTarget returns the struct that into points to, as its zero value.
func formTarget(into any) (reflect.Value, error) {
	v := reflect.ValueOf(into)
	if v.Kind() != reflect.Pointer || v.IsNil() || v.Elem().Kind() != reflect.Struct {
		return reflect.Value{}, fmt.Errorf("message: cannot decode into %T", into)
	}
	if v = v.Elem(); !planOf(v.Type()).form {
		return reflect.Value{}, fmt.Errorf("message: %T never travels as a form", into)
	}
	v.SetZero()
	return v, nil
}

// parseForm splits and unescapes. The error is nil or a *DecodeError; an error value
// that is an interface keeps a nil pointer from looking like an error.
func parseForm(raw string) ([]parameter, error) {
	if len(raw) > MaxForm {
		return nil, &DecodeError{Kind: Size, Err: fmt.Errorf("%d bytes, the limit is %d", len(raw), MaxForm)}
	}
	if strings.Contains(raw, ";") {
		return nil, &DecodeError{Kind: Malformed, Err: errors.New("a semicolon that is not escaped")}
	}
	params := make([]parameter, 0, min(strings.Count(raw, "&")+1, MaxParameters))
	for pair := range strings.SplitSeq(raw, "&") {
		if pair == "" {
			continue
		}
		if len(params) == MaxParameters {
			return nil, &DecodeError{Kind: Count, Err: fmt.Errorf("the limit is %d", MaxParameters)}
		}
		rawName, rawValue, _ := strings.Cut(pair, "=")
		name, ok := unescape(rawName)
		if !ok || name == "" {
			return nil, &DecodeError{Kind: Malformed, Err: errors.New("a bad parameter name")}
		}
		value, ok := unescape(rawValue)
		if !ok {
			return nil, &DecodeError{Kind: Malformed, Param: name, Err: errors.New("a bad escape")}
		}
		if err := checkText(name, value); err != nil {
			return nil, err
		}
		params = append(params, parameter{name, value})
	}
	return params, nil
}

// checkText returns an error that is nil or a *DecodeError.
func checkText(name, value string) error {
	switch {
	case !utf8.ValidString(name):
		return &DecodeError{Kind: UTF8}
	case !utf8.ValidString(value):
		return &DecodeError{Kind: UTF8, Param: name}
	case strings.IndexByte(name, 0) >= 0 || strings.IndexByte(value, 0) >= 0:
		return &DecodeError{Kind: Malformed, Param: name, Err: errors.New("a NUL character")}
	}
	return nil
}

// unescape undoes the encoding of a name or value.
func unescape(s string) (string, bool) {
	if strings.IndexByte(s, '%') < 0 {
		if strings.IndexByte(s, '+') < 0 {
			return s, true
		}
		return strings.ReplaceAll(s, "+", " "), true
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '%':
			if i+2 >= len(s) {
				return "", false
			}
			high, ok1 := unhex(s[i+1])
			low, ok2 := unhex(s[i+2])
			if !ok1 || !ok2 {
				return "", false
			}
			out = append(out, high<<4|low)
			i += 2
		case '+':
			out = append(out, ' ')
		default:
			out = append(out, s[i])
		}
	}
	return string(out), true
}

// decodeParameters fills the struct v.
func (q Quirks) decodeParameters(params []parameter, v reflect.Value) error {
	p := planOf(v.Type())
	var extra Extra
	err := func() error {
		for i, param := range params {
			k, known := p.params[param.name]
			if !known {
				var err error
				if extra, err = extra.addParameter(param); err != nil {
					return err
				}
				continue
			}
			f := &p.fields[k]
			if !f.repeats() && slices.ContainsFunc(params[:i], func(other parameter) bool { return other.name == param.name }) {
				return &DecodeError{Kind: Duplicate, Param: param.name}
			}
			if param.value == "" {
				continue
			}
			if err := q.parameter(f, f.of(v), param.value); err != nil {
				return err.under(param.name)
			}
		}
		return nil
	}()
	if err != nil {
		v.SetZero()
		return err
	}
	if extra != nil && p.extra != nil {
		*v.FieldByIndex(p.extra).Addr().Interface().(*Extra) = extra
	}
	return nil
}

// repeats reports whether the parameter may occur several times: whether it is a list
// whose elements are parameters of their own.
func (f *field) repeats() bool {
	return f.codec.kind == kindAudience || f.codec.kind == kindSlice
}

// addParameter keeps an unknown parameter. Of those only resource and audience may be
// repeated; their values then become an array.
func (e Extra) addParameter(p parameter) (Extra, error) {
	value, err := appendString(nil, p.value)
	if err != nil {
		return nil, err
	}
	for i := range e {
		if e[i].Name != p.name {
			continue
		}
		if p.name != "resource" && p.name != "audience" {
			return nil, &DecodeError{Kind: Duplicate, Param: p.name}
		}
		if old := e[i].Value; old[0] == '[' {
			e[i].Value = slices.Concat(old[:len(old)-1], []byte(","), value, []byte("]"))
		} else {
			e[i].Value = slices.Concat([]byte("["), old, []byte(","), value, []byte("]"))
		}
		return e, nil
	}
	return append(e, Member{Name: p.name, Value: value}), nil
}

// parameter decodes one value, which is not empty, into v.
func (q Quirks) parameter(f *field, v reflect.Value, value string) *DecodeError {
	c := f.codec
	if c.kind == kindPointer && c.elem.kind != kindStruct {
		v.Set(reflect.New(c.elem.typ))
		c, v = c.elem, v.Elem()
	}
	wrong := func(want string) *DecodeError {
		return &DecodeError{Kind: WrongType, Err: errors.New(want + " is wanted")}
	}
	switch c.kind {
	case kindString:
		v.SetString(value)
	case kindBool:
		if value != "true" && value != "false" {
			return wrong("true or false")
		}
		v.SetBool(value == "true")
	case kindInt:
		n, ok := parseInteger(value, c.typ.Bits())
		if !ok {
			return wrong("an integer in range")
		}
		v.SetInt(n)
	case kindList:
		v.Set(reflect.ValueOf(ParseList(value)))
	case kindAudience, kindSlice:
		if c.typ.Elem().Kind() != reflect.String {
			return wrong("nothing")
		}
		v.Set(reflect.Append(v, reflect.ValueOf(value).Convert(c.typ.Elem())))
	case kindRaw:
		if err := checkJSON([]byte(value)); err != nil {
			return &DecodeError{Kind: WrongType, Err: err}
		}
		v.SetBytes([]byte(value))
	default:
		// A parameter whose value is a JSON object, such as claims.
		target := reflect.New(c.typ)
		if c.kind == kindPointer {
			target = reflect.New(c.elem.typ)
		}
		d := decoder{quirks: q, limit: MaxForm}
		if err := d.document([]byte(value), target.Elem()); err != nil {
			return err
		}
		if c.kind == kindPointer {
			v.Set(target)
		} else {
			v.Set(target.Elem())
		}
	}
	return nil
}

// Values returns the parameters of a message as they travel, secrets in full. It
// refuses an Extra that holds a known parameter.
func Values(m any) (url.Values, error) {
	v := reflect.ValueOf(m)
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	if v.Kind() != reflect.Struct {
		return nil, fmt.Errorf("message: cannot encode %T", m)
	}
	p := planOf(v.Type())
	if !p.form {
		return nil, fmt.Errorf("message: %T never travels as a form", m)
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

// addExtra puts a member of Extra into values: a string as it is, an array of strings
// once for each, everything else as its JSON text.
func addExtra(p *plan, values url.Values, m Member) error {
	if k, known := p.params[m.Name]; known {
		if isEmptyNote(p.fields[k].codec, m.Value) {
			return nil // empty is absent here
		}
		return fmt.Errorf("message: extra parameter %s is a known one", quoteName(m.Name))
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
	if err := checkJSON(m.Value); err != nil {
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
	values, err := Values(m)
	if err != nil {
		return "", err
	}
	return values.Encode(), nil
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

// appendEscaped escapes as [url.QueryEscape] does.
func appendEscaped(b []byte, s string) []byte {
	const hex = "0123456789ABCDEF"
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_', c == '.', c == '~':
			b = append(b, c)
		case c == ' ':
			b = append(b, '+')
		default:
			b = append(b, '%', hex[c>>4], hex[c&15])
		}
	}
	return b
}
