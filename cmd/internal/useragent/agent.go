// Package useragent is a browser without a screen: it follows the front channel of
// a login by itself, through redirects, cookies, fragments and HTML forms, without
// JavaScript. It never opens a redirect URI: what would have been brought there is
// what it returns.
package useragent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/publicsuffix"
)

// The limits of an Agent.
const (
	maxSteps   = 30      // requests a login may take; the longest seen in the field takes nine
	maxSame    = 3       // times the same form may come back: more is a refused password
	maxPage    = 1 << 20 // bytes of a page
	maxTimeout = 10 * time.Second
)

// ErrFront is what every failure of the front channel wraps.
var ErrFront = errors.New("the front channel")

// Options are the settings of an Agent.
type Options struct {
	// Transport sends the requests. It must follow no redirects.
	Transport http.RoundTripper
	// Form holds what to fill in, by field name.
	Form url.Values
	// Fill holds what to fill in where Form says nothing: a built-in test user.
	Fill url.Values
	// Timeout bounds each request.
	Timeout time.Duration
}

// An Agent is one browser with its cookies. It is not safe for concurrent use.
type Agent struct {
	options Options
	jar     http.CookieJar
}

// New returns an Agent without cookies.
func New(o Options) (*Agent, error) {
	if o.Timeout <= 0 {
		o.Timeout = maxTimeout
	}
	jar, err := cookiejar.New(&cookiejar.Options{PublicSuffixList: publicsuffix.List})
	if err != nil {
		return nil, err
	}
	return &Agent{options: o, jar: jar}, nil
}

// A Hop is one request of the browser and what it answered.
type Hop struct {
	Method   string
	URL      string
	Status   int
	Header   map[string][]string
	Location string // where the answer sent the browser, resolved
	Started  time.Time
	Took     time.Duration
}

// An Arrival is what the browser was about to bring to the redirect URI.
type Arrival struct {
	RedirectURI string // the one that was met, as it was given to Visit
	Method      string
	URL         string // in full, with query and fragment
	Query       string // undecoded
	Fragment    string // undecoded
	ContentType string // of a POST
	Body        string // of a POST
	Status      int    // of the answer that sent the browser there
	Hops        []Hop
}

// A StuckError says that the browser arrived at a page from which it cannot go on.
type StuckError struct {
	Status      int
	ContentType string
	Title       string   // of the page; untrusted
	Body        []byte   // untrusted
	Asked       []string // fields that nobody gave a value for
	Reason      string
}

// Error says why the browser stopped.
func (e *StuckError) Error() string {
	var b strings.Builder
	b.WriteString(e.Reason)
	if e.Title != "" {
		fmt.Fprintf(&b, " (page %q, status %d)", e.Title, e.Status)
	} else {
		fmt.Fprintf(&b, " (status %d)", e.Status)
	}
	return b.String()
}

// Unwrap returns ErrFront.
func (e *StuckError) Unwrap() error { return ErrFront }

// A visit is one journey from the first URL to a redirect URI.
type visit struct {
	agent *Agent
	stops []string
	hops  []Hop
	seen  map[string]int // submissions of a form, by what it looks like
}

// A move is the next request of the browser.
type move struct {
	method      string
	url         *url.URL
	contentType string
	body        string
	origin      string // of the page whose form is submitted
}

// Visit sends the browser to start and returns what it would have brought to the
// first of stops that it is sent to.
func (a *Agent) Visit(ctx context.Context, method, start, contentType, body string, stops ...string) (*Arrival, error) {
	u, err := url.Parse(start)
	if err != nil {
		return nil, fmt.Errorf("%w: the first URL does not parse", ErrFront)
	}
	v := &visit{agent: a, stops: stops, seen: map[string]int{}}
	next := &move{method: method, url: u, contentType: contentType, body: body}
	for range maxSteps {
		arrival, after, err := v.step(ctx, next)
		if arrival != nil {
			arrival.Hops = v.hops
			return arrival, nil
		}
		if err != nil {
			return &Arrival{Hops: v.hops}, err
		}
		next = after
	}
	return &Arrival{Hops: v.hops}, &StuckError{Reason: fmt.Sprintf("the provider sent the browser around for %d steps", maxSteps)}
}

// step makes one request and says where it leads.
func (v *visit) step(ctx context.Context, m *move) (*Arrival, *move, error) {
	ctx, cancel := context.WithTimeout(ctx, v.agent.options.Timeout)
	defer cancel()
	var body io.Reader
	if m.body != "" {
		body = strings.NewReader(m.body)
	}
	target := *m.url
	target.Fragment, target.RawFragment = "", "" // a fragment stays in the browser
	req, err := http.NewRequestWithContext(ctx, m.method, target.String(), body)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: a URL that cannot be opened", ErrFront)
	}
	req.GetBody = nil
	req.Header.Set("Accept", "text/html, application/xhtml+xml")
	req.Header.Set("User-Agent", "oidcservice-oidc")
	if m.contentType != "" {
		req.Header.Set("Content-Type", m.contentType)
	}
	if m.origin != "" {
		// Providers guard their forms with these (Fetch Standard, "Origin").
		req.Header.Set("Origin", m.origin)
		req.Header.Set("Referer", m.origin+"/")
	}
	for _, c := range v.agent.jar.Cookies(req.URL) {
		req.AddCookie(c)
	}
	began := time.Now()
	resp, err := v.agent.options.Transport.RoundTrip(req)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	v.agent.jar.SetCookies(req.URL, resp.Cookies())
	page, err := io.ReadAll(io.LimitReader(resp.Body, maxPage+1))
	hop := Hop{Method: m.method, URL: m.url.String(), Status: resp.StatusCode, Header: resp.Header, Started: began, Took: time.Since(began)}
	v.hops = append(v.hops, hop)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: reading a page: %w", ErrFront, err)
	}
	if len(page) > maxPage {
		return nil, nil, &StuckError{Status: resp.StatusCode, Reason: fmt.Sprintf("a page of more than %d bytes", maxPage)}
	}
	if resp.StatusCode >= 300 && resp.StatusCode < 400 && resp.Header.Get("Location") != "" {
		return v.redirect(m, resp)
	}
	return v.read(m, resp, page)
}

// redirect follows a Location (RFC 9110, Section 15.4): 303 always, 301 and 302
// in practice turn a POST into a GET; 307 and 308 repeat the request.
func (v *visit) redirect(m *move, resp *http.Response) (*Arrival, *move, error) {
	if len(resp.Header.Values("Location")) > 1 {
		return nil, nil, &StuckError{Status: resp.StatusCode, Reason: "a redirect to two places"}
	}
	location := resp.Header.Get("Location")
	next := &move{method: http.MethodGet}
	switch resp.StatusCode {
	case http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		next.method, next.contentType, next.body = m.method, m.contentType, m.body
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther:
		if m.method == http.MethodHead {
			next.method = http.MethodHead
		}
	default:
		return nil, nil, &StuckError{Status: resp.StatusCode, Reason: "a redirect of an unknown kind"}
	}
	arrival, u, err := v.lead(m.url, location, next)
	if err != nil {
		return nil, nil, &StuckError{Status: resp.StatusCode, Reason: err.Error()}
	}
	if arrival != nil {
		v.hops[len(v.hops)-1].Location = arrival.URL
		arrival.Status = resp.StatusCode
		return arrival, nil, nil
	}
	v.hops[len(v.hops)-1].Location = u.String()
	next.url = u
	return nil, next, nil
}

// lead resolves target, and tells whether it is one of the stops. Stops are met by
// string: scheme, host, port and path must be the same, query and fragment are
// what the provider adds.
func (v *visit) lead(base *url.URL, target string, next *move) (*Arrival, *url.URL, error) {
	if base.Fragment != "" && !strings.Contains(target, "#") {
		// "inherits the fragment component of the URI reference used to generate the
		// target URI" (RFC 9110, Section 10.2.2).
		target += "#" + base.EscapedFragment()
	}
	full := target
	if v.stop(full) == "" {
		u, err := base.Parse(target)
		if err != nil {
			return nil, nil, errors.New("a redirect to something that is no URL")
		}
		full = u.String()
		if v.stop(full) == "" {
			if u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
				return nil, nil, fmt.Errorf("a redirect to a URL of scheme %q, which is not our redirect URI", u.Scheme)
			}
			return nil, u, nil
		}
	}
	rest, fragment, _ := strings.Cut(full, "#")
	_, query, _ := strings.Cut(rest, "?")
	return &Arrival{
		RedirectURI: v.stop(full), Method: next.method, URL: full, Query: query, Fragment: fragment,
		ContentType: next.contentType, Body: next.body,
	}, nil, nil
}

func (v *visit) stop(target string) string {
	base := withoutQuery(target)
	i := slices.IndexFunc(v.stops, func(s string) bool { return withoutQuery(s) == base })
	if i < 0 {
		return ""
	}
	return v.stops[i]
}

func withoutQuery(target string) string {
	if i := strings.IndexAny(target, "?#"); i >= 0 {
		return target[:i]
	}
	return target
}

// read looks for the way on in a page.
func (v *visit) read(m *move, resp *http.Response, content []byte) (*Arrival, *move, error) {
	media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	stuck := &StuckError{Status: resp.StatusCode, ContentType: media, Body: content}
	if media != "text/html" && media != "application/xhtml+xml" {
		stuck.Reason = "the provider answered the browser with something that is no page"
		return nil, nil, stuck
	}
	p, err := parsePage(content, m.url)
	if err != nil {
		stuck.Reason = "the provider answered the browser with a page that does not parse"
		return nil, nil, stuck
	}
	stuck.Title = p.title
	// Some providers show a login again with a status of 400 or more, and some post
	// an error response so.
	if f := v.choose(p); f != nil && (resp.StatusCode < 400 || v.stop(f.action.String()) != "" ||
		f.knows(v.agent.options.Form) || f.knows(v.agent.options.Fill)) {
		return v.submit(m, p, f, stuck)
	}
	if p.refresh != "" && resp.StatusCode < 400 {
		next := &move{method: http.MethodGet}
		arrival, u, err := v.lead(p.base, p.refresh, next)
		if err != nil {
			stuck.Reason = err.Error()
			return nil, nil, stuck
		}
		if arrival != nil {
			arrival.Status = resp.StatusCode
			return arrival, nil, nil
		}
		next.url = u
		return nil, next, nil
	}
	stuck.Reason = "the provider shows a page without a form that this browser could submit"
	if resp.StatusCode >= 400 {
		stuck.Reason = "the provider shows an error page"
	}
	return nil, nil, stuck
}

// choose returns the form to submit: one that leads to a stop, else the one that
// fits best.
func (v *visit) choose(p *page) *form {
	var best *form
	most := -1
	for _, f := range p.forms {
		if !strings.EqualFold(f.enctype, formType) && f.method == http.MethodPost {
			continue
		}
		points := 0
		if v.stop(f.action.String()) != "" {
			points += 1000
		}
		if f.knows(v.agent.options.Form) {
			points += 100
		}
		if f.knows(v.agent.options.Fill) {
			points += 50
		}
		if f.hasPassword() {
			points += 20
		}
		if f.method == http.MethodPost {
			points += 10
		}
		if points > most {
			best, most = f, points
		}
	}
	return best
}

const formType = "application/x-www-form-urlencoded"

func (v *visit) submit(m *move, p *page, f *form, stuck *StuckError) (*Arrival, *move, error) {
	looks := f.looks()
	v.seen[looks]++
	if v.seen[looks] > maxSame {
		stuck.Reason = "the provider asks for the same thing again and again"
		return nil, nil, stuck
	}
	toStop := v.stop(f.action.String()) != ""
	values, asked := f.fill(v.agent.options.Form, v.agent.options.Fill)
	if len(asked) > 0 && !toStop {
		stuck.Asked = asked
		stuck.Reason = "the provider's page asks for " + strings.Join(asked, ", ")
		return nil, nil, stuck
	}
	target := *f.action
	next := &move{method: f.method, origin: originOf(m.url)}
	if f.method == http.MethodGet {
		target.RawQuery, target.Fragment = values, ""
	} else {
		next.contentType, next.body = formType, values
	}
	arrival, u, err := v.lead(p.base, target.String(), next)
	if err != nil {
		stuck.Reason = err.Error()
		return nil, nil, stuck
	}
	if arrival != nil {
		arrival.Status = stuck.Status
		return arrival, nil, nil
	}
	next.url = u
	return nil, next, nil
}

func originOf(u *url.URL) string { return u.Scheme + "://" + u.Host }
