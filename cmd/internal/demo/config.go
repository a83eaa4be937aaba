package demo

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/oidcservice/oidc/cmd/internal/conversation"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/servicecontext"
)

// ErrConfig is what a fault of the settings wraps.
var ErrConfig = errors.New("demo")

// A Config is what a demonstration is started with. The zero Config needs nothing else.
type Config struct {
	// Issuer is the provider; empty is one inside this process, on ProviderListen.
	Issuer         string
	ProviderListen string

	// ClientID and ClientSecret are a registration made out of band. Without a ClientID the
	// application registers itself.
	ClientID     string
	ClientSecret message.Secret

	// Listen is where the application listens, BaseURL where browsers find it, if that
	// differs, and RedirectURI its callback: BaseURL and /callback if empty.
	Listen, BaseURL, RedirectURI string

	// TLSCert and TLSKey are the certificate of both, in PEM. Without one it is made for the
	// run. CAFile names further trust roots.
	TLSCert, TLSKey, CAFile string

	// InsecureAllowHTTP makes both speak http, unless there is a certificate, and admits an
	// http issuer. It is safe on a loopback interface only. Back-channel logout and
	// request_uri need https.
	InsecureAllowHTTP bool

	// APIEndpoint is an API to call instead of the one that is included.
	APIEndpoint string

	// LogoutBy is the way in which the application learns of a logout that began elsewhere:
	// backchannel, frontchannel or session. Empty is the first of them that can be had.
	LogoutBy string

	// CAOut is the file that will hold Demo.CA, as the curl commands name it. Without one
	// they name a file that the page offers.
	CAOut string

	// What the form of the login begins with.
	Scope, ACR, UILocales, SendVia string
}

// The addresses where nothing else is said.
const (
	DefaultListen         = "127.0.0.1:5443"
	DefaultProviderListen = "127.0.0.1:5444"
	DefaultScope          = "openid profile email offline_access"
)

// sendNames are the ways of a request to the provider and what the settings may call them.
var sendNames = map[string]servicecontext.RequestMethod{
	"": servicecontext.RequestByQuery, "query": servicecontext.RequestByQuery, "query_string": servicecontext.RequestByQuery,
	"request": servicecontext.RequestByValue, "request_object": servicecontext.RequestByValue,
	"request_uri": servicecontext.RequestByReference, "par": servicecontext.RequestPushed,
}

func (c *Config) check() error {
	for _, f := range []struct {
		field *string
		value string
	}{{&c.Listen, DefaultListen}, {&c.ProviderListen, DefaultProviderListen}, {&c.Scope, DefaultScope}} {
		if *f.field == "" {
			*f.field = f.value
		}
	}
	if _, known := sendNames[c.SendVia]; !known {
		return fmt.Errorf("%w: send_parameters_via: want query, request_object, request_uri or par", ErrConfig)
	}
	if c.LogoutBy != "" && !slices.Contains(logoutWays, c.LogoutBy) {
		return fmt.Errorf("%w: logout_by: want backchannel, frontchannel or session", ErrConfig)
	}
	if err := c.absolute(); err != nil {
		return err
	}
	if (c.TLSCert == "") != (c.TLSKey == "") {
		return fmt.Errorf("%w: a certificate and its key go together", ErrConfig)
	}
	for name, value := range map[string]string{"base_url": c.BaseURL, "redirect_uri": c.RedirectURI, "api_endpoint": c.APIEndpoint} {
		u, err := url.Parse(value)
		if value != "" && (err != nil || u.Host == "" || u.Fragment != "" || !slices.Contains([]string{"http", "https"}, u.Scheme)) {
			return fmt.Errorf("%w: %s: want an absolute URL", ErrConfig, name)
		}
	}
	if c.BaseURL != "" && c.RedirectURI != "" && !strings.HasPrefix(c.RedirectURI, strings.TrimSuffix(c.BaseURL, "/")+"/") {
		return fmt.Errorf("%w: redirect_uri: want an address below base_url", ErrConfig)
	}
	if strings.HasPrefix(c.Issuer, "http://") && !c.InsecureAllowHTTP {
		return fmt.Errorf("%w: issuer: an http issuer needs --insecure-allow-http; use it on a loopback interface only", ErrConfig)
	}
	return nil
}

// absolute makes names of files good for a shell that stands elsewhere.
func (c *Config) absolute() error {
	for _, name := range []*string{&c.CAFile, &c.CAOut} {
		if *name == "" {
			continue
		}
		full, err := filepath.Abs(*name)
		if err != nil {
			return err
		}
		*name = full
	}
	return nil
}

// base is where browsers find the application.
func (c *Config) base(at net.Addr) string {
	switch {
	case c.BaseURL != "":
		return strings.TrimSuffix(c.BaseURL, "/")
	case c.RedirectURI != "":
		u, _ := url.Parse(c.RedirectURI) // check has seen it
		return u.Scheme + "://" + u.Host
	}
	return c.origin(c.Listen, at)
}

// origin is the address of a listener, with the host as it was typed.
func (c *Config) origin(typed string, at net.Addr) string {
	scheme := "https"
	if c.InsecureAllowHTTP && c.TLSCert == "" {
		scheme = "http"
	}
	host, _, err := net.SplitHostPort(typed)
	_, port, atErr := net.SplitHostPort(at.String())
	if err != nil || atErr != nil || host == "" {
		return scheme + "://" + at.String()
	}
	return scheme + "://" + net.JoinHostPort(host, port)
}

// roots are the trust roots of the system and those of CAFile.
func (c *Config) roots() (*x509.CertPool, error) {
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if c.CAFile == "" {
		return pool, nil
	}
	text, err := os.ReadFile(c.CAFile)
	if err != nil {
		return nil, fmt.Errorf("%w: ca_file: %w", ErrConfig, err)
	}
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%w: ca_file: %s holds no certificate in PEM", ErrConfig, c.CAFile)
	}
	return pool, nil
}

// certificate is that of a host: the configured one, or one made for the run; nil where
// plain http is spoken.
func (d *Demo) certificate(host string) (*tls.Certificate, error) {
	switch {
	case d.config.TLSCert != "":
		pair, err := tls.LoadX509KeyPair(d.config.TLSCert, d.config.TLSKey)
		if err != nil {
			return nil, fmt.Errorf("%w: tls-cert: %w", ErrConfig, err)
		}
		return &pair, nil
	case d.config.InsecureAllowHTTP:
		return nil, nil
	}
	made, err := conversation.SelfSigned(host)
	if err != nil {
		return nil, err
	}
	d.keepCA(made)
	return made, nil
}

// trust adds a certificate of ours to the trust roots: application, API and provider speak
// with each other.
func (d *Demo) trust(pool *x509.CertPool, certificate *tls.Certificate) {
	if certificate == nil {
		return
	}
	if leaf, err := x509.ParseCertificate(certificate.Certificate[0]); err == nil {
		pool.AddCert(leaf)
	}
}
