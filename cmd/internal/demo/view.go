package demo

import (
	"bytes"
	"cmp"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/oidcservice/oidc/cmd/internal/report"
	"github.com/oidcservice/oidc/op/optest"
	"github.com/oidcservice/oidc/rp"
	"github.com/oidcservice/oidc/service"
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
	Declared           string // the code of an error that the provider declared
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
		Checks: m.Checks, Context: m.Context, Record: m.Record, Early: s.early, Last: s.last, Err: m.Err, Need: m.Need, Declared: s.declared,
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
