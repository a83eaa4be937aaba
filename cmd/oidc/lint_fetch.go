package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/oidcservice/oidc/cmd/internal/conversation"
	"github.com/oidcservice/oidc/cmd/internal/lint"
	"github.com/oidcservice/oidc/cmd/internal/report"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/rp"
	"github.com/oidcservice/oidc/service"
	"github.com/oidcservice/oidc/servicecontext"
	"github.com/oidcservice/oidc/state"
)

// A lintRun asks one issuer and judges its answers.
type lintRun struct {
	c      *command
	f      *lintFlags
	issuer string
	client *rp.Client
	report *lint.Report
}

// lintIssuer judges what an issuer publishes.
func (c *command) lintIssuer(ctx context.Context, f *lintFlags, issuer string, r *lint.Report) error {
	if lint.Type(f.kind) == lint.Client {
		return &conversation.SettingError{Flag: "type", Text: "client metadata is in a file, not at an issuer"}
	}
	issuer = strings.TrimSuffix(issuer, "/.well-known/openid-configuration")
	roots, err := lintRoots(f.caFile)
	if err != nil {
		return err
	}
	u, err := url.Parse(issuer)
	if err != nil || u.Hostname() == "" {
		return &conversation.SettingError{Text: fmt.Sprintf("%q is no issuer", issuer)}
	}
	if u.Scheme == "http" && !f.allowHTTP {
		return &conversation.SettingError{Flag: "insecure-allow-http", Text: "an http issuer needs --insecure-allow-http; use it on a loopback interface only"}
	}
	if f.deadline > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, f.deadline)
		defer cancel()
	}
	l := &lintRun{c: c, f: f, issuer: issuer, report: r, client: rp.NewClient(rp.ClientOptions{
		Timeout: f.timeout, TrustedHosts: []string{u.Hostname()}, InsecureAllowHTTP: f.allowHTTP, InsecureAllowPrivate: f.private, RootCAs: roots,
	})}
	return l.run(ctx)
}

// lintRoots are the trust roots of the system and those of a file.
func lintRoots(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, &conversation.SettingError{Flag: "ca-file", Text: err.Error()}
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	if !roots.AppendCertsFromPEM(data) {
		return nil, &conversation.SettingError{Flag: "ca-file", Text: "no certificate in " + file}
	}
	return roots, nil
}

// run asks for the metadata at both addresses, and for the keys.
func (l *lintRun) run(ctx context.Context) error {
	openid, err := l.metadata(ctx, service.NewProviderInfo, lint.OpenID)
	if err != nil {
		return err
	}
	oauth, err := l.metadata(ctx, service.NewServerMetadata, lint.OAuth)
	if err != nil {
		return err
	}
	main := openid
	switch {
	case openid.status == http.StatusOK && oauth.status == http.StatusOK:
		l.judge(openid)
		l.report.Findings = append(l.report.Findings, lint.Difference(openid.doc, oauth.doc)...)
		l.report.Documents = append(l.report.Documents, oauth.doc)
	case oauth.status == http.StatusOK:
		main = oauth
		l.judge(oauth)
		// A server without OpenID Connect has nothing at the other address. One that fails
		// there, or leads elsewhere, is met by every client that asks it.
		if openid.status >= 500 || openid.status >= 300 && openid.status < 400 {
			l.judge(openid)
		}
	default:
		l.judge(openid)
		if openid.status == http.StatusOK {
			l.add(lint.New(message.RuleOPMetadataRFC8414, openid.doc.Location, "", fmt.Sprintf("status %d at %s", oauth.status, oauth.doc.Location), "the same document there"))
		}
	}
	if lint.Type(l.f.kind) == lint.JWKS {
		l.report.Findings, l.report.Documents = nil, nil
	}
	if lint.Type(l.f.kind) == lint.Provider || main.status != http.StatusOK {
		return nil
	}
	return l.keys(ctx, main)
}

func (l *lintRun) add(f lint.Finding) { l.report.Findings = append(l.report.Findings, f) }

// An answer is a document that was fetched.
type answer struct {
	doc    *lint.Document
	status int
	media  string
}

// metadata asks one of the two addresses.
func (l *lintRun) metadata(ctx context.Context, constructor func(service.Env) service.Service, dialect lint.Dialect) (*answer, error) {
	sc, err := servicecontext.New(servicecontext.Config{Issuer: l.issuer, InsecureAllowHTTP: l.f.allowHTTP})
	if err != nil {
		return nil, err
	}
	req, err := constructor(service.Env{Context: sc, DB: &state.DB{}}).GetRequestParameters(ctx, service.Args{})
	if err != nil {
		return nil, err
	}
	a := &answer{doc: &lint.Document{Location: req.URL, Type: lint.Provider, Dialect: dialect, Issuer: l.issuer, AllowHTTP: l.f.allowHTTP}}
	return a, l.send(ctx, req, a)
}

func (l *lintRun) send(ctx context.Context, req *service.Request, a *answer) error {
	l.c.narrate(&report.Step{Service: req.Service, Request: &report.Request{Method: req.Method, URL: req.URL}})
	resp, err := l.client.Send(ctx, req)
	if err != nil {
		return err
	}
	a.status, a.doc.Data = resp.Status, resp.Body
	a.media, _, _ = mime.ParseMediaType(http.Header(resp.Header).Get("Content-Type"))
	return nil
}

// judge reports on metadata.
func (l *lintRun) judge(a *answer) {
	l.report.Documents = append(l.report.Documents, a.doc)
	if a.status != http.StatusOK {
		l.add(lint.New(message.RuleMetadataStatus, a.doc.Location, "", fmt.Sprintf("status %d", a.status), "200 with a JSON document"))
		return
	}
	if a.media != "application/json" {
		l.add(lint.New(message.RuleMetadataStatus, a.doc.Location, "", "content type "+a.media, "application/json"))
	}
	l.report.Findings = append(l.report.Findings, lint.Check(a.doc)...)
}

// keys asks for the JWK Set that the metadata leads to.
func (l *lintRun) keys(ctx context.Context, metadata *answer) error {
	uri, algs := lint.KeysOf(metadata.doc.Data)
	if uri == "" {
		return nil // reported with the metadata
	}
	req := &service.Request{
		Service: service.JWKSName, Method: http.MethodGet, URL: uri,
		Header: service.Header{"Accept": {"application/json, application/jwk-set+json"}},
		Policy: service.Policy{HTTPS: !l.f.allowHTTP, MaxBody: 1 << 20, PeerSupplied: true},
	}
	a := &answer{doc: &lint.Document{Location: uri, Type: lint.JWKS, AllowHTTP: l.f.allowHTTP, Algorithms: algs}}
	err := l.send(ctx, req, a)
	var v *message.Violation
	switch {
	case errors.As(err, &v) && v.Rule == message.RuleTransportHTTPS, errors.Is(err, service.ErrArgs):
		return nil // the address is at fault, which is reported with the metadata
	case errors.As(err, &v):
		l.report.Documents = append(l.report.Documents, a.doc)
		l.add(lint.New(v.Rule, uri, v.Param, v.Got, v.Want))
		return nil
	case err != nil:
		return err
	}
	l.report.Documents = append(l.report.Documents, a.doc)
	if a.status != http.StatusOK {
		l.add(lint.New(message.RuleJWKSShape, uri, "", fmt.Sprintf("status %d", a.status), "200 with a JWK Set"))
		return nil
	}
	if a.media != "application/json" && a.media != "application/jwk-set+json" {
		l.add(lint.New(message.RuleJWKSShape, uri, "", "content type "+a.media, "application/json or application/jwk-set+json"))
	}
	l.report.Findings = append(l.report.Findings, lint.Check(a.doc)...)
	return nil
}
