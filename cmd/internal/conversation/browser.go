package conversation

import (
	"context"
	"fmt"
	"html/template"
	"io"
	"net"
	"net/http"
	"net/url"
	"os/exec"
	"runtime"
	"time"

	"github.com/oidcservice/oidc/cmd/internal/report"
	"github.com/oidcservice/oidc/cmd/internal/useragent"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/service"
)

// system is the system's browser, with a loopback listener that it comes back to
// (RFC 8252, Section 7.3).
type system struct {
	listener net.Listener
	path     string
	out      io.Writer
	arrivals chan *useragent.Arrival
	open     func(string) error
}

// newSystem listens on the loopback port of redirectURI, or on a free one, and
// returns the redirect URI that leads there.
func newSystem(redirectURI string, out io.Writer) (*system, string, error) {
	address, path := "127.0.0.1:0", "/callback"
	if redirectURI != "" {
		u, err := url.Parse(redirectURI)
		if err != nil || u.Scheme != "http" || u.Port() == "" || !isLoopback(u.Hostname()) {
			return nil, "", fault("redirect-uri", "with --user-agent browser it is http on a loopback address with a port")
		}
		address, path = u.Host, u.Path
		if path == "" {
			path = "/"
		}
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, "", fault("redirect-uri", "listening on %s: %v", address, err)
	}
	if redirectURI == "" {
		redirectURI = "http://" + l.Addr().String() + path
	}
	s := &system{listener: l, path: path, out: out, arrivals: make(chan *useragent.Arrival, 1), open: openBrowser}
	server := &http.Server{Handler: s, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, MaxHeaderBytes: 64 << 10}
	go func() { _ = server.Serve(l) }()
	return s, redirectURI, nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func (s *system) close() { _ = s.listener.Close() }

func (s *system) travel(ctx context.Context, r *service.Request, stop string, asked message.ResponseMode) (*journey, error) {
	target := r.URL
	if len(r.Body) > 0 {
		target += "?" + string(r.Body)
	}
	if err := s.open(target); err != nil {
		_, _ = fmt.Fprintf(s.out, "\nNo browser could be opened (%v). Open this URL yourself:\n\n%s\n", err, target)
	} else {
		_, _ = fmt.Fprintln(s.out, "The browser was opened; waiting for it to come back…")
	}
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case a := <-s.arrivals:
		a.RedirectURI = stop
		j := &journey{inbound: inboundOf(a, asked), response: &report.Response{Header: map[string][]string{"Location": {a.URL}}}}
		if a.Method == http.MethodPost {
			j.response.Header = map[string][]string{"Content-Type": {a.ContentType}}
			j.response.Body = a.Body
		}
		return j, nil
	}
}

// fragmentPage moves a fragment, which no server sees, into a form post to ourselves
// and out of the history.
var fragmentPage = template.Must(template.New("fragment").Parse(`<!DOCTYPE html>
<html><head><meta charset="utf-8"><title>Coming back</title></head>
<body><form id="f" method="post" action="{{.}}"><input type="hidden" name="fragment"></form>
<script>
var f = document.getElementById("f");
f.fragment.value = location.hash.slice(1);
history.replaceState(null, "", location.pathname);
f.submit();
</script><noscript>This page needs JavaScript to read the address.</noscript></body></html>`))

const donePage = `<!DOCTYPE html><html><head><meta charset="utf-8"><title>Done</title></head>
<body><p>You can close this window and go back to the terminal.</p></body></html>`

// ServeHTTP takes what the browser brings.
func (s *system) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Cache-Control", "no-store")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("X-Frame-Options", "DENY")
	fragmentPath := s.path + ".fragment"
	switch {
	case r.URL.Path == fragmentPath && r.Method == http.MethodPost:
		_ = r.ParseForm()
		s.arrive(w, &useragent.Arrival{Method: "GET", URL: s.path + "#" + r.PostForm.Get("fragment"), Fragment: r.PostForm.Get("fragment")})
	case r.URL.Path != s.path:
		w.WriteHeader(http.StatusNotFound)
	case r.Method == http.MethodPost:
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
		if err != nil {
			w.WriteHeader(http.StatusRequestEntityTooLarge)
			return
		}
		s.arrive(w, &useragent.Arrival{Method: "POST", URL: s.path, ContentType: r.Header.Get("Content-Type"), Body: string(body)})
	case r.Method == http.MethodGet && r.URL.RawQuery == "":
		_ = fragmentPage.Execute(w, fragmentPath)
	case r.Method == http.MethodGet:
		s.arrive(w, &useragent.Arrival{Method: "GET", URL: s.path + "?" + r.URL.RawQuery, Query: r.URL.RawQuery})
	default:
		w.WriteHeader(http.StatusMethodNotAllowed)
	}
}

func (s *system) arrive(w http.ResponseWriter, a *useragent.Arrival) {
	select {
	case s.arrivals <- a:
	default: // a second callback while the first is judged: its state is the same or wrong
	}
	_, _ = io.WriteString(w, donePage)
}

func openBrowser(target string) error {
	name, args := "xdg-open", []string{target}
	switch runtime.GOOS {
	case "darwin":
		name = "open"
	case "windows":
		name, args = "rundll32", []string{"url.dll,FileProtocolHandler", target}
	}
	return exec.Command(name, args...).Start() //nolint:gosec // the URL comes from verified metadata and is one argument, not a shell's
}
