package rp

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"

	"github.com/oidcservice/oidc/service"
)

// Request objects that travel by reference are served by the RequestObjects handler:
// the provider fetches them while the browser is there (OpenID Connect Core 1.0,
// Section 6.2).

func hostedKey(path string) string {
	sum := sha256.Sum256([]byte(path))
	return "o-" + base64.RawURLEncoding.EncodeToString(sum[:])
}

// host keeps documents that the provider will ask for, as long as the login waits.
func (p *Party) host(ctx context.Context, documents []service.Hosted) error {
	for _, d := range documents {
		u, err := url.Parse(d.URL)
		if err != nil {
			return err
		}
		value := append([]byte(d.Media+"\n"), d.Body...)
		if err := p.store.Put(ctx, hostedKey(u.EscapedPath()), value, p.pendingTTL()); err != nil {
			return err
		}
	}
	return nil
}

// RequestObjects returns the handler to mount at ServiceContext.RequestURIBase, for
// authorization requests that travel by reference.
func (p *Party) RequestObjects() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		secureHeader(w.Header())
		path := r.URL.EscapedPath()
		if u, err := url.ParseRequestURI(r.RequestURI); err == nil {
			path = u.EscapedPath()
		}
		value, found, err := p.store.Get(r.Context(), hostedKey(path))
		switch {
		case err != nil:
			p.logger.ErrorContext(r.Context(), "a request object cannot be served", "error", err)
			http.Error(w, "not now", http.StatusServiceUnavailable)
			return
		case !found || r.Method != http.MethodGet && r.Method != http.MethodHead:
			http.Error(w, "there is nothing at this address", http.StatusNotFound)
			return
		}
		media, body, _ := bytes.Cut(value, []byte("\n"))
		w.Header().Set("Content-Type", string(media))
		_, _ = w.Write(body) //nolint:gosec // a request object that this party signed
	})
}
