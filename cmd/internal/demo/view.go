package demo

import (
	"bytes"
	"cmp"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/oidcservice/oidc/cmd/internal/report"
	"github.com/oidcservice/oidc/op/optest"
	"github.com/oidcservice/oidc/rp"
	"github.com/oidcservice/oidc/service"
	"github.com/oidcservice/oidc/state"
)

//go:embed templates/*.html
var templateFiles embed.FS

var pages = template.Must(template.New("").Funcs(template.FuncMap{"tally": tally, "counted": counted}).ParseFS(templateFiles, "templates/*.html"))

// A page is what the template shows.
type page struct {
	Issuer, URL   string
	Embedded      bool
	Username      string
	Password      string
	User          *userView
	Form          *loginForm
	Send, Modes   []choice
	ResponseTypes []string
	Scopes, ACRs  string
	Faults        []*fault
	Notices       []notice
	Outcome       *outcome
	Problem       *problem
	Conversation  *conversationView
	ClientName    string
	EndSession    string   // where the provider's own session can be ended
	LogoutWay     *wayView // how the application then learns of it; nil if it does not
	Watch         bool     // whether the page asks the provider about the session
	CanRevoke     bool
	OwnAPI        bool
	APIAddress    string
}

// A userView is who is signed in.
type userView struct {
	Name, Email, Initials, Subject string
	Tokens                         []tokenView
	UserInfo                       string
	CanRefresh                     bool
}

// A tokenView is a token, taken apart.
type tokenView struct {
	ID, Name, Note string
	Raw            string // masked, unless the secrets are asked for
	Header         string
	Claims         []claimView
	Opaque         bool
	Checks         []check
}

// A claimView is a claim and what its value means.
type claimView struct{ Name, Value, Meaning string }

// home is the page.
func (d *Demo) home(w http.ResponseWriter, r *http.Request) {
	p, err := d.page(r)
	if err != nil {
		http.Error(w, "the page cannot be shown", http.StatusInternalServerError)
		return
	}
	d.render(w, http.StatusOK, "page", p)
}

func (d *Demo) render(w http.ResponseWriter, status int, name string, data any) {
	var b bytes.Buffer
	if err := pages.ExecuteTemplate(&b, name, data); err != nil {
		d.logger.Error("a page could not be rendered", "page", name, "error", err)
		http.Error(w, "the page cannot be shown", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", policy)
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes())
}

// live is the conversation alone, for the script that keeps it up to date: nothing if
// nothing has changed.
func (d *Demo) live(w http.ResponseWriter, r *http.Request) {
	c := dialogueOf(r.Context())
	c.mu.Lock()
	version := c.version
	c.mu.Unlock()
	if r.URL.Query().Get("version") == strconv.Itoa(version) {
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(http.StatusNoContent)
		return
	}
	p, err := d.page(r)
	if err != nil {
		http.Error(w, "the page cannot be shown", http.StatusInternalServerError)
		return
	}
	d.render(w, http.StatusOK, "page", p)
}

func (d *Demo) page(r *http.Request) (*page, error) {
	c := dialogueOf(r.Context())
	l, err := d.party().Session(r)
	if err != nil && !errors.Is(err, rp.ErrNoLogin) {
		return nil, err
	}
	p := &page{
		Issuer: d.Issuer, URL: d.URL, Embedded: d.embedded != nil, Username: optest.Username, Password: optest.Password,
		Form: d.firstForm(), Send: d.sendMethods(), Modes: d.responseModes(), ResponseTypes: d.responseTypes(),
		Scopes: strings.Join(d.provider.ScopesSupported, " "), ACRs: strings.Join(d.provider.ACRValuesSupported, " "), Faults: faults,
		EndSession: d.provider.EndSessionEndpoint, CanRevoke: d.provider.RevocationEndpoint != "",
		OwnAPI: d.config.APIEndpoint == "", APIAddress: d.config.APIEndpoint,
	}
	p.LogoutWay, p.Watch = d.wayOf(d.learnsBy()), d.learnsBy() == bySession
	r0 := d.reportOf(c)
	c.mu.Lock()
	defer c.mu.Unlock()
	p.Notices, p.Outcome, p.Problem = slices.Clone(c.notices), c.outcome, c.problem
	if c.form != nil {
		p.Form = c.form
	}
	p.Conversation = c.view(r0, d.caFile)
	if d.CA != nil && d.config.CAOut == "" {
		p.Conversation.CAName = caName
	}
	if l != nil {
		record, err := d.db.Session(r.Context(), l.ID)
		if err == nil {
			p.User = userOf(l, record, c.checks[l.ID], c.secrets)
		}
	}
	return p, nil
}

func userOf(l *rp.Login, record state.Record, checks []check, secrets bool) *userView {
	u := &userView{Subject: l.Subject, Name: l.UserInfo.Name, Email: l.UserInfo.Email}
	if u.Name == "" {
		u.Name = l.Subject
	}
	u.Initials = initials(u.Name)
	if raw := record.Item(state.ItemUserInfo); raw != nil {
		u.UserInfo = report.Readable(string(raw))
	}
	for _, t := range []struct{ id, member, name, note string }{
		{"id-token", "id_token", "ID Token", "For the application: who you are, and how you proved it. It was verified by every rule below."},
		{"access-token", "access_token", "Access token", "For the API alone. An application has no business reading it; here it is taken apart for show, if that can be done."},
		{"refresh-token", "refresh_token", "Refresh token", "For the provider alone: it brings new tokens without you."},
	} {
		token := newest(record, t.member)
		if token == "" {
			continue
		}
		v := tokenView{ID: t.id, Name: t.name, Note: t.note, Raw: report.Masked}
		if secrets {
			v.Raw = token
		}
		if header, claims, ok := decoded(token); ok {
			v.Header, v.Claims = report.Readable(header), claimsOf(claims)
		} else {
			v.Opaque = true
		}
		switch t.member {
		case "id_token":
			v.Checks = slices.DeleteFunc(slices.Clone(checks), func(c check) bool { return !strings.HasPrefix(c.Rule, "idtoken_") })
		case "refresh_token":
			u.CanRefresh = true
		}
		u.Tokens = append(u.Tokens, v)
	}
	return u
}

// newest is the newest token of a kind in a record.
func newest(record state.Record, member string) string {
	for _, item := range []string{state.ItemRefreshTokenResponse, state.ItemTokenResponse, state.ItemAuthResponse} {
		var members map[string]any
		if json.Unmarshal(record.Item(item), &members) != nil {
			continue
		}
		if token, ok := members[member].(string); ok && token != "" {
			return token
		}
	}
	return ""
}

func initials(name string) string {
	var out []rune
	for word := range strings.FieldsSeq(name) {
		if first := []rune(word)[0]; unicode.IsLetter(first) && len(out) < 2 {
			out = append(out, unicode.ToUpper(first))
		}
	}
	if len(out) == 0 {
		return "?"
	}
	return string(out)
}

// meanings are of the claims that are not words.
var meanings = map[string]string{
	"iss": "who says so", "sub": "whom it is about, at this issuer", "aud": "for whom it is", "exp": "until when", "iat": "since when",
	"auth_time": "when the user was asked", "nonce": "ties it to the request", "acr": "how strong the authentication was", "amr": "how it was done",
	"azp": "to whom it was issued", "at_hash": "ties the access token to it", "c_hash": "ties the code to it", "s_hash": "ties the state to it",
	"sid": "the session at the provider", "jti": "its name", "client_id": "who may use it", "scope": "what for",
}

// claimsOf lists the claims in their order.
func claimsOf(object string) []claimView {
	decoder := json.NewDecoder(strings.NewReader(object))
	if t, err := decoder.Token(); err != nil || t != json.Delim('{') {
		return nil
	}
	var all []claimView
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return all
		}
		var raw json.RawMessage
		if decoder.Decode(&raw) != nil {
			return all
		}
		v := claimView{Name: fmt.Sprint(name), Value: strings.Trim(string(raw), `"`), Meaning: meanings[fmt.Sprint(name)]}
		if seconds, err := strconv.ParseInt(string(raw), 10, 64); err == nil && slices.Contains([]string{"exp", "iat", "auth_time", "nbf"}, v.Name) {
			at := time.Unix(seconds, 0)
			v.Meaning += ": " + at.UTC().Format("15:04:05 UTC") + ", " + relative(time.Until(at))
		}
		all = append(all, v)
	}
	return all
}

func relative(d time.Duration) string {
	d = d.Round(time.Second)
	if d < 0 {
		return (-d).String() + " ago"
	}
	return "in " + d.String()
}

// A conversationView is the conversation as the page shows it.
type conversationView struct {
	Version int
	Secrets bool
	Diagram *diagram
	Steps   []*stepView
	Dropped int
	CAName  string // what curl has to be given first
}

// A stepView is a step as the page shows it.
type stepView struct {
	Number             int
	Title, Name        string
	Why, Section       string
	From, To           lane
	Front, Inbound     bool
	Request, Response  string
	Object             string // a request object, taken apart
	Curl               string
	Address            string // what the browser can be pointed at
	Status             int
	Took               string
	Checks             []check
	Passed             int
	Failed, FailedSpec string
	Context            []report.Change
	Record             []string
	Broken, Mark       string // what was done to a message, and how the diagram says it
	Err, Need          string
	Early              bool // Broken is about the request
	Waiting            bool
	Last               int // the step after which the answer came
}

// view shows the steps. The lock is held.
func (c *dialogue) view(r *report.Report, caFile func(string) string) *conversationView {
	masked := report.Shown(r, c.secrets)
	out := &conversationView{Version: c.version, Secrets: c.secrets, Dropped: c.dropped}
	for i, s := range c.steps {
		if i < len(masked.Steps) {
			out.Steps = append(out.Steps, viewOf(s, masked.Steps[i], caFile))
		}
	}
	out.Diagram = draw(out.Steps)
	return out
}

func viewOf(s *step, m *report.Step, caFile func(string) string) *stepView {
	e := report.Explain(m.Service)
	v := &stepView{
		Number: s.number, Title: e.Title, Name: m.Service, Why: e.Why, Section: e.Section, From: s.from, To: s.to, Front: m.Front, Inbound: s.inbound,
		Checks: m.Checks, Context: m.Context, Record: m.Record, Early: s.early, Last: s.last, Err: m.Err, Need: m.Need,
	}
	if s.broken != nil {
		v.Broken, v.Mark = s.broken.Does, cmp.Or(s.broken.Mark, "changed on its way")
	}
	if v.Name == "" {
		v.Name, v.Title = "request", "On its way"
	}
	if s.inbound && m.Request == nil {
		v.Title = "What the browser brought by itself"
	}
	if m.Took > 0 {
		v.Took = m.Took.Round(100 * time.Microsecond).String()
	}
	for _, one := range m.Checks {
		switch one.Verdict {
		case service.Passed.String():
			v.Passed++
		case service.Failed.String():
			v.Failed, v.FailedSpec = one.Rule, one.Spec
		}
	}
	if m.Request != nil {
		v.Address = m.Request.URL
		if !m.Front && !s.inbound {
			v.Curl = report.Curl(m.Request, caFile(m.Request.URL))
		}
		v.Request = httpText(m.Request.Method+" "+m.Request.URL, m.Request.Header, m.Request.Body)
	}
	v.Object = report.Readable(string(m.Object))
	v.Waiting = m.Response == nil && m.Err == ""
	if m.Response != nil {
		v.Status = m.Response.Status
		first := ""
		if v.Status > 0 {
			first = fmt.Sprintf("HTTP %d %s", v.Status, http.StatusText(v.Status))
		}
		v.Response = httpText(first, m.Response.Header, m.Response.Body)
	}
	return v
}

// httpText lays out a message, the parameters of its address and of a form one a line.
func httpText(first string, header map[string][]string, body string) string {
	var b strings.Builder
	b.WriteString(unfolded(first))
	names := make([]string, 0, len(header))
	for name := range header {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		for _, value := range header[name] {
			if name == "Location" {
				value = unfolded(value)
			}
			b.WriteString("\n" + name + ": " + value)
		}
	}
	if body == "" {
		return strings.TrimPrefix(b.String(), "\n")
	}
	if media := header["Content-Type"]; len(media) > 0 && strings.HasPrefix(media[0], "application/x-www-form-urlencoded") {
		body = parameters(body)
	} else {
		body = report.Readable(body)
	}
	return strings.TrimPrefix(b.String()+"\n\n"+body, "\n")
}

// unfolded shows the parameters of an address below it.
func unfolded(address string) string {
	at := strings.IndexAny(address, "?#")
	if at < 0 || at == len(address)-1 {
		return address
	}
	return address[:at+1] + "\n  " + strings.ReplaceAll(parameters(address[at+1:]), "\n", "\n  ")
}

// parameters shows form-encoded parameters as people read them.
func parameters(text string) string {
	parts := strings.Split(text, "&")
	for i, part := range parts {
		if plain, err := url.QueryUnescape(part); err == nil {
			parts[i] = plain
		}
	}
	return strings.Join(parts, "\n")
}

// counted is a number of checks.
func counted(n int) string {
	if n == 1 {
		return "1 check"
	}
	return fmt.Sprintf("%d checks", n)
}

// tally counts the checks for a line of text.
func tally(checks []check) string {
	count := map[string]int{}
	for _, c := range checks {
		count[c.Verdict]++
	}
	text := fmt.Sprintf("%d passed", count[service.Passed.String()])
	for _, verdict := range []service.Verdict{service.Failed, service.Skipped} {
		if n := count[verdict.String()]; n > 0 {
			text += fmt.Sprintf(", %d %s", n, verdict)
		}
	}
	return text
}
