// Package demo is the demonstration of "oidc demo": a web application whose users log in
// at a provider, and beside it the conversation with that provider, message by message.
//
// The application is an ordinary one on package rp. Everything that is for showing stands
// around it: a wire that every request to the provider passes, which notes and on demand
// tampers; an observer that is told the verdicts; and a small API on package resource.
package demo

import (
	"cmp"
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/oidcservice/oidc/factory"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/op/optest"
	"github.com/oidcservice/oidc/rp"
	"github.com/oidcservice/oidc/servicecontext"
	"github.com/oidcservice/oidc/state"
)

// A Demo is a demonstration that runs.
type Demo struct {
	// URL is where the application is, Issuer the provider.
	URL, Issuer string
	// CA holds the certificates that were made for the run, in PEM; nil if there are none.
	CA []byte

	config   Config
	logger   *slog.Logger
	callback string // the path of the redirect URI
	embedded *optest.Provider
	provider *message.ProviderMetadata
	wire     *wire
	hub      *hub
	db       *state.DB
	api      *protected
	apiBase  http.RoundTripper // reaches the API
	parties  map[servicecontext.RequestMethod]*rp.Party
	services *factory.Services // those that a party has no handler for

	listeners []net.Listener
	servers   []*http.Server
	failed    chan error
}

// Start opens the listeners, starts the provider if none is named, reads its metadata and
// starts the application. Serve or Close ends what it started.
func Start(ctx context.Context, c Config, logger *slog.Logger) (*Demo, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	d := &Demo{config: c, logger: logger, hub: newHub(), db: &state.DB{Store: new(state.Memory)}, failed: make(chan error, 2)}
	started := false
	defer func() {
		if !started {
			d.Close()
		}
	}()
	application, err := d.listen(c.Listen)
	if err != nil {
		return nil, err
	}
	d.URL = c.base(application.Addr())
	trust, err := c.roots()
	if err != nil {
		return nil, err
	}
	certificate, err := d.certificate(hostOf(d.URL))
	if err != nil {
		return nil, err
	}
	d.trust(trust, certificate)
	if d.Issuer = c.Issuer; d.Issuer == "" {
		if err := d.startProvider(ctx, trust, certificate); err != nil {
			return nil, err
		}
	}
	// The hosts that were typed may be on this machine, others that somebody names may not.
	options := rp.ClientOptions{TrustedHosts: []string{hostOf(d.Issuer)}, InsecureAllowHTTP: c.InsecureAllowHTTP, RootCAs: trust}
	d.wire = newWire(rp.NewClient(options))
	options.TrustedHosts = []string{hostOf(d.URL), hostOf(c.APIEndpoint)}
	d.apiBase = rp.NewClient(options).RoundTripper()
	if err := d.discover(ctx); err != nil {
		return nil, err
	}
	if err := d.build(); err != nil {
		return nil, err
	}
	d.serve(application, certificate, d.handler())
	started = true
	return d, nil
}

// Serve answers requests until ctx is done.
func (d *Demo) Serve(ctx context.Context) error {
	var err error
	select {
	case err = <-d.failed:
	case <-ctx.Done():
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
	defer cancel()
	for _, server := range d.servers {
		if server.Shutdown(ctx) != nil {
			_ = server.Close()
		}
	}
	if d.embedded != nil {
		d.embedded.Wait()
	}
	return err
}

// Close lets go of what Start opened, where Serve is not called.
func (d *Demo) Close() {
	for _, server := range d.servers {
		_ = server.Close()
	}
	for _, l := range d.listeners {
		_ = l.Close()
	}
}

func (d *Demo) listen(address string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	d.listeners = append(d.listeners, l)
	return l, nil
}

// Limits of a connection.
const (
	headerTimeout = 5 * time.Second
	bodyTimeout   = 15 * time.Second
	writeTimeout  = time.Minute
	maxHeader     = 64 << 10
)

// serve lets a handler answer on a listener, with TLS if there is a certificate.
func (d *Demo) serve(l net.Listener, certificate *tls.Certificate, handler http.Handler) {
	if certificate != nil {
		l = tls.NewListener(l, &tls.Config{
			MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}, Certificates: []tls.Certificate{*certificate},
		})
	}
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: headerTimeout, ReadTimeout: bodyTimeout, WriteTimeout: writeTimeout,
		MaxHeaderBytes: maxHeader, ErrorLog: slog.NewLogLogger(d.logger.Handler(), slog.LevelDebug),
	}
	d.servers = append(d.servers, server)
	go func() {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			d.failed <- err
		}
	}()
}

// keepCA notes a certificate that was made for the run.
func (d *Demo) keepCA(certificate *tls.Certificate) {
	d.CA = append(d.CA, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Certificate[0]})...)
}

// caName is what the certificates that were made for the run are called, where they were
// not written to a file.
const caName = "oidc-demo-ca.pem"

// caFile is the file that curl needs to know the server at an address by; empty where the
// system does.
func (d *Demo) caFile(address string) string {
	ours := strings.HasPrefix(address, d.URL+"/") || d.embedded != nil && strings.HasPrefix(address, d.Issuer+"/")
	switch {
	case !ours:
		return d.config.CAFile
	case d.CA == nil:
		return ""
	}
	return cmp.Or(d.config.CAOut, caName)
}

// handOutCA offers the certificates that were made for the run.
func (d *Demo) handOutCA(w http.ResponseWriter, r *http.Request) {
	if d.CA == nil {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/x-pem-file")
	h.Set("Content-Disposition", `attachment; filename="`+caName+`"`)
	h.Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(d.CA)
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

func (d *Demo) secure() bool { return strings.HasPrefix(d.URL, "https://") }
