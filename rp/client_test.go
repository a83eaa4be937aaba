package rp_test

import (
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/rp"
	"github.com/oidcservice/oidc/service"
)

func roots(s *httptest.Server) *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	return pool
}

// secure starts a TLS server and returns options that trust its certificate and,
// as for an issuer that was typed, its address.
func secure(t *testing.T, h http.HandlerFunc) (*httptest.Server, rp.ClientOptions) {
	t.Helper()
	s := httptest.NewTLSServer(h)
	t.Cleanup(s.Close)
	return s, rp.ClientOptions{RootCAs: roots(s), TrustedHosts: []string{"127.0.0.1"}, Timeout: 30 * time.Second}
}

func get(url string) *service.Request {
	return &service.Request{Service: "provider_info", Method: "GET", URL: url, Policy: service.Policy{HTTPS: true, MaxBody: 1000, PeerSupplied: true}}
}

func post(url, body string) *service.Request {
	r := get(url)
	r.Method, r.Body = "POST", []byte(body)
	r.Header = service.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Authorization": {"Basic eDp5"}}
	return r
}

func TestSendCarriesRequestAndAnswer(t *testing.T) {
	s, o := secure(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header()["X-Twice"] = []string{"a", "b"}
		w.WriteHeader(http.StatusTeapot)
		fmt.Fprintf(w, "%s %s %s %s %s", r.Method, r.URL.RawQuery, r.Header.Get("Authorization"), r.Header.Get("Cookie"), body)
	})
	req := post(s.URL+"/token?x=%2B", "code=1&a=b")
	resp, err := rp.NewClient(o).Send(context.Background(), req)
	if err != nil {
		t.Fatal(err)
	}
	if resp.Status != 418 || string(resp.Body) != "POST x=%2B Basic eDp5  code=1&a=b" || len(resp.Header["X-Twice"]) != 2 || resp.Request() != req {
		t.Errorf("got %d %q %v", resp.Status, resp.Body, resp.Header)
	}
}

func TestRedirectIsAnAnswer(t *testing.T) {
	var calls atomic.Int32
	s, o := secure(t, func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
	})
	resp, err := rp.NewClient(o).Send(context.Background(), post(s.URL, "code=1"))
	if err != nil || resp.Status != 307 || calls.Load() != 1 {
		t.Errorf("got %v, %v after %d calls", resp, err, calls.Load())
	}
}

func TestNoCookieIsKept(t *testing.T) {
	s, o := secure(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Cookie") != "" {
			t.Error("a cookie came back")
		}
		http.SetCookie(w, &http.Cookie{Name: "a", Value: "b"})
	})
	c := rp.NewClient(o)
	for range 2 {
		if _, err := c.Send(context.Background(), get(s.URL)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestLimitCountsWhatWasDecompressed(t *testing.T) {
	for _, tt := range []struct {
		name string
		size int
		rule message.Rule
	}{{"at the limit", 1000, ""}, {"one more", 1001, message.RuleTransportLimits}, {"ten megabytes", 10 << 20, message.RuleTransportLimits}} {
		for _, zipped := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s zipped %v", tt.name, zipped), func(t *testing.T) {
				s, o := secure(t, func(w http.ResponseWriter, r *http.Request) {
					if !zipped {
						_, _ = io.WriteString(w, strings.Repeat("x", tt.size))
						return
					}
					w.Header().Set("Content-Encoding", "gzip")
					z := gzip.NewWriter(w)
					_, _ = io.WriteString(z, strings.Repeat("x", tt.size))
					_ = z.Close()
				})
				resp, err := rp.NewClient(o).Send(context.Background(), get(s.URL))
				if tt.rule == "" {
					if err != nil || len(resp.Body) != tt.size {
						t.Errorf("got %v", err)
					}
					return
				}
				var v *message.Violation
				if !errors.As(err, &v) || v.Rule != tt.rule {
					t.Errorf("got %v, want %s", err, tt.rule)
				}
			})
		}
	}
}

func TestLimitOfKeySetsHasItsOwnRule(t *testing.T) {
	s, o := secure(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, strings.Repeat("x", 2000)) })
	req := get(s.URL)
	req.Service = "jwks"
	_, err := rp.NewClient(o).Send(context.Background(), req)
	var v *message.Violation
	if !errors.As(err, &v) || v.Rule != message.RuleJWKSShape || !errors.Is(err, message.RuleTransportLimits) {
		t.Errorf("got %v", err)
	}
}

func TestHeaderIsBounded(t *testing.T) {
	s, o := secure(t, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X", strings.Repeat("x", 1<<20)) })
	_, err := rp.NewClient(o).Send(context.Background(), get(s.URL))
	if err == nil {
		t.Error("a megabyte of header was read")
	}
}

func TestOnlyHTTPS(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer s.Close()
	o := rp.ClientOptions{TrustedHosts: []string{"127.0.0.1"}}
	for _, tt := range []struct {
		url  string
		rule message.Rule
	}{
		{s.URL, message.RuleTransportHTTPS},
		{"ftp://op.example/", message.RuleTransportHTTPS},
		{"file:///etc/passwd", message.RuleTransportHTTPS},
		{"https://user:secret@op.example/", message.RuleTransportCredentials},
	} {
		for _, req := range []*service.Request{get(tt.url), plain(tt.url)} {
			if _, err := rp.NewClient(o).Send(context.Background(), req); !errors.Is(err, tt.rule) {
				t.Errorf("%s: got %v, want %s", tt.url, err, tt.rule)
			}
		}
	}
	o.InsecureAllowHTTP = true
	if _, err := rp.NewClient(o).Send(context.Background(), get(s.URL)); !errors.Is(err, message.RuleTransportHTTPS) {
		t.Errorf("with the option, against the request's policy: %v", err)
	}
	if _, err := rp.NewClient(o).Send(context.Background(), plain(s.URL)); err != nil {
		t.Errorf("with the option: %v", err)
	}
}

// plain is a request that may go over http.
func plain(url string) *service.Request {
	r := get(url)
	r.Policy.HTTPS = false
	return r
}

// An address is judged where it counts: a name that resolves to a loopback address
// is refused like the address itself, whatever the name says.
func TestPrivateAddressOfAPeer(t *testing.T) {
	s, o := secure(t, func(http.ResponseWriter, *http.Request) {})
	port := s.URL[strings.LastIndexByte(s.URL, ':'):]
	o.TrustedHosts = []string{"op.example"}
	for _, host := range []string{"127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0"} {
		_, err := rp.NewClient(o).Send(context.Background(), get("https://"+host+port))
		if !errors.Is(err, message.RuleTransportAddress) && !isRefused(err) {
			t.Errorf("%s: got %v", host, err)
		}
	}
	_, err := rp.NewClient(o).Send(context.Background(), get(s.URL))
	var v *message.Violation
	if !errors.As(err, &v) || v.Got != "127.0.0.1" {
		t.Errorf("got %v", err)
	}
	typed := get(s.URL)
	typed.Policy.PeerSupplied = false
	if _, err := rp.NewClient(o).Send(context.Background(), typed); err != nil {
		t.Errorf("our own URL: %v", err)
	}
	o.InsecureAllowPrivate = true
	if _, err := rp.NewClient(o).Send(context.Background(), get(s.URL)); err != nil {
		t.Errorf("with the option: %v", err)
	}
}

// isRefused: on a host without IPv6 the address does not exist.
func isRefused(err error) bool {
	var op *net.OpError
	return errors.As(err, &op)
}

func TestUntrustedCertificate(t *testing.T) {
	s, o := secure(t, func(http.ResponseWriter, *http.Request) { t.Error("the request arrived") })
	o.RootCAs = x509.NewCertPool()
	_, err := rp.NewClient(o).Send(context.Background(), get(s.URL))
	var fault *rp.TransportError
	if !errors.As(err, &fault) || fault.Rule != message.RuleTransportTLS || !errors.Is(err, message.RuleTransportTLS) || fault.Timeout() {
		t.Errorf("got %v", err)
	}
}

func TestClientCertificateGoesOnlyWhereItIsAskedFor(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, len(r.TLS.PeerCertificates))
	}))
	s.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	s.StartTLS()
	defer s.Close()
	o := rp.ClientOptions{RootCAs: roots(s), TrustedHosts: []string{"127.0.0.1"}}
	req := get(s.URL)
	req.MutualTLS = true
	if _, err := rp.NewClient(o).Send(context.Background(), req); !errors.Is(err, service.ErrNotConfigured) {
		t.Errorf("without a certificate: %v", err)
	}
	o.Certificate = &s.TLS.Certificates[0]
	c := rp.NewClient(o)
	for mutual, want := range map[bool]string{true: "1", false: "0"} {
		req.MutualTLS = mutual
		resp, err := c.Send(context.Background(), req)
		if err != nil || string(resp.Body) != want {
			t.Errorf("mutual %v: got %v, %v", mutual, resp, err)
		}
	}
}

func TestTimeIsBounded(t *testing.T) {
	for _, tt := range []struct {
		name string
		h    http.HandlerFunc
	}{
		{"no answer", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }},
		{"an answer that never ends", func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, "{")
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, o := secure(t, tt.h)
			o.Timeout = 100 * time.Millisecond
			_, err := rp.NewClient(o).Send(context.Background(), get(s.URL))
			var fault *rp.TransportError
			if !errors.As(err, &fault) || !fault.Timeout() || fault.Rule != message.RuleTransportLimits || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v", err)
			}
		})
	}
	s, o := secure(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(50*time.Millisecond, cancel)
	_, err := rp.NewClient(o).Send(ctx, get(s.URL))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("given up: got %v", err)
	}
}

func TestNothingIsSentTwice(t *testing.T) {
	for _, keep := range []bool{false, true} {
		var calls atomic.Int32
		s, o := secure(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/warm" {
				return
			}
			calls.Add(1)
			panic(http.ErrAbortHandler)
		})
		o.KeepAlives = keep
		c := rp.NewClient(o)
		if _, err := c.Send(context.Background(), get(s.URL+"/warm")); err != nil {
			t.Fatal(err)
		}
		_, err := c.Send(context.Background(), post(s.URL, "code=secret-code"))
		var fault *rp.TransportError
		if !errors.As(err, &fault) || calls.Load() != 1 || fault.Timeout() {
			t.Errorf("keep-alives %v: got %v after %d calls", keep, err, calls.Load())
		}
		if !keep {
			calls.Store(0)
			if _, err := c.Send(context.Background(), get(s.URL)); err == nil || calls.Load() != 1 {
				t.Errorf("a GET: got %v after %d calls", err, calls.Load())
			}
		}
	}
}

func TestErrorsHoldNoURL(t *testing.T) {
	c := rp.NewClient(rp.ClientOptions{InsecureAllowPrivate: true, InsecureAllowHTTP: true, Timeout: time.Second})
	for _, u := range []string{"http://127.0.0.1:1/path?code=very-secret", "https://no-such-host.invalid/?code=very-secret", "http://127.0.0.1:bad/?code=very-secret"} {
		_, err := c.Send(context.Background(), plain(u))
		if err == nil || strings.Contains(err.Error(), "very-secret") {
			t.Errorf("got %v", err)
		}
	}
}

func TestProxyOnlyByConfiguration(t *testing.T) {
	var proxied atomic.Int32
	proxy := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { proxied.Add(1) }))
	defer proxy.Close()
	t.Setenv("HTTP_PROXY", proxy.URL)
	t.Setenv("http_proxy", proxy.URL)
	o := rp.ClientOptions{InsecureAllowHTTP: true, Timeout: time.Second}
	if _, err := rp.NewClient(o).Send(context.Background(), plain("http://no-such-host.invalid/")); err == nil || proxied.Load() != 0 {
		t.Errorf("the environment was obeyed: %v", err)
	}
	u, _ := url.Parse(proxy.URL)
	o.Proxy = http.ProxyURL(u)
	if _, err := rp.NewClient(o).Send(context.Background(), plain("http://no-such-host.invalid/")); err != nil || proxied.Load() != 1 {
		t.Errorf("the configuration was not: %v", err)
	}
}

type transport func(*http.Request) (*http.Response, error)

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) { return t(r) }

func TestTransportCanBeReplaced(t *testing.T) {
	c := rp.NewClient(rp.ClientOptions{Transport: transport(func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(r.URL.Host))}, nil
	})})
	resp, err := c.Send(context.Background(), get("https://op.example/"))
	if err != nil || string(resp.Body) != "op.example" {
		t.Errorf("got %v, %v", resp, err)
	}
	if _, err := c.Send(context.Background(), get("http://op.example/")); !errors.Is(err, message.RuleTransportHTTPS) {
		t.Errorf("http: got %v", err)
	}
}

func TestFrontChannelIsNotSent(t *testing.T) {
	req := get("https://op.example/authorize")
	req.Channel = service.FrontChannel
	if _, err := rp.NewClient(rp.ClientOptions{}).Send(context.Background(), req); !errors.Is(err, service.ErrArgs) {
		t.Errorf("got %v", err)
	}
}

func TestRoundTripperSharesThePolicy(t *testing.T) {
	s, o := secure(t, func(http.ResponseWriter, *http.Request) {})
	trip := func(o rp.ClientOptions, url string) error {
		req, err := http.NewRequest(http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := rp.NewClient(o).RoundTripper().RoundTrip(req)
		if err == nil {
			_ = resp.Body.Close()
		}
		return err
	}
	if err := trip(o, s.URL); err != nil {
		t.Errorf("a typed host: %v", err)
	}
	o.TrustedHosts = nil
	if err := trip(o, s.URL); !errors.Is(err, message.RuleTransportAddress) {
		t.Errorf("another: %v", err)
	}
	if err := trip(o, "http://op.example/"); !errors.Is(err, message.RuleTransportHTTPS) {
		t.Errorf("http: %v", err)
	}
}
