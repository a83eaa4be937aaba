package provider

import (
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/oidcservice/oidc/cmd/internal/conversation"
	"github.com/oidcservice/oidc/cmd/internal/store"
	"github.com/oidcservice/oidc/endpoint"
	"github.com/oidcservice/oidc/op"
)

// A Server is a provider that runs.
type Server struct {
	// Issuer is the configured one, or made from where the server listens.
	Issuer string
	// CA is the certificate that was made for the run, in PEM, nil if there is a real one.
	CA []byte

	setup       *Setup
	provider    *op.Provider
	store       *store.Store
	clients     *registry
	accounts    *Accounts
	keys        *keyring
	metrics     *metrics
	health      *health
	logger      *slog.Logger
	leaving     []string // users whom the last reading of the configuration could not log out
	certificate atomic.Pointer[tls.Certificate]
	made        map[string]*tls.Certificate // for the run, by host
	listeners   []net.Listener
	servers     []*http.Server
}

// Start opens the store and the listeners, and answers nothing yet: Serve does.
func Start(ctx context.Context, s *Setup, logger *slog.Logger) (*Server, error) {
	v := &Server{setup: s, metrics: newMetrics(), accounts: newAccounts(s.accounts), logger: logger}
	started := false
	defer func() {
		if !started {
			v.Close()
		}
	}()
	for _, w := range s.Warnings {
		logger.WarnContext(ctx, w)
	}
	var err error
	if err = v.open(ctx); err != nil {
		return nil, err
	}
	if err = v.keepKeys(); err != nil {
		return nil, err
	}
	public, err := v.listen("listen", s.Listen)
	if err != nil {
		return nil, err
	}
	if v.Issuer = s.Issuer; v.Issuer == "" {
		v.Issuer = "https://" + public.Addr().String()
		if s.overrides.InsecureAllowHTTP {
			v.Issuer = "http" + strings.TrimPrefix(v.Issuer, "https")
		}
	}
	if v.provider, err = s.build(v.Issuer, v.keys, v.clients, v.store.Entries, v.accounts, logger); err != nil {
		return nil, errors.Join(ErrConfig, err)
	}
	if err := v.serveAll(public); err != nil {
		return nil, err
	}
	started = true
	return v, nil
}

// open opens the store.
func (v *Server) open(ctx context.Context) error {
	s := v.setup
	opened, err := store.OpenWith(ctx, s.storeURL(), s.storeKeyFile(), v.metrics.observe)
	if err != nil {
		return errors.Join(ErrConfig, fmt.Errorf("store: %w", err))
	}
	v.store = opened
	v.health = &health{store: opened.Entries, logger: v.logger}
	v.clients = &registry{StoredClients: &endpoint.StoredClients{Store: opened.Entries}, setup: s}
	v.clients.static.Store(&s.static)
	v.keys = s.keys
	return nil
}

// keepKeys writes keys that were made just now.
func (v *Server) keepKeys() error {
	if !v.keys.made {
		return nil
	}
	if err := v.keys.save(); err != nil {
		return errors.Join(ErrConfig, fmt.Errorf("keys.file: %w", err))
	}
	v.keys.made = false
	return nil
}

func (v *Server) listen(member, address string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, errors.Join(ErrConfig, fmt.Errorf("%s: %w", member, err))
	}
	v.listeners = append(v.listeners, l)
	return l, nil
}

// Limits of a connection. What a handler reads and writes is small.
const (
	headerTimeout = 5 * time.Second
	bodyTimeout   = 15 * time.Second
	writeTimeout  = 30 * time.Second
	idleTimeout   = 2 * time.Minute
	maxHeader     = 64 << 10
)

func (v *Server) server(handler http.Handler) *http.Server {
	return &http.Server{
		Handler: handler, ReadHeaderTimeout: headerTimeout, ReadTimeout: bodyTimeout, WriteTimeout: writeTimeout,
		IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader, ErrorLog: slog.NewLogLogger(v.logger.Handler(), slog.LevelInfo),
	}
}

// serveAll makes the servers, one a listener.
func (v *Server) serveAll(public net.Listener) error {
	s := v.setup
	u, err := url.Parse(v.Issuer)
	if err != nil {
		return err
	}
	base := strings.TrimSuffix(u.Path, "/")
	all := v.provider.Endpoints().All()
	note := func(h http.Handler, name func(path string) string) http.Handler {
		return &access{handler: h, name: name, metrics: v.metrics, logger: v.logger}
	}
	plain := s.Proxies.TerminateTLS || u.Scheme == "http"
	if !plain {
		config, err := v.tls(u.Hostname(), s.MutualTLS != nil && s.MutualTLS.Listen == "")
		if err != nil {
			return err
		}
		public = tls.NewListener(public, config)
	}
	v.add(public, v.server(note(withHSTS(v.provider, s.hsts(v.Issuer)), namer(all, base+"/interaction/"))))
	if m := s.MutualTLS; m != nil && m.Listen != "" {
		l, err := v.listen("mutual_tls.listen", m.Listen)
		if err != nil {
			return err
		}
		if !s.Proxies.TerminateTLS {
			host, err := url.Parse(m.BaseURL)
			if err != nil {
				return err
			}
			config, err := v.tls(host.Hostname(), true)
			if err != nil {
				return err
			}
			l = tls.NewListener(l, config)
		}
		v.add(l, v.server(note(v.provider.MutualTLS(), aliasNamer(all))))
	}
	if s.Admin.Listen != "" {
		l, err := v.listen("admin.listen", s.Admin.Listen)
		if err != nil {
			return err
		}
		v.add(l, v.server(v.health.admin(v.metrics)))
	}
	return nil
}

func (v *Server) add(l net.Listener, server *http.Server) {
	v.listeners[len(v.servers)] = l
	v.servers = append(v.servers, server)
}

// tls is the configuration of a listener. With ask it asks for client certificates.
func (v *Server) tls(host string, ask bool) (*tls.Config, error) {
	s := v.setup
	config := &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}}
	if s.TLS.Certificate != "" {
		pair, err := s.certificate()
		if err != nil {
			return nil, errors.Join(ErrConfig, fmt.Errorf("tls: %w", err))
		}
		v.certificate.Store(pair)
		config.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return v.certificate.Load(), nil }
	} else {
		made, err := v.selfSigned(host)
		if err != nil {
			return nil, err
		}
		config.Certificates = []tls.Certificate{*made}
	}
	if !ask {
		return config, nil
	}
	// Any is taken, since a client may be known by its key alone. Whether one of mutual_tls.client_ca
	// vouches for it is judged with the request.
	config.ClientAuth = tls.RequestClientCert
	return config, nil
}

// selfSigned makes a certificate for the run. Listeners of one host share it: a client that
// trusts two of the same name may try the wrong one alone, as OpenSSL does.
func (v *Server) selfSigned(host string) (*tls.Certificate, error) {
	if made := v.made[host]; made != nil {
		return made, nil
	}
	made, err := conversation.SelfSigned(host)
	if err != nil {
		return nil, err
	}
	if v.made == nil {
		v.made = map[string]*tls.Certificate{}
	}
	v.made[host] = made
	v.CA = append(v.CA, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: made.Certificate[0]})...)
	return made, nil
}

// Addresses are those of the listeners: the public one, then that of mutual TLS, then that
// of the operator, as far as there are any.
func (v *Server) Addresses() []net.Addr {
	var all []net.Addr
	for _, l := range v.listeners {
		all = append(all, l.Addr())
	}
	return all
}

// keyTime is how often the keys are looked at.
const keyTime = time.Minute

// Serve answers requests until ctx is done, and then stops: nobody new is let in, and what
// is being answered has stop_timeout to end. Each signal on reload has the files read again.
func (v *Server) Serve(ctx context.Context, reload <-chan os.Signal) error {
	failed := make(chan error, len(v.servers))
	for i, server := range v.servers {
		go func() { failed <- server.Serve(v.listeners[i]) }()
	}
	ticker := time.NewTicker(keyTime)
	defer ticker.Stop()
	v.logger.InfoContext(ctx, "serving", "issuer", v.Issuer)
	for {
		select {
		case err := <-failed:
			return errors.Join(fmt.Errorf("serving: %w", err), v.stop(ctx))
		case <-ctx.Done():
			return v.stop(ctx)
		case <-reload:
			v.reload(ctx)
		case <-ticker.C:
			if err := v.keys.refresh(ctx, v.provider.Context(), v.store.Entries, v.logger); err != nil {
				v.metrics.reloaded(err)
				v.logger.ErrorContext(ctx, "the keys could not be refreshed", "error", err)
			}
		}
	}
}

// stop ends the servers, then the notifications that are under way, then the store.
func (v *Server) stop(ctx context.Context) error {
	v.health.stopping.Store(true)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), v.setup.StopTimeout)
	defer cancel()
	v.logger.InfoContext(ctx, "stopping", "within", v.setup.StopTimeout.String())
	public, operators := v.servers, []*http.Server(nil)
	if v.setup.Admin.Listen != "" {
		// The last of them: until the end it tells that this process is stopping.
		public, operators = v.servers[:len(v.servers)-1], v.servers[len(v.servers)-1:]
	}
	errs := append(shut(ctx, public), v.settle(ctx))
	errs = append(errs, shut(ctx, operators)...)
	v.Close()
	v.logger.InfoContext(ctx, "stopped")
	return errors.Join(errs...)
}

// shut ends servers side by side, and cuts off what takes too long.
func shut(ctx context.Context, servers []*http.Server) []error {
	errs := make([]error, len(servers))
	var group sync.WaitGroup
	for i, server := range servers {
		group.Go(func() {
			if err := server.Shutdown(ctx); err != nil {
				errs[i] = errors.Join(fmt.Errorf("requests were cut off: %w", err), server.Close())
			}
		})
	}
	group.Wait()
	return errs
}

// settle waits for the notifications that are under way.
func (v *Server) settle(ctx context.Context) error {
	sent := make(chan struct{})
	go func() { v.provider.Wait(); close(sent) }()
	select {
	case <-sent:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("logout notifications were cut off: %w", ctx.Err())
	}
}

// Close lets go of listeners and store. Serve ends with it; it is for a server that was
// started and does not serve.
func (v *Server) Close() {
	for _, l := range v.listeners {
		_ = l.Close()
	}
	if v.store != nil {
		v.store.Close()
	}
}

// reload reads users, clients, keys and certificate again. What is wrong leaves all as it is.
func (v *Server) reload(ctx context.Context) {
	fresh, err := Load(v.setup.Name, v.setup.overrides)
	if err == nil && fresh.TLS.Certificate != "" && v.certificate.Load() != nil {
		var pair *tls.Certificate
		if pair, err = fresh.certificate(); err == nil {
			v.certificate.Store(pair)
		}
	}
	if err == nil {
		v.leaving = v.logOut(ctx, append(v.leaving, v.accounts.list.Swap(fresh.accounts).outdated(fresh.accounts)...))
		v.clients.static.Store(&fresh.static)
		err = v.keys.refresh(ctx, v.provider.Context(), v.store.Entries, v.logger)
	}
	if err == nil && len(v.leaving) > 0 {
		err = fmt.Errorf("%d users are to be logged out still, which the next reading tries again", len(v.leaving))
	}
	v.metrics.reloaded(err)
	if err != nil {
		v.logger.ErrorContext(ctx, "the configuration was not read again, or not put in force as a whole", "error", err)
		return
	}
	v.logger.InfoContext(ctx, "users, clients, keys and certificate were read again")
}

// logOut ends what users have whose password is another now, or who are gone (RFC 9700,
// Section 4.14.2). It returns those with whom it failed.
func (v *Server) logOut(ctx context.Context, users []string) (failed []string) {
	for _, user := range users {
		list, err := v.provider.Context().RevokeUser(ctx, user)
		v.provider.Send(list)
		if err != nil {
			v.logger.ErrorContext(ctx, "a user whose password changed, or who is gone, was not logged out", "user", user, "error", err)
			failed = append(failed, user)
			continue
		}
		v.logger.InfoContext(ctx, "a user whose password changed, or who is gone, was logged out", "user", user)
	}
	return failed
}
