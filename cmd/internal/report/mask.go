package report

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"html"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// Masked stands where a secret was.
const Masked = "***"

// Secrets are masked twice: by their place (a parameter, member or header field
// whose value is secret by its nature), and by their value wherever it turns up
// again, for instance in an error page that repeats what it was sent.

// secretNames are the parameters and members whose values are never shown.
var secretNames = map[string]bool{
	"client_secret": true, "client_assertion": true, "code": true, "code_verifier": true,
	"access_token": true, "refresh_token": true, "id_token": true, "id_token_hint": true,
	"registration_access_token": true, "initial_access_token": true, "assertion": true,
	"subject_token": true, "actor_token": true, "token": true, "device_code": true,
	"auth_req_id": true, "login_hint_token": true, "logout_token": true,
	"client_notification_token": true, "request": true, "response": true, "password": true,
	"secret": true, "private_key": true,
}

// secretParameter tells whether a parameter of a form is secret: beside the rest the
// user's own code of a backchannel authentication (CIBA Core 1.0, Section 7.1). The
// user_code of a device is there to be shown; it comes in JSON.
func secretParameter(name string) bool {
	name = strings.ToLower(name)
	return secretNames[name] || name == "user_code"
}

// privateJWK are the private members of a JWK (RFC 7518, Section 6), which a
// provider publishes only by mistake.
var privateJWK = map[string]bool{"d": true, "p": true, "q": true, "dp": true, "dq": true, "qi": true, "oth": true, "k": true}

// secretHeaders are header fields that are secret as a whole.
var secretHeaders = map[string]bool{"Cookie": true, "Set-Cookie": true, "Dpop": true, "Proxy-Authorization": true}

// shortest is the length from which a secret is looked for by value: anything
// shorter would turn up by chance.
const shortest = 8

// words are what a secret may be in a test and what must stay readable all the
// same: masking them by value would mask the protocol.
var words = strings.Join(append(names(), "authorization_code", "client_secret_basic", "client_secret_post",
	"client_secret_jwt", "private_key_jwt", "token_type", "Bearer", "application", "https://", "localhost", "password"), " ")

var (
	tokenShape = regexp.MustCompile(`\bey[JA][A-Za-z0-9_-]+\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]*){0,2}`)
	pairShape  = regexp.MustCompile(`(^|[?&#;\s"'>])(` + strings.Join(names(), "|") + `)=([^&#\s"'<>]+)`)
)

func names() []string {
	all := make([]string, 0, len(secretNames))
	for name := range secretNames {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}

type masker struct {
	show   bool
	values *strings.Replacer
}

// newMasker learns the secrets of r.
func newMasker(r *Report, show bool) *masker {
	m := &masker{show: show}
	if show {
		return m
	}
	var found []string
	for _, s := range r.Steps {
		if s.Request != nil {
			found = append(found, secretsOf(s.Request.URL, s.Request.Header, s.Request.Body)...)
		}
		if s.Response != nil {
			found = append(found, secretsOf("", s.Response.Header, s.Response.Body)...)
		}
		for _, h := range s.Hops {
			found = append(found, secretsOf(h.URL, h.Header, "")...)
			found = append(found, secretsOf(h.Location, nil, "")...)
		}
	}
	var forms []string
	for _, secret := range found {
		forms = append(forms, spellings(secret)...)
	}
	// Longer ones first, so that none leaves its rest behind.
	slices.SortFunc(forms, func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) })
	var pairs []string
	for _, form := range slices.Compact(forms) {
		pairs = append(pairs, form, Masked)
	}
	m.values = strings.NewReplacer(pairs...)
	return m
}

// spellings are the forms in which a secret may be repeated.
func spellings(secret string) []string {
	if len(secret) < shortest || strings.Contains(words, secret) {
		return nil
	}
	quoted, _ := json.Marshal(secret)
	return []string{secret, url.QueryEscape(secret), url.PathEscape(secret), html.EscapeString(secret), string(quoted[1 : len(quoted)-1])}
}

// secretsOf collects the secrets of one message.
func secretsOf(target string, header map[string][]string, body string) []string {
	var found []string
	pairs := func(text string) {
		values, _ := url.ParseQuery(text)
		for name, list := range values {
			if secretParameter(name) {
				found = append(found, list...)
			}
		}
	}
	for _, text := range append([]string{target}, header["Location"]...) {
		rest, fragment, _ := strings.Cut(text, "#")
		_, query, _ := strings.Cut(rest, "?")
		pairs(query)
		pairs(fragment)
	}
	for name, list := range header {
		for _, value := range list {
			switch http.CanonicalHeaderKey(name) {
			case "Authorization":
				found = append(found, credentials(value)...)
			case "Cookie", "Set-Cookie":
				first, _, _ := strings.Cut(value, ";")
				if _, cookie, ok := strings.Cut(first, "="); ok {
					found = append(found, strings.Trim(cookie, `"`))
				}
			case "Dpop":
				found = append(found, value)
			}
		}
	}
	pairs(body)
	walkJSON(body, func(_, value string) string {
		var text string
		if json.Unmarshal([]byte(value), &text) == nil {
			found = append(found, text)
		}
		return value
	})
	return found
}

// credentials returns what an Authorization value holds: the token, and for Basic
// the secret in its encoded and decoded forms.
func credentials(value string) []string {
	scheme, rest, _ := strings.Cut(value, " ")
	rest = strings.TrimSpace(rest)
	found := []string{rest}
	if strings.EqualFold(scheme, "Basic") {
		if raw, err := base64.StdEncoding.DecodeString(rest); err == nil {
			if _, secret, ok := strings.Cut(string(raw), ":"); ok {
				found = append(found, secret)
				if plain, err := url.QueryUnescape(secret); err == nil {
					found = append(found, plain)
				}
			}
		}
	}
	return found
}

// text masks secrets by value and by shape in free text.
func (m *masker) text(s string) string {
	if m.show {
		return s
	}
	s = m.values.Replace(s)
	s = pairShape.ReplaceAllString(s, "${1}${2}="+Masked)
	return tokenShape.ReplaceAllString(s, Masked)
}

// url masks the secret parameters of a URL.
func (m *masker) url(s string) string {
	if m.show {
		return s
	}
	rest, fragment, hasFragment := strings.Cut(s, "#")
	base, query, hasQuery := strings.Cut(rest, "?")
	out := base
	if hasQuery {
		out += "?" + m.pairs(query)
	}
	if hasFragment {
		out += "#" + m.pairs(fragment)
	}
	return m.text(out)
}

// pairs masks a form-encoded string and keeps everything else as it was.
func (m *masker) pairs(s string) string {
	if m.show {
		return s
	}
	parts := strings.Split(s, "&")
	for i, part := range parts {
		name, _, ok := strings.Cut(part, "=")
		plain, err := url.QueryUnescape(name)
		if err != nil {
			plain = name
		}
		if ok && secretParameter(plain) {
			parts[i] = name + "=" + Masked
		}
	}
	return strings.Join(parts, "&")
}

// header masks header fields and returns them under canonical names.
func (m *masker) header(h map[string][]string) map[string][]string {
	out := make(map[string][]string, len(h))
	for name, values := range h {
		name = http.CanonicalHeaderKey(name)
		masked := make([]string, len(values))
		for i, value := range values {
			masked[i] = m.field(name, value)
		}
		out[name] = masked
	}
	return out
}

func (m *masker) field(name, value string) string {
	switch {
	case m.show:
		return value
	case name == "Authorization":
		if scheme, _, ok := strings.Cut(value, " "); ok {
			return scheme + " " + Masked
		}
		return Masked
	case name == "Set-Cookie":
		first, attributes, _ := strings.Cut(value, ";")
		cookie, _, ok := strings.Cut(first, "=")
		if !ok {
			return Masked
		}
		if attributes != "" {
			attributes = ";" + attributes
		}
		return m.text(cookie + "=" + Masked + attributes)
	case secretHeaders[name]:
		return Masked
	case name == "Location":
		return m.url(value)
	}
	return m.text(value)
}

// body masks a body by its media type; what it is said to be decides nothing
// that matters, since a body may be anything.
func (m *masker) body(header map[string][]string, body string) string {
	if m.show || body == "" {
		return body
	}
	media := mediaType(header)
	switch {
	case media == "application/x-www-form-urlencoded":
		body = m.pairs(body)
	case strings.HasSuffix(media, "jwt") && strings.Count(strings.TrimSpace(body), ".") >= 2:
		return Masked
	}
	body = walkJSON(body, func(_, _ string) string { return `"` + Masked + `"` })
	return m.text(body)
}

func mediaType(header map[string][]string) string {
	for name, values := range header {
		if strings.EqualFold(name, "Content-Type") && len(values) > 0 {
			media, _, _ := mime.ParseMediaType(values[0])
			return media
		}
	}
	return ""
}

// walkJSON finds the members of secret name in text that looks like JSON, however
// broken, and replaces their values. Everything else stays byte for byte.
func walkJSON(text string, replace func(name, value string) string) string {
	keys := strings.Contains(text, `"kty"`) // a key's members have names of one letter
	var b strings.Builder
	for i := 0; i < len(text); {
		if text[i] != '"' {
			b.WriteByte(text[i])
			i++
			continue
		}
		end := stringEnd(text, i)
		b.WriteString(text[i:end])
		name := text[i:end]
		i = end
		var plain string
		if json.Unmarshal([]byte(name), &plain) != nil {
			plain = strings.Trim(name, `"`)
		}
		if !secretNames[strings.ToLower(plain)] && (!keys || !privateJWK[plain]) {
			continue
		}
		colon := skipSpace(text, i)
		if colon >= len(text) || text[colon] != ':' {
			continue
		}
		start := skipSpace(text, colon+1)
		stop := valueEnd(text, start)
		b.WriteString(text[i:start])
		b.WriteString(replace(plain, text[start:stop]))
		i = stop
	}
	return b.String()
}

func skipSpace(s string, i int) int {
	for i < len(s) && strings.IndexByte(" \t\r\n", s[i]) >= 0 {
		i++
	}
	return i
}

// stringEnd returns the index behind the string that begins at i.
func stringEnd(s string, i int) int {
	for i++; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(s)
}

// valueEnd returns the index behind the value that begins at i.
func valueEnd(s string, i int) int {
	depth := 0
	for i < len(s) {
		switch s[i] {
		case '"':
			i = stringEnd(s, i)
			if depth == 0 {
				return i
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return i
			}
			depth--
			if depth == 0 {
				return i + 1
			}
		case ',':
			if depth == 0 {
				return i
			}
		}
		i++
	}
	return len(s)
}
