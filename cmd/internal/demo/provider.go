package demo

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"net/http"
	"time"

	"github.com/oidcservice/oidc/endpoint"
	"github.com/oidcservice/oidc/factory"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/op"
	"github.com/oidcservice/oidc/op/optest"
	"github.com/oidcservice/oidc/service"
	"github.com/oidcservice/oidc/servicecontext"
)

// The provider inside this process knows one user, whose password is on the page, and the
// API, which may ask about tokens.
const (
	apiClientID = "demo-api"
	acrPassword = "urn:demo:password"
)

// startProvider starts the provider inside this process.
func (d *Demo) startProvider(ctx context.Context, trust *x509.CertPool, certificate *tls.Certificate) error {
	l, err := d.listen(d.config.ProviderListen)
	if err != nil {
		return err
	}
	d.Issuer = d.config.origin(d.config.ProviderListen, l.Addr())
	if host := hostOf(d.Issuer); certificate != nil && host != hostOf(d.URL) {
		if certificate, err = d.certificate(host); err != nil {
			return err
		}
		d.trust(trust, certificate)
	}
	d.embedded, err = optest.New(func(c *op.Config) {
		c.Issuer = d.Issuer
		c.InsecureAllowHTTP = d.config.InsecureAllowHTTP
		c.Logger = d.logger
		c.Users = users{c.Users}
		c.Policy.JWTAccessTokens = true
		c.Policy.ACRValues = []string{acrPassword}
		c.Policy.SessionManagement = true
		// The application is on this machine: request objects are fetched and logouts
		// are told there.
		c.Outbound = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trust, MinVersion: tls.VersionTLS12}, TLSHandshakeTimeout: 5 * time.Second}
	})
	if err != nil {
		return fmt.Errorf("the provider inside this process: %w", err)
	}
	var secret [32]byte
	if _, err := rand.Read(secret[:]); err != nil {
		return err
	}
	err = d.embedded.AddClient(ctx, &endpoint.Client{
		ID: apiClientID, Secret: message.Secret(base64.RawURLEncoding.EncodeToString(secret[:])),
		Serves: []string{d.Issuer, d.apiResource()},
		Metadata: message.ClientMetadata{
			ClientName: "The API of the demonstration", TokenEndpointAuthMethod: message.AuthMethodClientSecretBasic, ResponseTypes: []string{},
		},
	})
	if err != nil {
		return err
	}
	d.api = &protected{clientID: apiClientID, clientSecret: message.Secret(base64.RawURLEncoding.EncodeToString(secret[:]))}
	d.serve(l, certificate, d.embedded)
	return nil
}

// users say how a user was authenticated: acr_values have something to ask for.
type users struct{ endpoint.Users }

func (u users) Authenticate(ctx context.Context, username string, password message.Secret) (endpoint.Authentication, bool, error) {
	a, ok, err := u.Users.Authenticate(ctx, username, password)
	a.ACR = acrPassword
	return a, ok, err
}

// discover reads the provider's metadata once, for the choices that the page offers. The
// application does so again, as a part of the conversation.
func (d *Demo) discover(ctx context.Context) error {
	sc, err := servicecontext.New(servicecontext.Config{Issuer: d.Issuer, InsecureAllowHTTP: d.config.InsecureAllowHTTP})
	if err != nil {
		return err
	}
	services, err := factory.Build(factory.Spec{service.ProviderInfoName: factory.Config{}}, sc, nil)
	if err != nil {
		return err
	}
	runner := service.Runner{Send: d.wire.client.Send}
	if _, err := runner.Run(ctx, services.Get(service.ProviderInfoName), service.Args{}); err != nil {
		return err
	}
	d.provider = sc.Snapshot().Provider
	return nil
}
