package provider

import (
	"context"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/oidcservice/oidc/state"
)

// pingTimeout is how long the store may take to show that it is there.
const pingTimeout = 2 * time.Second

// A health tells whether requests should be sent here.
type health struct {
	store    state.Store
	logger   *slog.Logger
	stopping atomic.Bool
}

// admin is the handler of the listener that is not for the public: /healthz says that the
// process lives, /readyz that it can answer requests, /metrics counts.
func (h *health) admin(m *metrics) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { say(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", h.ready)
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}))
	return mux
}

func (h *health) ready(w http.ResponseWriter, r *http.Request) {
	if h.stopping.Load() {
		say(w, http.StatusServiceUnavailable, "stopping")
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), pingTimeout)
	defer cancel()
	if _, _, err := h.store.Get(ctx, "op-ready"); err != nil {
		h.logger.WarnContext(r.Context(), "the store does not answer", "error", err)
		say(w, http.StatusServiceUnavailable, "the store does not answer")
		return
	}
	say(w, http.StatusOK, "ok")
}

func say(w http.ResponseWriter, status int, text string) {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text + "\n"))
}
