package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/oidcservice/oidc/cmd/internal/conversation"
	"github.com/oidcservice/oidc/cmd/internal/demo"
	"github.com/oidcservice/oidc/message"
)

// demoFlags are the flags of "oidc demo".
type demoFlags struct {
	demo.Config
	settings, logLevel                string
	clientSecretEnv, clientSecretFile string
}

func (c *command) demo() *cobra.Command {
	f := &demoFlags{}
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Run a demonstration relying party in the browser",
		Long: `Runs a web application whose users log in at a provider, and shows beside it every request
and response, the checks that were made, and what was learnt. A menu changes real messages on
their way, to show which rule catches it. Without --issuer the provider runs in this process
and knows the user diana, password krall.

Both speak https with a certificate made for the run, which a browser asks about once;
--ca-out writes it to a file for curl --cacert. --tls-cert and --tls-key name another. With
--insecure-allow-http they speak plain http, which is safe on a loopback interface only;
back-channel logout, front-channel logout and request_uri then cannot be had.

  oidc demo                           with a provider of its own
  oidc demo --issuer URL              with a provider out there
  oidc demo --settings settings.json  from a file; docs/demo.md has its members`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.only("text", "json"); err != nil {
				return err
			}
			return c.runDemo(cmd.Context(), f)
		},
	}
	f.bind(cmd.Flags())
	return cmd
}

func (f *demoFlags) bind(fs *pflag.FlagSet) {
	fs.StringVar(&f.settings, "settings", "", "a settings file, JSON or YAML; flags come before it")
	fs.StringVar(&f.Issuer, "issuer", "", "the provider (default: one in this process)")
	fs.StringVar(&f.ClientID, "client-id", "", "a registration made out of band (default: the application registers itself)")
	fs.StringVar(&f.clientSecretEnv, "client-secret-env", "", "the environment variable that holds the client secret")
	fs.StringVar(&f.clientSecretFile, "client-secret-file", "", "the file that holds the client secret")
	fs.StringVar(&f.Listen, "listen", "", "where the application listens (default "+demo.DefaultListen+")")
	fs.StringVar(&f.ProviderListen, "provider-listen", "", "where the provider in this process listens (default "+demo.DefaultProviderListen+")")
	fs.StringVar(&f.BaseURL, "base-url", "", "where browsers find the application (default: where it listens)")
	fs.StringVar(&f.RedirectURI, "redirect-uri", "", "the redirect URI, as registered (default: /callback of the application)")
	fs.StringVar(&f.APIEndpoint, "api", "", "an API to call with the access token (default: the one that is included)")
	fs.StringVar(&f.Scope, "scope", "", "what the form asks for at first (default \""+demo.DefaultScope+"\")")
	fs.StringVar(&f.TLSCert, "tls-cert", "", "the certificate of application and provider, PEM (default: made for the run)")
	fs.StringVar(&f.TLSKey, "tls-key", "", "its key, PEM")
	fs.StringVar(&f.CAFile, "ca-file", "", "trust roots to add, PEM")
	fs.StringVar(&f.LogoutBy, "logout-by", "", "how to learn of a logout elsewhere: backchannel, frontchannel or session (default: the first that can be had)")
	fs.StringVar(&f.CAOut, "ca-out", "", "write the certificate that was made for the run to this file")
	fs.StringVar(&f.logLevel, "log-level", "", "debug, info, warn or error (default warn)")
	fs.BoolVar(&f.InsecureAllowHTTP, "insecure-allow-http", false, "speak http, and allow an http issuer; safe on a loopback interface only")
}

// config joins the settings file and the flags, which come first.
func (f *demoFlags) config() (demo.Config, error) {
	var file demo.Config
	if f.settings != "" {
		read, debug, err := demo.ReadSettings(f.settings)
		if err != nil {
			return file, err
		}
		if file = read; debug {
			f.logLevel = cmp.Or(f.logLevel, "debug")
		}
	}
	out := f.Config
	for _, one := range []struct {
		into *string
		file string
	}{
		{&out.Issuer, file.Issuer}, {&out.ClientID, file.ClientID}, {&out.Listen, file.Listen}, {&out.BaseURL, file.BaseURL},
		{&out.RedirectURI, file.RedirectURI}, {&out.APIEndpoint, file.APIEndpoint}, {&out.Scope, file.Scope}, {&out.ACR, file.ACR},
		{&out.UILocales, file.UILocales}, {&out.SendVia, file.SendVia}, {&out.TLSCert, file.TLSCert}, {&out.TLSKey, file.TLSKey},
		{&out.CAFile, file.CAFile}, {&out.LogoutBy, file.LogoutBy},
	} {
		*one.into = cmp.Or(*one.into, one.file)
	}
	secret, err := f.secret()
	if err != nil {
		return out, err
	}
	out.ClientSecret = cmp.Or(secret, file.ClientSecret)
	return out, nil
}

func (f *demoFlags) secret() (message.Secret, error) {
	switch {
	case f.clientSecretEnv != "" && f.clientSecretFile != "":
		return "", &conversation.SettingError{Flag: "client-secret-env", Text: "want it or --client-secret-file, not both"}
	case f.clientSecretEnv != "":
		value, ok := os.LookupEnv(f.clientSecretEnv)
		if !ok || value == "" {
			return "", &conversation.SettingError{Flag: "client-secret-env", Text: "the variable is not set"}
		}
		return message.Secret(value), nil
	case f.clientSecretFile != "":
		text, err := os.ReadFile(f.clientSecretFile)
		if err != nil {
			return "", &conversation.SettingError{Flag: "client-secret-file", Text: err.Error()}
		}
		return message.Secret(strings.TrimSpace(string(text))), nil
	}
	return "", nil
}

// runDemo serves until ctx is done.
func (c *command) runDemo(ctx context.Context, f *demoFlags) error {
	config, err := f.config()
	if err != nil {
		return demoFault(err)
	}
	var level slog.Level
	if err := level.UnmarshalText([]byte(cmp.Or(f.logLevel, "warn"))); err != nil {
		return &conversation.SettingError{Flag: "log-level", Text: "want debug, info, warn or error"}
	}
	d, err := demo.Start(ctx, config, slog.New(slog.NewTextHandler(c.err, &slog.HandlerOptions{Level: level})))
	if err != nil {
		return demoFault(err)
	}
	defer d.Close()
	if f.CAOut != "" {
		if err := os.WriteFile(f.CAOut, d.CA, 0o600); err != nil {
			return &conversation.SettingError{Flag: "ca-out", Text: err.Error()}
		}
	}
	c.spoken = true
	if c.output == "json" {
		err = c.json(map[string]any{"outcome": "ok", "url": d.URL, "issuer": d.Issuer})
	} else {
		err = c.announce(d)
	}
	if err != nil {
		return err
	}
	return d.Serve(ctx)
}

// announce says where to go.
func (c *command) announce(d *demo.Demo) error {
	_, err := fmt.Fprintf(c.out, "open %s\n", d.URL)
	if c.quiet {
		return err
	}
	_, _ = fmt.Fprintf(c.err, "oidc: the provider is %s\n", d.Issuer)
	if d.CA != nil {
		_, _ = fmt.Fprintln(c.err, "oidc: the certificate was made for this run, so the browser will ask whether to trust it; --insecure-allow-http does without")
	}
	_, _ = fmt.Fprintln(c.err, "oidc: end it with Ctrl-C")
	return err
}

// demoFault is err as a fault of the settings, if those are to blame.
func demoFault(err error) error {
	if !errors.Is(err, demo.ErrConfig) {
		return err
	}
	return &conversation.SettingError{Text: strings.TrimPrefix(err.Error(), demo.ErrConfig.Error()+": ")}
}
