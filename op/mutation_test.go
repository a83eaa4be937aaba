package op_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"github.com/oidcservice/oidc/endpoint"
	"github.com/oidcservice/oidc/op/optest"
)

var (
	mutations = flag.Int("mutations", 500, "how many mutated requests each endpoint gets")
	seed      = flag.Uint64("seed", 0, "what the mutated requests depend on; 0 is another one each time")
)

// A provider gets batch requests, in portions that are derived from fresh ones: what can be
// used once, and attempts that are counted, are there again.
const (
	batch   = 1000
	portion = 100
)

// TestMutatedRequests sends to each endpoint requests that differ from a valid one in one
// to three places. None may end in a panic or in an answer that says that the provider is
// to blame, and each refusal is well-formed.
func TestMutatedRequests(t *testing.T) {
	if *seed == 0 {
		*seed = rand.Uint64()
	}
	t.Logf("seed %d", *seed)
	names := []string{"interaction"}
	described := map[string]endpoint.Described{}
	for _, d := range newTrial(t).Endpoints().All() {
		names = append(names, d.Name)
		described[d.Name] = d
	}
	for i, name := range names {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := &mutator{Rand: rand.New(rand.NewPCG(*seed, uint64(i)))}
			statuses := map[int]int{}
			var tr *trial
			var valid []draft
			for i := range *mutations {
				if i%batch == 0 {
					tr = newTrial(t)
				}
				if i%portion == 0 {
					valid = tr.requests()[name]
				}
				d := m.mutate(pick(m, valid))
				w, err := answerOf(tr, d)
				if err == nil {
					err = judge(w, described[name])
				}
				if err != nil {
					t.Fatalf("seed %d: %v\n%s", *seed, err, d)
				}
				statuses[w.Code]++
			}
			t.Logf("statuses %v", statuses)
		})
	}
}

func (d draft) String() string {
	return fmt.Sprintf("%q %q?%q\n%q\n%.2000q", d.method, d.path, d.query, d.header, d.body)
}

// answerOf turns a panic into an error.
func answerOf(h http.Handler, d draft) (w *httptest.ResponseRecorder, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v\n%s", r, debug.Stack())
		}
	}()
	return d.serve(h), nil
}

// judge says what is wrong with an answer.
func judge(w *httptest.ResponseRecorder, d endpoint.Described) error {
	h := w.Header()
	for name, values := range h {
		for _, value := range values {
			if strings.ContainsFunc(value, func(c rune) bool { return c < ' ' || c > '~' }) {
				return fmt.Errorf("the field %s is %q", name, value)
			}
		}
	}
	switch {
	case w.Code >= 500:
		return fmt.Errorf("status %d: %s", w.Code, w.Body)
	case w.Code >= 300 && w.Code < 400:
		location := h.Get("Location")
		own := location == optest.Issuer+"/approvals" || strings.HasPrefix(location, optest.Issuer+"/approvals?")
		if !own && !strings.HasPrefix(location, callback) && !strings.HasPrefix(location, "https://rp.example/bye") {
			return fmt.Errorf("a redirect to %s", location)
		}
	case w.Code == http.StatusMethodNotAllowed && h.Get("Allow") == "":
		return fmt.Errorf("status 405 without Allow")
	case w.Code == http.StatusUnauthorized && h.Get("WWW-Authenticate") == "":
		return fmt.Errorf("status 401 without WWW-Authenticate")
	}
	if w.Code < 400 || d.Browser || d.Name == "" || w.Body.Len() == 0 {
		return nil
	}
	var refusal struct {
		Code string `json:"error"`
	}
	if media := h.Get("Content-Type"); media == "application/json" {
		if err := json.Unmarshal(w.Body.Bytes(), &refusal); err != nil || refusal.Code == "" {
			return fmt.Errorf("status %d without an error code: %s", w.Code, w.Body)
		}
	}
	return nil
}

// A mutator changes requests.
type mutator struct{ *rand.Rand }

func pick[T any](m *mutator, list []T) T { return list[m.IntN(len(list))] }

// odd are values that break something somewhere.
var odd = []string{
	"", " ", "\x00", "a\x00b", "\xff\xfe", "\xc3\x28", "%", "%zz", "\r\nSet-Cookie: x=y", "\u202e\u0000", "💥", "-1", "0",
	"99999999999999999999", "1e400", "null", "{}", "[]", "[[[[[[[[[[", `{"a":{"a":{"a":`, `"`, "<script>", "../../etc/passwd", "none", "query.jwt",
	"https://", "http://[::1", "https://rp.example/cb#x", "urn:", "javascript:alert(1)", "eyJhbGciOiJub25lIn0.e30.", "e30.e30.e30", "...", "....",
	strings.Repeat("x", 3000), strings.Repeat("a ", 500), strings.Repeat("[", 2000), tryID, "rp",
}

// mutate changes one to three places.
func (m *mutator) mutate(d draft) draft {
	d.header = d.header.Clone()
	for range 1 + m.IntN(3) {
		pick(m, []func(*draft){
			m.params, m.params, m.params, m.params, m.raw, m.field, m.field, m.contentType, m.method, m.path, m.large,
		})(&d)
	}
	d.remote = fmt.Sprintf("192.0.2.%d:%d", m.IntN(256), m.IntN(65536))
	return d
}

// where is the text with the parameters.
func (m *mutator) where(d *draft) *string {
	if d.body != "" && m.IntN(8) > 0 {
		return &d.body
	}
	return &d.query
}

// params changes the parameters of a form, or the members of an object.
func (m *mutator) params(d *draft) {
	text := m.where(d)
	if strings.HasPrefix(*text, "{") {
		*text = m.members(*text)
		return
	}
	pairs := strings.Split(*text, "&")
	i := m.IntN(len(pairs))
	name, value, _ := strings.Cut(pairs[i], "=")
	decoded, err := url.QueryUnescape(value)
	if err != nil {
		decoded = value
	}
	switch m.IntN(8) {
	case 0: // twice
		pairs = append(pairs, pairs[i])
	case 1: // twice, and not the same
		pairs = append(pairs, name+"="+url.QueryEscape(pick(m, odd)))
	case 2: // not at all
		pairs = slices.Delete(pairs, i, i+1)
	case 3:
		pairs[i] = name + "=" + url.QueryEscape(pick(m, odd))
	case 4: // unescaped
		pairs[i] = name + "=" + pick(m, odd)
	case 5:
		pairs[i] = name + "=" + url.QueryEscape(m.value(decoded))
	case 6: // the value of another
		_, other, _ := strings.Cut(pick(m, pairs), "=")
		pairs[i] = name + "=" + other
	case 7: // under another name
		other, _, _ := strings.Cut(pick(m, pairs), "=")
		pairs[i] = other + "=" + value
	}
	*text = strings.Join(pairs, "&")
}

// members changes an object: a member that is doubled, or one with a value of another kind.
func (m *mutator) members(text string) string {
	if m.IntN(4) == 0 {
		return `{"redirect_uris":` + pick(m, []string{"null", "[]", `["` + callback + `"]`}) + "," + text[1:]
	}
	var object map[string]any
	if err := json.Unmarshal([]byte(text), &object); err != nil || len(object) == 0 {
		return m.value(text)
	}
	names := make([]string, 0, len(object))
	for name := range object {
		names = append(names, name)
	}
	slices.Sort(names)
	object[pick(m, names)] = pick(m, []any{nil, true, -1, 1e300, "", pick(m, odd), []any{}, []any{nil}, []any{pick(m, odd)}, map[string]any{}, map[string]any{"keys": []any{1}}})
	changed, err := json.Marshal(object)
	if err != nil {
		return text
	}
	return string(changed)
}

// value changes a value: it is cut, loses a part, or has a byte of another kind.
func (m *mutator) value(text string) string {
	if text == "" {
		return pick(m, odd)
	}
	i := m.IntN(len(text))
	switch m.IntN(6) {
	case 0:
		return text[:i]
	case 1: // the parts of a JWT or of a list
		parts := strings.Split(text, ".")
		j := m.IntN(len(parts))
		return strings.Join(slices.Delete(parts, j, j+1), ".")
	case 2:
		parts := strings.Split(text, ".")
		parts[m.IntN(len(parts))] = pick(m, []string{"", "e30", "eyJhbGciOiJub25lIn0", "eyJhbGciOiJIUzI1NiJ9", "!", "bnVsbA"})
		return strings.Join(parts, ".")
	case 3:
		return text[:i] + string(rune(m.IntN(0x3000))) + text[i:]
	case 4:
		return text + text
	}
	return text[:i] + string([]byte{byte(m.IntN(256))}) + text[i+1:]
}

// raw changes a text without regard to what it is.
func (m *mutator) raw(d *draft) {
	text := m.where(d)
	*text = m.value(*text)
}

// field changes a field of the header.
func (m *mutator) field(d *draft) {
	name := pick(m, []string{"Authorization", "Authorization", "Dpop", "Cookie", "Accept-Language", "Sec-Fetch-Site", "Origin", "X-Forwarded-For"})
	switch m.IntN(5) {
	case 0:
		d.header.Del(name)
	case 1: // twice
		d.header[name] = append(d.header[name], d.header.Get(name), pick(m, odd))
	case 2:
		d.header[name] = []string{pick(m, []string{"Basic ", "Bearer ", "DPoP ", "basic", "", "Digest "}) + pick(m, odd)}
	default:
		d.header[name] = []string{m.value(d.header.Get(name))}
	}
}

func (m *mutator) contentType(d *draft) {
	d.header["Content-Type"] = []string{pick(m, []string{
		"", "text/plain", "application/json", form, form + "; charset=utf-16", "multipart/form-data; boundary=x", "application/jwt", "/", ";", "\x00",
	})}
}

func (m *mutator) method(d *draft) {
	d.method = pick(m, []string{"GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "TRACE", "get", "", "\x00"})
}

// path changes what follows the endpoint's own path, which must still be served by it.
func (m *mutator) path(d *draft) {
	if strings.Count(d.path, "/") > 1 {
		i := strings.LastIndex(d.path, "/") + 1
		d.path = d.path[:i] + url.PathEscape(m.value(d.path[i:]))
	}
}

// large brings a request over a limit, now and then: it costs more than the others.
func (m *mutator) large(d *draft) {
	if m.IntN(20) > 0 {
		return
	}
	text := m.where(d)
	*text += "&x=" + strings.Repeat(pick(m, []string{"x", "%41", "&"}), 1<<15+m.IntN(1<<15))
}
