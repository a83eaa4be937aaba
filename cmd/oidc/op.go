package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"github.com/oidcservice/oidc/cmd/internal/conversation"
	"github.com/oidcservice/oidc/endpoint"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/op"
	"github.com/oidcservice/oidc/op/optest"
	"github.com/oidcservice/oidc/servicecontext"
)

// opConfig is the configuration file of "oidc op", in YAML or JSON.
type opConfig struct {
	Issuer  string               `yaml:"issuer"`
	Listen  string               `yaml:"listen"`
	TLSCert string               `yaml:"tls_cert"`
	TLSKey  string               `yaml:"tls_key"`
	Clients []map[string]any     `yaml:"clients"` // client metadata with client_id and client_secret
	Users   map[string]opAccount `yaml:"users"`   // by user name
}

type opAccount struct {
	Password string         `yaml:"password"`
	Subject  string         `yaml:"sub"`
	Claims   map[string]any `yaml:"claims"`
}

func (c *command) op() *cobra.Command {
	var file, caOut string
	var allowHTTP bool
	flags := opConfig{}
	cmd := &cobra.Command{
		Use:   "op",
		Short: "Run a provider",
		Long: `Runs an OpenID Provider. Without --config it knows the user diana (password krall), lets
any client register, and keeps everything in memory: for trying things out, not for production.

It speaks https with the certificate of --tls-cert, or one made for the run, which --ca-out
writes to a file for "oidc walkthrough --ca-file". Plain http needs --insecure-allow-http.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.only("text", "json"); err != nil {
				return err
			}
			config, err := readOPConfig(file)
			if err != nil {
				return err
			}
			config.override(&flags)
			return c.serveOP(cmd.Context(), config, allowHTTP, caOut)
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&file, "config", "", "a configuration file, YAML or JSON")
	fs.StringVar(&flags.Listen, "listen", "", "the address to listen on (default 127.0.0.1:8443)")
	fs.StringVar(&flags.Issuer, "issuer", "", "the issuer (default: where it listens)")
	fs.StringVar(&flags.TLSCert, "tls-cert", "", "the certificate, PEM")
	fs.StringVar(&flags.TLSKey, "tls-key", "", "the key of the certificate, PEM")
	fs.StringVar(&caOut, "ca-out", "", "write the certificate that was made for the run to this file")
	fs.BoolVar(&allowHTTP, "insecure-allow-http", false, "speak plain http; safe on a loopback interface only")
	return cmd
}

func readOPConfig(file string) (*opConfig, error) {
	config := &opConfig{}
	if file == "" {
		return config, nil
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, &conversation.SettingError{Flag: "config", Text: err.Error()}
	}
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	if err := d.Decode(config); err != nil && !errors.Is(err, io.EOF) {
		return nil, &conversation.SettingError{Flag: "config", Text: err.Error()}
	}
	return config, nil
}

func (o *opConfig) override(flags *opConfig) {
	for _, one := range []struct {
		into *string
		flag string
	}{{&o.Listen, flags.Listen}, {&o.Issuer, flags.Issuer}, {&o.TLSCert, flags.TLSCert}, {&o.TLSKey, flags.TLSKey}} {
		if one.flag != "" {
			*one.into = one.flag
		}
	}
	if o.Listen == "" {
		o.Listen = "127.0.0.1:8443"
	}
}

// serveOP serves until ctx is done.
func (c *command) serveOP(ctx context.Context, o *opConfig, allowHTTP bool, caOut string) error {
	l, err := net.Listen("tcp", o.Listen)
	if err != nil {
		return &conversation.SettingError{Flag: "listen", Text: err.Error()}
	}
	defer func() { _ = l.Close() }()
	if o.Issuer == "" {
		scheme := "https"
		if allowHTTP {
			scheme = "http"
		}
		o.Issuer = scheme + "://" + l.Addr().String()
	}
	handler, err := o.provider(ctx, allowHTTP)
	if err != nil {
		return err
	}
	if !allowHTTP {
		certificate, err := o.certificate(l.Addr(), caOut)
		if err != nil {
			return err
		}
		l = tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{*certificate}, MinVersion: tls.VersionTLS12, ClientAuth: tls.RequestClientCert})
	}
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 15 * time.Second,
		WriteTimeout: 15 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 64 << 10,
	}
	c.spoken = true
	if c.output == "json" {
		if err := c.json(map[string]string{"outcome": "ok", "issuer": o.Issuer}); err != nil {
			return err
		}
	} else {
		_, _ = fmt.Fprintf(c.out, "issuer %s\n", o.Issuer)
	}
	if len(o.Users) == 0 && !c.quiet {
		_, _ = fmt.Fprintf(c.err, "the user is %s, the password %s: this provider is for trying things out\n", optest.Username, optest.Password)
	}
	done := make(chan error, 1)
	go func() { done <- server.Serve(l) }()
	select {
	case err := <-done:
		return fmt.Errorf("serving: %w", err)
	case <-ctx.Done():
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return server.Shutdown(ctx)
}

// certificate is the configured one, or one made for the run.
func (o *opConfig) certificate(addr net.Addr, caOut string) (*tls.Certificate, error) {
	if o.TLSCert != "" || o.TLSKey != "" {
		pair, err := tls.LoadX509KeyPair(o.TLSCert, o.TLSKey)
		if err != nil {
			return nil, &conversation.SettingError{Flag: "tls-cert", Text: err.Error()}
		}
		return &pair, nil
	}
	host, _, err := net.SplitHostPort(addr.String())
	if err != nil {
		return nil, err
	}
	certificate, err := conversation.SelfSigned(host)
	if err != nil {
		return nil, err
	}
	if caOut != "" {
		text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Certificate[0]})
		if err := os.WriteFile(caOut, text, 0o600); err != nil {
			return nil, &conversation.SettingError{Flag: "ca-out", Text: err.Error()}
		}
	}
	return certificate, nil
}

// provider is the provider that the configuration describes.
func (o *opConfig) provider(ctx context.Context, allowHTTP bool) (http.Handler, error) {
	p, err := optest.New(func(c *op.Config) {
		c.Issuer, c.InsecureAllowHTTP = o.Issuer, allowHTTP
		if len(o.Users) > 0 {
			users := optest.Users{}
			for name, account := range o.Users {
				id := account.Subject
				if id == "" {
					id = name
				}
				users[name] = optest.Account{Password: account.Password, User: endpoint.User{ID: id, Claims: account.Claims}}
			}
			c.Users = users
		}
	})
	if err != nil {
		return nil, &conversation.SettingError{Flag: "config", Text: err.Error()}
	}
	for i, metadata := range o.Clients {
		raw, err := json.Marshal(metadata)
		if err != nil {
			return nil, &conversation.SettingError{Flag: "config", Text: fmt.Sprintf("clients[%d]: %v", i, err)}
		}
		registered := new(message.RegistrationResponse)
		if err := message.DecodeJSON(raw, registered); err != nil {
			return nil, &conversation.SettingError{Flag: "config", Text: fmt.Sprintf("clients[%d]: %v", i, err)}
		}
		if registered.ClientID == "" {
			return nil, &conversation.SettingError{Flag: "config", Text: fmt.Sprintf("clients[%d]: no client_id", i)}
		}
		if err := p.AddClient(ctx, clientOf(registered)); err != nil {
			return nil, &conversation.SettingError{Flag: "config", Text: fmt.Sprintf("clients[%d]: %v", i, err)}
		}
	}
	return p, nil
}

// clientOf turns client metadata into a client, with the defaults of Dynamic Client
// Registration 1.0, Section 2.
func clientOf(r *message.RegistrationResponse) *endpoint.Client {
	m := r.ClientMetadata
	for _, one := range []struct {
		into     *string
		standard string
	}{
		{&m.ApplicationType, message.ApplicationTypeWeb}, {&m.TokenEndpointAuthMethod, message.AuthMethodClientSecretBasic},
		{&m.IDTokenSignedResponseAlg, "RS256"}, {&m.SubjectType, message.SubjectTypePublic},
	} {
		if *one.into == "" {
			*one.into = one.standard
		}
	}
	if len(m.ResponseTypes) == 0 {
		m.ResponseTypes = []string{message.ResponseTypeCode}
	}
	if len(m.GrantTypes) == 0 {
		m.GrantTypes = servicecontext.GrantTypesOf(m.ResponseTypes)
	}
	return &endpoint.Client{ID: r.ClientID, Secret: r.ClientSecret, Metadata: m}
}
