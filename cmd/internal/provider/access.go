package provider

import (
	"log/slog"
	"net"
	"net/http"
	"time"
)

// An access notes each request: its endpoint, never its query, body, header or cookies,
// which hold secrets.
type access struct {
	handler http.Handler
	name    func(path string) string
	metrics *metrics
	logger  *slog.Logger
}

// statusWriter remembers the status.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController find what is below.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// ServeHTTP implements http.Handler.
func (a *access) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	a.metrics.inFlight.Inc()
	defer a.metrics.inFlight.Dec()
	noted := &statusWriter{ResponseWriter: w}
	name := a.name(r.URL.Path)
	a.handler.ServeHTTP(noted, r)
	took := time.Since(start)
	if noted.status == 0 {
		noted.status = http.StatusOK // what net/http sends for a handler that wrote nothing
	}
	method := methodLabel(r.Method)
	a.metrics.count(name, method, noted.status, took)
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	a.logger.LogAttrs(r.Context(), slog.LevelInfo, "request", slog.String("endpoint", name), slog.String("method", method),
		slog.Int("status", noted.status), slog.Int64("ms", took.Milliseconds()), slog.String("peer", host))
}
