package demo

import (
	"bytes"
	"embed"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/oidcservice/oidc/cmd/internal/report"
	"github.com/oidcservice/oidc/rp"
)

//go:embed assets
var assets embed.FS

// policy lets the pages load their own style and script and nothing else. form-action is left
// out: browsers apply it to the redirects that follow a form, and those lead to the provider
// and wherever it sends the user.
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; frame-src 'self'; base-uri 'none'; frame-ancestors 'none'"

// handler is the whole application.
func (d *Demo) handler() http.Handler {
	party := d.party()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", d.home)
	mux.HandleFunc("GET /live", d.live)
	mux.HandleFunc("GET /conversation", d.download)
	mux.HandleFunc("GET /assets/{name}", serveAsset)
	mux.HandleFunc("GET /favicon.ico", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/assets/icon.svg", http.StatusFound)
	})

	mux.HandleFunc("GET /"+caName, d.handOutCA)

	own := http.NewCrossOriginProtection() // what changes something is asked for on our pages
	for path, act := range map[string]http.HandlerFunc{
		"/login": d.login, "/refresh": d.refresh, "/userinfo": d.userInfo, "/call": d.call, "/revoke": d.revoke,
		"/secrets": d.secretsShown, "/clear": d.clear, "/break": d.breakIt,
	} {
		mux.Handle("POST "+path, own.Handler(act))
	}
	mux.Handle("POST /logout", own.Handler(d.travelling("end_session", party.Logout())))
	mux.Handle("GET "+goodbyePath, d.arriving(party.LoggedOut()))
	mux.Handle(d.callback, http.HandlerFunc(d.callbackArrived))
	mux.Handle("POST "+backchannelPath, d.notified(provider, party.BackchannelLogout()))
	mux.Handle("GET "+frontchannelPath, d.notified(browser, party.FrontchannelLogout()))
	mux.Handle(sessionPath, d.watching(party.CheckSession()))
	mux.Handle("GET "+requestObjectPath, d.fetched(party.RequestObjects()))

	// The provider, its frames, the API's clients and request objects need no cookie of ours.
	all := http.NewServeMux()
	all.Handle("/", d.remember(mux))
	for _, path := range []string{backchannelPath, frontchannelPath, requestObjectPath, "/" + caName, "/assets/"} {
		all.Handle(path, mux)
	}
	d.api.mount(all)
	return all
}

// fetched notes that the provider fetches a request object.
func (d *Demo) fetched(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := d.hub.takeHosted()
		if c == nil {
			next.ServeHTTP(w, r)
			return
		}
		s := &step{from: provider, to: application, inbound: true, judged: true}
		s.Service, s.Request = "request_object", d.messageOf(r, "")
		c.change(func() { c.add(s) })
		t := newTap()
		next.ServeHTTP(t, r)
		t.WriteHeader(http.StatusOK)
		_, claims, _ := decoded(t.body.String())
		c.change(func() { s.Object = json.RawMessage(claims) })
		c.answered(s, t.status, t.header, t.body.Bytes(), nil)
		t.sendTo(w)
	})
}

func serveAsset(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	text, err := assets.ReadFile("assets/" + name)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	media := map[string]string{"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
	h := w.Header()
	h.Set("Content-Type", media[name[strings.LastIndexByte(name, '.')+1:]]+"; charset=utf-8")
	h.Set("Cache-Control", "no-cache")
	h.Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(text) //nolint:gosec // a file of ours
}

// A tap keeps what a handler answers, so that it can be looked at and sent on.
type tap struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func newTap() *tap { return &tap{header: http.Header{}} }

func (t *tap) Header() http.Header { return t.header }

func (t *tap) WriteHeader(status int) {
	if t.status == 0 {
		t.status = status
	}
}

func (t *tap) Write(b []byte) (int, error) {
	t.WriteHeader(http.StatusOK)
	return t.body.Write(b)
}

func (t *tap) sendTo(w http.ResponseWriter) {
	for name, values := range t.header {
		w.Header()[name] = append(w.Header()[name], values...) // there may be a cookie already
	}
	t.WriteHeader(http.StatusOK)
	w.WriteHeader(t.status)
	_, _ = w.Write(t.body.Bytes())
}

// leaves reports where an answer sends the browser, if that is the provider.
func (d *Demo) leaves(t *tap) (string, bool) {
	location := t.header.Get("Location")
	return location, location != "" && !strings.HasPrefix(location, "/") && !strings.HasPrefix(location, d.URL+"/")
}

// travelling notes that a handler sends the browser to the provider.
func (d *Demo) travelling(name string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := dialogueOf(r.Context())
		c.settle()
		t := newTap()
		next.ServeHTTP(t, r)
		if address, ok := d.leaves(t); ok {
			c.front(name, address, nil)
		} else if t.header.Get("Location") != "" {
			c.notify(notice{"info", "You are signed out here", "The provider has no endpoint for logouts, so its session goes on."})
		}
		t.sendTo(w)
	})
}

const maxForm = 64 << 10

// keepBody reads a body and leaves it to be read again.
func keepBody(w http.ResponseWriter, r *http.Request) (string, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxForm))
	r.Body = io.NopCloser(bytes.NewReader(body))
	return string(body), err
}

func locationOf(address, mark, text string) *shown {
	return &shown{Header: map[string][]string{"Location": {address + mark + text}}}
}

// callbackArrived is the redirect URI. It notes what the browser brings, and does what an
// entry of "break it" wants, before the relying party judges it.
func (d *Demo) callbackArrived(w http.ResponseWriter, r *http.Request) {
	at := sceneOf(r.Context())
	body, err := keepBody(w, r)
	if err != nil {
		http.Error(w, "the body cannot be read", http.StatusRequestEntityTooLarge)
		return
	}
	address := d.URL + r.URL.EscapedPath()
	switch values, err := url.ParseQuery(body); {
	case r.Method == http.MethodPost && err == nil && values.Has("fragment"):
		at.arrived = locationOf(address, "#", values.Get("fragment"))
	case r.Method == http.MethodPost:
		at.arrived = &shown{Header: map[string][]string{"Content-Type": {r.Header.Get("Content-Type")}}, Body: body}
	default:
		at.arrived = locationOf(address, "?", r.URL.RawQuery)
	}
	at.state = stateOf(at.arrived)
	at.breaking = at.conversation.takeFault(at.state)
	callback := d.party().Callback(d.arrivedLogin)
	if f := at.breaking; f != nil {
		if f.callback != nil {
			r = tamper(r, f)
			at.arrived = locationOf(address, "?", r.URL.RawQuery)
		}
		if f.Stranger {
			r.Header.Del("Cookie")
		}
		if f.Replay {
			first := &scene{conversation: at.conversation, actor: at.actor, arrived: at.arrived, state: at.state}
			callback.ServeHTTP(newTap(), r.WithContext(withScene(r.Context(), first)))
			at.conversation.settle()
		}
	}
	callback.ServeHTTP(w, r)
}

// tamper changes the parameters of a callback.
func tamper(r *http.Request, f *fault) *http.Request {
	out := r.Clone(r.Context())
	values := r.URL.Query()
	f.callback(values)
	out.URL.RawQuery = values.Encode()
	out.RequestURI = out.URL.RequestURI()
	return out
}

// arrivedLogin is done when a login is complete.
func (d *Demo) arrivedLogin(w http.ResponseWriter, r *http.Request, l *rp.Login) {
	c := dialogueOf(r.Context())
	d.hub.knowLogin(l.ID, c)
	d.hub.knowSession(l.IDToken.SessionID, c)
	if a, err := l.Token().Access(r.Context()); err == nil {
		d.hub.knowToken(l.ID, a.Token)
	}
	c.settle()
	c.change(func() {
		if len(c.checks) > maxSteps {
			clear(c.checks)
		}
		c.checks[l.ID] = checksOf(l.Checks)
	})
	if c.wasSilent(l.ID) {
		c.notify(notice{"success", "Your session at the provider has changed", "This page asked about it, and you are still signed in there: the provider brought you back without asking you (prompt=none)."})
	}
	back(w)
}

// back sends the browser to the page.
func back(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Location", "/")
	w.WriteHeader(http.StatusSeeOther)
}

// takeFault returns what is to be done to the login with a state, once.
func (c *dialogue) takeFault(state string) *fault {
	c.mu.Lock()
	defer c.mu.Unlock()
	f := c.faults[state]
	delete(c.faults, state)
	return f
}

// downloads are the forms in which a conversation can be kept.
var downloads = map[string]struct{ name, media string }{
	"markdown": {"conversation.md", "text/markdown"}, "har": {"conversation.har", "application/json"},
	"mermaid": {"conversation.mmd", "text/plain"}, "curl": {"conversation.sh", "text/plain"}, "json": {"conversation.json", "application/json"},
}

// download hands out the conversation as "oidc walkthrough" would print it.
func (d *Demo) download(w http.ResponseWriter, r *http.Request) {
	format := r.URL.Query().Get("format")
	file, ok := downloads[format]
	if !ok {
		http.NotFound(w, r)
		return
	}
	c := dialogueOf(r.Context())
	var b bytes.Buffer
	if err := report.Write(&b, d.reportOf(c), report.Options{Format: format, ShowSecrets: c.secretsAsked(), CAFile: d.caFile}); err != nil {
		http.Error(w, "the conversation cannot be written", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", file.media+"; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="`+file.name+`"`)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(b.Bytes())
}

func (c *dialogue) secretsAsked() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.secrets
}

// reportOf is the conversation as the reports of the command line have it.
func (d *Demo) reportOf(c *dialogue) *report.Report {
	sn := d.party().ServiceContext(d.Issuer).Snapshot()
	out := &report.Report{Issuer: d.Issuer, ClientID: sn.ClientID(), Embedded: d.embedded != nil}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.steps {
		one := s.Step
		out.Steps = append(out.Steps, &one)
	}
	if c.problem != nil {
		out.Problem, out.FailedStep = c.problem.report, c.problem.Step
	}
	return out
}
