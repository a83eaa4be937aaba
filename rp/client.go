package rp

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/service"
)

// The limits of a Client whose options say nothing.
const (
	// DefaultTimeout bounds one exchange, from connecting to the last byte.
	DefaultTimeout = 10 * time.Second
	// DefaultMaxBody bounds an answer whose request names no limit: ten times the
	// largest metadata document seen in the field.
	DefaultMaxBody = 512 << 10
	// maxHeader bounds the header of an answer: eight times the largest that
	// common servers accept.
	maxHeader = 64 << 10
)

// ClientOptions are the settings of a Client. The zero value is the strict one.
type ClientOptions struct {
	// Timeout bounds each exchange: DefaultTimeout if zero.
	Timeout time.Duration

	// TrustedHosts are host names, without port, that may have a private address
	// although a peer supplied the URL: the host of the issuer that the user typed.
	TrustedHosts []string

	// InsecureAllowHTTP admits http URLs where the request's policy does, too. It is
	// safe on a loopback interface only.
	InsecureAllowHTTP bool

	// InsecureAllowPrivate lets URLs that a peer supplied reach private and other
	// special-use addresses. It is safe where nothing on the network of this
	// process takes its trust from being unreachable.
	InsecureAllowPrivate bool

	// RootCAs are the trust roots: those of the system if nil.
	RootCAs *x509.CertPool

	// Certificate is presented to the endpoints whose request asks for mutual TLS,
	// and to no others (RFC 8705).
	Certificate *tls.Certificate

	// Proxy chooses a proxy. The variables of the environment are not looked at.
	// With a proxy the addresses of peers cannot be judged: the socket that is
	// connected is the proxy's.
	Proxy func(*http.Request) (*url.URL, error)

	// KeepAlives reuses connections. It saves handshakes, at the price that
	// net/http repeats a GET by itself when a reused connection turns out broken.
	KeepAlives bool

	// Transport replaces the network: a provider in the same process, or a
	// recording. Addresses are then not judged. It must follow no redirects.
	Transport http.RoundTripper

	// Wrap, if not nil, is given each transport that the client makes, or Transport, and
	// returns what is used in its place: for spans and header fields of a trace. Addresses
	// are judged below it, where the connection is made. It sees what is secret, and must
	// follow no redirects and repeat nothing.
	Wrap func(http.RoundTripper) http.RoundTripper
}

// A Client sends the requests of services over net/http. Its Send is a
// service.SendFunc. It is safe for concurrent use.
type Client struct {
	options ClientOptions
	// One transport for each combination, since connections are shared within one.
	open, guarded, mutual, guardedMutual http.RoundTripper
}

// NewClient returns a Client with a transport of its own.
func NewClient(o ClientOptions) *Client {
	if o.Timeout <= 0 {
		o.Timeout = DefaultTimeout
	}
	c := &Client{options: o}
	if o.Transport != nil {
		only := o.wrapped(o.Transport)
		c.open, c.guarded, c.mutual, c.guardedMutual = only, only, only, only
		return c
	}
	c.open, c.guarded = o.transport(false, false), o.transport(true, false)
	c.mutual, c.guardedMutual = c.open, c.guarded
	if o.Certificate != nil {
		c.mutual, c.guardedMutual = o.transport(false, true), o.transport(true, true)
	}
	return c
}

func (o *ClientOptions) wrapped(transport http.RoundTripper) http.RoundTripper {
	if o.Wrap == nil {
		return transport
	}
	return o.Wrap(transport)
}

func (o *ClientOptions) transport(guarded, mutual bool) http.RoundTripper {
	dialer := &net.Dialer{Timeout: o.Timeout}
	if guarded && o.Proxy == nil {
		dialer.Control = guard
	}
	config := &tls.Config{RootCAs: o.RootCAs, MinVersion: tls.VersionTLS12}
	if mutual {
		config.Certificates = []tls.Certificate{*o.Certificate}
	}
	return o.wrapped(&http.Transport{
		DialContext:            dialer.DialContext,
		TLSClientConfig:        config,
		TLSHandshakeTimeout:    o.Timeout,
		Proxy:                  o.Proxy,
		DisableKeepAlives:      !o.KeepAlives,
		ForceAttemptHTTP2:      true,
		MaxResponseHeaderBytes: maxHeader,
		MaxIdleConnsPerHost:    2,
		IdleConnTimeout:        30 * time.Second,
	})
}

// Send sends r and returns its answer. It enforces r.Policy and the options: a
// breach is a *message.Violation of a transport rule. Anything else that prevents
// an answer is a *TransportError. A redirect is an answer like any other.
func (c *Client) Send(ctx context.Context, r *service.Request) (*service.Response, error) {
	if r.Channel == service.FrontChannel {
		return nil, fmt.Errorf("%w: a front-channel request goes to the user's browser", service.ErrArgs)
	}
	if r.MutualTLS && c.options.Certificate == nil && c.options.Transport == nil {
		return nil, fmt.Errorf("%w: mutual TLS without a client certificate", service.ErrNotConfigured)
	}
	ctx, cancel := context.WithTimeout(ctx, c.options.Timeout)
	defer cancel()
	there, err := url.Parse(r.URL)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", service.ErrArgs, faultOf(err))
	}
	if err := c.admitURL(there, r.Policy.HTTPS); err != nil {
		return nil, err
	}
	there.Host = strings.TrimSuffix(there.Host, ":") // a port without a number
	header := make(http.Header, len(r.Header)+1)
	for name, values := range r.Header {
		header[http.CanonicalHeaderKey(name)] = values
	}
	if header.Get("User-Agent") == "" {
		header["User-Agent"] = userAgent
	}
	// Without GetBody nothing below can send a code, a refresh token or an
	// assertion a second time (rule transport_retry).
	draft := http.Request{
		Method: r.Method, URL: there, Host: there.Host, Header: header,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}
	if len(r.Body) > 0 {
		draft.Body, draft.ContentLength = io.NopCloser(bytes.NewReader(r.Body)), int64(len(r.Body))
	}
	req := draft.WithContext(ctx)
	// RoundTrip, not http.Client: no redirects, no cookies, no credentials from
	// the URL (rules transport_redirect, transport_credentials).
	resp, err := c.transportFor(r.MutualTLS, r.Policy.PeerSupplied, req.URL).RoundTrip(req)
	if err != nil {
		return nil, transportFault(ctx, req, err)
	}
	defer func() { _ = resp.Body.Close() }()
	limit := r.Policy.MaxBody
	if limit <= 0 {
		limit = DefaultMaxBody
	}
	data, err := readBody(resp, limit)
	if err == nil {
		err = ctx.Err() // what a server sends when it sees us leave comes too late
	}
	if err != nil {
		return nil, transportFault(ctx, req, err)
	}
	if int64(len(data)) > limit {
		return nil, tooLong(r.Service, limit)
	}
	return r.Answer(resp.StatusCode, resp.Header, data), nil
}

var userAgent = []string{"oidcservice-oidc"}

// readBody reads one byte more than the limit at most. The reader gives what was
// decompressed, so that this is the limit that counts; the length that the answer says
// is a hint, and not believed far.
func readBody(resp *http.Response, limit int64) ([]byte, error) {
	const most = 16 << 10
	hint := min(resp.ContentLength, limit, most)
	if hint < 0 {
		hint = bytes.MinRead
	}
	body := io.LimitReader(resp.Body, limit+1)
	data := make([]byte, 0, hint+1) // with a place for what is not there, so that the end is seen
	for {
		n, err := body.Read(data[len(data):cap(data)])
		data = data[:len(data)+n]
		if err == io.EOF {
			return data, nil
		}
		if err != nil {
			return data, err
		}
		if len(data) == cap(data) {
			data = slices.Grow(data, bytes.MinRead)
		}
	}
}

// RoundTripper returns what sends a request to a URL that a peer supplied, for a
// user agent that shares the client's policy on schemes and addresses.
func (c *Client) RoundTripper() http.RoundTripper { return guardedTripper{c} }

type guardedTripper struct{ client *Client }

func (t guardedTripper) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := t.client.admitURL(req.URL, false); err != nil {
		return nil, err
	}
	resp, err := t.client.transportFor(false, true, req.URL).RoundTrip(req)
	if err != nil {
		return nil, transportFault(req.Context(), req, err)
	}
	return resp, nil
}

// transportFor chooses the transport. The client certificate goes only where the
// request says so, and only hosts that were typed may be private.
func (c *Client) transportFor(mutual, peerSupplied bool, u *url.URL) http.RoundTripper {
	guarded := peerSupplied && !c.options.InsecureAllowPrivate && !c.trusted(u.Hostname())
	switch {
	case mutual && guarded:
		return c.guardedMutual
	case mutual:
		return c.mutual
	case guarded:
		return c.guarded
	}
	return c.open
}

func (c *Client) trusted(host string) bool {
	for _, trusted := range c.options.TrustedHosts {
		if strings.EqualFold(host, trusted) {
			return true
		}
	}
	return false
}

// admitURL judges what can be judged before connecting.
func (c *Client) admitURL(u *url.URL, httpsOnly bool) error {
	switch {
	case u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return &message.Violation{Rule: message.RuleTransportHTTPS, Param: "url", Got: u.Scheme, Want: "an https URL"}
	case u.Scheme == "http" && (httpsOnly || !c.options.InsecureAllowHTTP):
		return &message.Violation{Rule: message.RuleTransportHTTPS, Param: "url", Got: "http", Want: "https"}
	case u.User != nil:
		return &message.Violation{Rule: message.RuleTransportCredentials, Param: "url", Want: "a URL without user information"}
	}
	return nil
}

// tooLong is the violation of an answer that is longer than its limit. The rule of
// key sets names a limit of its own.
func tooLong(name string, limit int64) error {
	v := &message.Violation{Rule: message.RuleTransportLimits, Param: "body",
		Got: "more than " + strconv.FormatInt(limit, 10) + " bytes", Want: "at most " + strconv.FormatInt(limit, 10) + " bytes"}
	if name == "jwks" {
		return &message.Violation{Rule: message.RuleJWKSShape, Param: v.Param, Got: v.Got, Want: v.Want, Err: v}
	}
	return v
}

// faultOf returns err without the URL that net/url and net/http put in front of
// it, since a URL may hold what nobody else should read.
func faultOf(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}
