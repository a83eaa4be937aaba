package op

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/oidcservice/oidc/endpoint"
	"github.com/oidcservice/oidc/message"
)

// Limits of a request. A URL is bounded by what a browser sends, a body by the largest
// form with an assertion and a request object in it.
const (
	maxBody  = 64 << 10
	maxQuery = 32 << 10
)

// Values of header fields that every answer has. They are shared and never written to.
var (
	allOrigins     = []string{"*"}
	exposedHeaders = []string{"WWW-Authenticate, DPoP-Nonce"}
	noSniff        = []string{"nosniff"}
)

// fetchRounds is how many documents one request may need.
const fetchRounds = 4

// ServeHTTP implements http.Handler.
func (p *Provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if name, ok := strings.CutPrefix(r.URL.Path, p.interactions); ok {
		p.serveInteraction(w, r, name)
		return
	}
	d, ok := p.find(r.URL.Path)
	if !ok {
		p.showError(w, r, http.StatusNotFound, message.InvalidRequest, "there is nothing at this address")
		return
	}
	p.serve(w, r, d)
}

// serve lets an endpoint answer.
func (p *Provider) serve(w http.ResponseWriter, r *http.Request, d endpoint.Described) {
	if d.CORS && p.cors(w, r, d) {
		return
	}
	r, end := p.traced(r, d.Name)
	req, status := p.request(w, r, d)
	if status != 0 {
		end(Outcome{Status: status, Code: message.InvalidRequest, Rule: message.RuleOPRequestBody})
		p.refuse(w, r, d, status)
		return
	}
	resp, err := p.rounds(r.Context(), func() (*endpoint.Response, error) {
		return endpoint.Serve(r.Context(), d.Endpoint, req)
	})
	end(outcome(resp, err))
	p.answer(w, r, resp, err)
}

// find returns the endpoint at a path: an exact one, or the one whose paths begin so.
func (p *Provider) find(path string) (endpoint.Described, bool) {
	if d, found := p.paths[path]; found {
		return d, true
	}
	for _, d := range p.below {
		if strings.HasPrefix(path, d.HostPath) {
			return d, true
		}
	}
	return endpoint.Described{}, false
}

// cors lets scripts of any origin read the answers of an endpoint that is not for the
// browser's user. Credentials are never allowed: nothing here depends on a cookie. It
// reports whether the request was a preflight and is answered.
func (p *Provider) cors(w http.ResponseWriter, r *http.Request, d endpoint.Described) bool {
	h := w.Header()
	h["Access-Control-Allow-Origin"], h["Access-Control-Expose-Headers"] = allOrigins, exposedHeaders
	if r.Method != http.MethodOptions {
		return false
	}
	h.Set("Access-Control-Allow-Methods", strings.Join(d.Methods, ", "))
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, DPoP")
	h.Set("Access-Control-Max-Age", "3600")
	w.WriteHeader(http.StatusNoContent)
	return true
}

// request turns an HTTP request into the endpoint's. The address is the configured one:
// Host and forwarded headers have no say in it.
func (p *Provider) request(w http.ResponseWriter, r *http.Request, d endpoint.Described) (*endpoint.Request, int) {
	if len(r.URL.RawQuery) > maxQuery {
		return nil, http.StatusRequestURITooLong
	}
	body, status := readBody(w, r)
	if status != 0 {
		return nil, status
	}
	address := d.URL
	if d.Prefix {
		address = p.origin + r.URL.EscapedPath()
	}
	if r.URL.RawQuery != "" {
		address += "?" + r.URL.RawQuery
	}
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	chain, verified := p.certificates(r)
	return &endpoint.Request{
		Method: method, URL: address, Header: endpoint.Header(r.Header), Cookies: cookies(r), Body: body,
		PeerCertificates: chain, CertificateVerified: verified, RemoteAddr: p.remote(r),
	}, 0
}

func readBody(w http.ResponseWriter, r *http.Request) ([]byte, int) {
	limited := http.MaxBytesReader(w, r.Body, maxBody)
	// The length is what the client says: it serves as a hint only. The byte more is for
	// the end to be found without more room.
	body := make([]byte, 0, min(max(r.ContentLength, 0), maxBody)+1)
	var err error
	for err == nil {
		var n int
		n, err = limited.Read(body[len(body):cap(body)])
		if body = body[:len(body)+n]; len(body) == cap(body) {
			body = slices.Grow(body, bytes.MinRead)
		}
	}
	if errors.Is(err, io.EOF) {
		return body, 0
	}
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return nil, http.StatusRequestEntityTooLarge
	}
	return nil, http.StatusBadRequest
}

// remote is the address that guesses are counted for: the connection's, or what the
// nearest proxy that is trusted says of it.
func (p *Provider) remote(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	if !p.trusted(host) {
		return host
	}
	// Each proxy appends the address it saw: the last that is not a proxy of ours counts.
	list := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(list) - 1; i >= 0; i-- {
		candidate := strings.TrimSpace(list[i])
		if _, err := netip.ParseAddr(candidate); err != nil {
			break
		}
		host = candidate
		if !p.trusted(candidate) {
			break
		}
	}
	return host
}

func (p *Provider) trusted(host string) bool {
	if len(p.config.TrustedProxies) == 0 {
		return false
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return false
	}
	for _, prefix := range p.config.TrustedProxies {
		if prefix.Contains(addr.Unmap()) {
			return true
		}
	}
	return false
}

// rounds runs a step and meets its needs for documents.
func (p *Provider) rounds(ctx context.Context, step func() (*endpoint.Response, error)) (*endpoint.Response, error) {
	for range fetchRounds {
		resp, err := step()
		if err == nil {
			return resp, nil
		}
		var need *endpoint.NeedFetch
		if !errors.As(err, &need) {
			return resp, err
		}
		if err := p.fetch(ctx, need); err != nil {
			return nil, err
		}
	}
	return nil, errors.New("op: a request needs too many documents")
}

// answer writes what a step decided: a response, or the page that asks the user.
func (p *Provider) answer(w http.ResponseWriter, r *http.Request, resp *endpoint.Response, err error) {
	if err != nil {
		var user *endpoint.NeedUser
		if errors.As(err, &user) {
			setCookies(w, user.Cookies)
			p.showQuestion(w, r, user)
			return
		}
		p.config.Logger.ErrorContext(r.Context(), "a request failed", "path", r.URL.Path, "error", err)
	}
	if resp == nil {
		p.showError(w, r, http.StatusInternalServerError, message.ServerError, "the provider cannot answer at the moment")
		return
	}
	h := w.Header()
	for name, values := range resp.Header {
		h[name] = values
	}
	setCookies(w, resp.Cookies)
	h["X-Content-Type-Options"] = noSniff
	p.notify(r.Context(), resp.Send)
	if resp.Ask != nil && p.config.Decoupled != nil {
		p.config.Decoupled(r.Context(), *resp.Ask)
	}
	switch resp.Placement {
	case endpoint.OnPage:
		p.showPage(w, r, resp.Status, resp.Page)
	case endpoint.InURL:
		h.Set("Location", resp.Location)
		w.WriteHeader(resp.Status)
	default:
		w.WriteHeader(resp.Status)
		_, _ = w.Write(resp.Body)
	}
}

// refuse answers a request that is not fit to be parsed.
func (p *Provider) refuse(w http.ResponseWriter, r *http.Request, d endpoint.Described, status int) {
	refusal := endpoint.Refuse(status, message.InvalidRequest, message.RuleOPRequestBody, "")
	p.config.Logger.InfoContext(r.Context(), "refused", "endpoint", d.Name, "error", string(message.InvalidRequest), "rule", string(message.RuleOPRequestBody))
	if d.Browser {
		p.showError(w, r, status, message.InvalidRequest, refusal.Declared.Description)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	body, _ := message.EncodeJSON(&message.ErrorResponse{Error: message.InvalidRequest, ErrorDescription: refusal.Declared.Description})
	_, _ = w.Write(body)
}
