package rp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/service"
)

// maxForm bounds what a browser brings in a body: an encrypted ID Token, an access token
// and a code fit in several times.
const maxForm = 64 << 10

// maxIdentifier bounds what a user may enter or an address may name, in bytes.
const maxIdentifier = 256

// A LoginRequest says which login to begin. The zero LoginRequest is one at the only
// provider of a party.
type LoginRequest struct {
	// Issuer names the provider. Identifier is what a user entered instead, such as
	// diana@op.example, from which WebFinger finds the provider.
	Issuer, Identifier string
	// ReturnTo is where the browser was on its way to: a path of ours.
	ReturnTo string
	// Message holds parameters of the authorization request: scope, prompt, max_age,
	// acr_values, claims, ui_locales, login_hint, response_type, response_mode.
	Message message.AuthorizationRequest
}

// A begunLogin is one that waits for its callback.
type begunLogin struct {
	issuer   string
	address  string // where to send the browser
	state    string
	binding  string
	formPost bool // the response will be posted from the provider's site
}

// begin builds the authorization request of a login, with the parameters of m if it is not
// nil, and remembers it.
func (p *Party) begin(ctx context.Context, v *provider, m *message.AuthorizationRequest, target string) (begun *begunLogin, err error) {
	ctx, end := p.trace(ctx, OperationLogin, v.issuer)
	defer func() { end(v.issuer, err) }()
	if err := v.ready(ctx); err != nil {
		return nil, err
	}
	binding, err := p.newBinding()
	if err != nil {
		return nil, err
	}
	args := service.Args{Binding: binding, ReturnTo: target}
	if m != nil {
		args.Message = m
	}
	req, err := v.runner(ctx).Request(ctx, v.get(service.AuthorizationName), args)
	if err != nil {
		return nil, err
	}
	if err := p.host(ctx, req.Host); err != nil {
		return nil, err
	}
	begun = &begunLogin{issuer: v.issuer, address: req.URL, state: req.State, binding: binding}
	if asked, ok := req.Message().(*message.AuthorizationRequest); ok {
		begun.formPost = strings.HasPrefix(string(asked.ResponseMode), string(message.ResponseModeFormPost))
	}
	return begun, nil
}

// choose finds the provider that a login request means.
func (p *Party) choose(ctx context.Context, l LoginRequest) (*provider, error) {
	issuer := l.Issuer
	if issuer == "" && l.Identifier != "" {
		var err error
		if issuer, err = p.identify(ctx, l.Identifier); err != nil {
			return nil, fmt.Errorf("%s: %w", "identifier", err)
		}
	}
	if v := p.only(); v != nil && (issuer == "" || issuer == v.issuer) {
		return v, nil
	}
	return p.provider(ctx, issuer)
}

// Begin begins a login: it ties it to this browser by a cookie, and sends the browser to
// the provider. A problem is shown by Options.Error.
func (p *Party) Begin(w http.ResponseWriter, r *http.Request, l LoginRequest) {
	p.start(w, r, l, &l.Message)
}

// start is Begin with the parameters of m in place of l.Message; nil has none.
func (p *Party) start(w http.ResponseWriter, r *http.Request, l LoginRequest, m *message.AuthorizationRequest) {
	target := ""
	if l.ReturnTo != "" {
		var ok bool
		if target, ok = service.LocalTarget(l.ReturnTo, p.sites...); !ok {
			// "Clients ... MUST NOT expose open redirectors" (RFC 9700, Section 4.11.1).
			p.fail(w, r, refuse(KindRequest, message.RuleAuthzResponseReturnURL, "return_to", "a path of this site"), l.Issuer, "")
			return
		}
	}
	v, err := p.choose(r.Context(), l)
	if err != nil {
		p.fail(w, r, err, l.Issuer, target)
		return
	}
	p.send(w, r, v, m, target)
}

// send begins a login at a provider and sends the browser there.
func (p *Party) send(w http.ResponseWriter, r *http.Request, v *provider, m *message.AuthorizationRequest, target string) {
	if p.o.Request != nil {
		if m == nil {
			m = new(message.AuthorizationRequest)
		}
		p.o.Request(r, m)
	}
	ctx, keepPending := p.browserState(r)
	begun, err := p.begin(ctx, v, m, target)
	if err != nil {
		p.fail(w, r, err, v.issuer, target)
		return
	}
	keepPending(w, begun.formPost)
	p.makeRoom(w, r)
	sameSite := http.SameSiteLaxMode
	if begun.formPost {
		// A POST from the provider's site brings no Lax cookie (RFC 6265bis, Section
		// 5.6.7.1). The cookie alone does nothing: the callback also needs its state.
		sameSite = http.SameSiteNoneMode
	}
	p.setCookie(w, p.loginCookieName(begun.state), begun.binding, p.pendingTTL(), sameSite)
	seeOther(w, begun.address)
}

func (p *Party) pendingTTL() time.Duration {
	if p.db.PendingTTL > 0 {
		return p.db.PendingTTL
	}
	return 10 * time.Minute
}

// Login returns the handler that begins a login. Its parameters, in the query or in a
// form, are return_to, where the browser goes afterwards, and with many providers iss,
// which names one, or identifier, what the user entered. Without either it shows them
// to choose from.
func (p *Party) Login() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		values, err := p.parameters(w, r)
		if err == nil {
			err = navigation(r)
		}
		if err != nil {
			p.fail(w, r, err, "", "")
			return
		}
		l := LoginRequest{Issuer: values.Get("iss"), Identifier: strings.TrimSpace(values.Get("identifier")), ReturnTo: values.Get("return_to")}
		if p.only() == nil && l.Issuer == "" && l.Identifier == "" && (len(p.static) > 1 || p.dynamic != nil) {
			p.showChoice(w, l.ReturnTo)
			return
		}
		if l.Issuer == "" && l.Identifier == "" && len(p.static) == 1 {
			l.Issuer = p.static[0].issuer
		}
		p.start(w, r, l, nil)
	})
}

// showChoice shows the providers.
func (p *Party) showChoice(w http.ResponseWriter, target string) {
	type link struct{ Name, Address string }
	data := struct {
		Issuers []link
		Named   bool
		Target  string
	}{Named: p.dynamic != nil, Target: target}
	for _, v := range p.static {
		data.Issuers = append(data.Issuers, link{v.issuer, loginAddress("", v.issuer, target, true)})
	}
	showPage(w, http.StatusOK, pagePolicy, "choose", data)
}

// navigation refuses what is not a user going somewhere: a frame, an image, a script of
// another site, a browser that fetches ahead. Such a request would begin logins that
// nobody wants. Browsers that do not say are believed.
func navigation(r *http.Request) error {
	dest := r.Header.Get("Sec-Fetch-Dest")
	if dest != "" && dest != "document" || strings.Contains(r.Header.Get("Sec-Purpose"), "prefetch") {
		return refuse(KindRequest, message.RuleInitLoginEffect, "Sec-Fetch-Dest", "a page that the user goes to")
	}
	return nil
}

var (
	errMethod = errors.New("method")
	errBody   = errors.New("body")
)

// requestError is a request that no handler of ours takes.
type requestError struct {
	err    error
	status int
	detail string
}

func (e requestError) Error() string { return "rp: request: " + e.detail }
func (e requestError) Unwrap() error { return e.err }

// parameters reads the query of a GET or the form of a POST. A parameter that occurs
// twice is refused: each of two readers could take another one.
func (p *Party) parameters(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	raw := r.URL.RawQuery
	switch r.Method {
	case http.MethodGet, http.MethodHead:
	case http.MethodPost:
		body, err := readForm(w, r)
		if err != nil {
			return nil, err
		}
		raw = body
	default:
		w.Header().Set("Allow", "GET, HEAD, POST")
		return nil, problemError{KindRequest, requestError{errMethod, http.StatusMethodNotAllowed, "method " + message.Excerpt(r.Method)}}
	}
	if raw == "" {
		return nil, nil
	}
	values, err := url.ParseQuery(raw)
	if err != nil {
		return nil, problemError{KindRequest, requestError{errBody, http.StatusBadRequest, "malformed parameters"}}
	}
	for name, list := range values {
		if len(list) > 1 {
			return nil, problemError{KindRequest, requestError{errBody, http.StatusBadRequest, "a parameter occurs twice: " + message.Excerpt(name)}}
		}
	}
	if len(values.Get("identifier")) > maxIdentifier {
		return nil, problemError{KindProvider, requestError{errBody, http.StatusBadRequest, "identifier: too long"}}
	}
	return values, nil
}

// readForm reads a bounded body.
func readForm(w http.ResponseWriter, r *http.Request) (string, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxForm))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return "", problemError{KindRequest, requestError{errBody, http.StatusRequestEntityTooLarge, "body: too large"}}
	case err != nil:
		return "", problemError{KindRequest, requestError{errBody, http.StatusBadRequest, "body: incomplete"}}
	}
	return string(body), nil
}
