package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/oidcservice/oidc/cmd/internal/conversation"
	"github.com/oidcservice/oidc/cmd/internal/provider"
	"github.com/oidcservice/oidc/cmd/internal/store"
)

// opFlags are the flags of "oidc op".
type opFlags struct {
	provider.Overrides
	config, caOut       string
	logFormat, logLevel string
	check               bool
}

func (c *command) op() *cobra.Command {
	f := &opFlags{}
	cmd := &cobra.Command{
		Use:   "op [CONFIG]",
		Short: "Run a provider",
		Long: `Runs an OpenID Provider from a configuration file in YAML or JSON; docs/operate.md has one
with every member. Without one it knows the user diana (password krall), lets any client
register, and keeps everything in memory: for demonstration, not for production.

It speaks https with the certificate of tls, or with one made for the run, which --ca-out
writes to a file for "oidc walkthrough --ca-file". Behind proxies.terminate_tls, and with an
http issuer and --insecure-allow-http, it speaks plain http.

SIGTERM and SIGINT stop it: nobody new is let in, and what is being answered has
stop_timeout to end. SIGHUP has it read users, clients, keys and certificate again.

With admin.listen there are /healthz, /readyz and /metrics (Prometheus) on a listener that
is not for the public.

  oidc op op.yaml                     serve
  oidc op --check op.yaml             say what is wrong with the file; exit code 2 if anything is
  oidc op hash                        the hash of a password from stdin, for the users
  oidc op schema --store postgres:    the SQL that makes the tables of a store
  oidc op sessions list op.yaml       what is in the store; also grants, clients, and revoke`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.only("text", "json"); err != nil {
				return err
			}
			log := provider.NewLog(c.err)
			logger, err := f.logger(c, log)
			if err != nil {
				return err
			}
			setup, err := f.load(args)
			if err != nil {
				return err
			}
			if f.check {
				return c.checkedOP(setup)
			}
			defer func() { _ = log.Flush() }() // who cannot write to stderr cannot say so
			return c.serveOP(cmd.Context(), f, setup, logger)
		},
	}
	f.bind(cmd.Flags())
	cmd.AddCommand(c.opHash(), c.opSchema(), c.opSessions(), c.opGrants(), c.opClients())
	return cmd
}

func (f *opFlags) bind(fs *pflag.FlagSet) {
	fs.StringVar(&f.config, "config", "", "the configuration, YAML or JSON; the same as the argument")
	fs.BoolVar(&f.check, "check", false, "judge the configuration and do nothing else")
	fs.StringVar(&f.Listen, "listen", "", "listen: the address to listen on (default 127.0.0.1:8443)")
	fs.StringVar(&f.Issuer, "issuer", "", "issuer (default: where it listens)")
	fs.StringVar(&f.TLSCert, "tls-cert", "", "tls.certificate, PEM")
	fs.StringVar(&f.TLSKey, "tls-key", "", "tls.key, PEM")
	fs.StringVar(&f.AdminListen, "admin-listen", "", "admin.listen: the address of health and metrics (default: none)")
	fs.StringVar(&f.Store, "store", "", "store.url: "+store.Forms+" (default memory)")
	fs.StringVar(&f.StoreKeyFile, "store-key-file", "", "store.key_file: the keys that seal the store, base64, one a line; the first seals, all open")
	fs.StringVar(&f.caOut, "ca-out", "", "write the certificate that was made for the run to this file")
	fs.StringVar(&f.logFormat, "log-format", "text", "text or json")
	fs.StringVar(&f.logLevel, "log-level", "info", "debug, info, warn or error")
	fs.BoolVar(&f.InsecureAllowHTTP, "insecure-allow-http", false, "allow an http issuer; safe on a loopback interface only")
}

// load reads the configuration that the argument or --config names.
func (f *opFlags) load(args []string) (*provider.Setup, error) {
	name := f.config
	if len(args) > 0 {
		if name != "" && name != args[0] {
			return nil, &conversation.SettingError{Flag: "config", Text: "it is named by the argument already"}
		}
		name = args[0]
	}
	setup, err := provider.Load(name, f.Overrides)
	return setup, opFault(err)
}

// opFault is err as a fault of the settings, if the configuration is to blame.
func opFault(err error) error {
	if faults := provider.Faults(err); faults != nil {
		return &conversation.SettingError{Text: faults.Error()}
	}
	if errors.Is(err, provider.ErrConfig) {
		return &conversation.SettingError{Text: strings.ReplaceAll(strings.TrimPrefix(err.Error(), provider.ErrConfig.Error()+"\n"), "\n", ": ")}
	}
	return err
}

// logger writes into the log, which goes to stderr.
func (f *opFlags) logger(c *command, log *provider.Log) (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(f.logLevel)); err != nil {
		return nil, &conversation.SettingError{Flag: "log-level", Text: "want debug, info, warn or error"}
	}
	if c.quiet && level < slog.LevelWarn {
		level = slog.LevelWarn
	}
	options := &slog.HandlerOptions{Level: level}
	switch f.logFormat {
	case "text":
		return slog.New(log.Handler(slog.NewTextHandler(log, options))), nil
	case "json":
		return slog.New(log.Handler(slog.NewJSONHandler(log, options))), nil
	}
	return nil, &conversation.SettingError{Flag: "log-format", Text: "want text or json"}
}

// checkedOP tells that a configuration is good, and what an operator should know of it.
func (c *command) checkedOP(s *provider.Setup) error {
	c.spoken = true
	if c.output == "json" {
		return c.json(map[string]any{"outcome": "ok", "warnings": append([]string{}, s.Warnings...)})
	}
	for _, w := range s.Warnings {
		_, _ = fmt.Fprintln(c.err, "oidc: warning: "+w)
	}
	_, _ = fmt.Fprintln(c.out, "the configuration is good")
	return nil
}

// serveOP serves until ctx is done.
func (c *command) serveOP(ctx context.Context, f *opFlags, setup *provider.Setup, logger *slog.Logger) error {
	server, err := provider.Start(ctx, setup, logger)
	if err != nil {
		return opFault(err)
	}
	if f.caOut != "" {
		if err := os.WriteFile(f.caOut, server.CA, 0o600); err != nil {
			server.Close()
			return &conversation.SettingError{Flag: "ca-out", Text: err.Error()}
		}
	}
	reload := make(chan os.Signal, 1)
	signal.Notify(reload, syscall.SIGHUP)
	defer signal.Stop(reload)
	c.spoken = true
	if c.output == "json" {
		err = c.json(map[string]any{"outcome": "ok", "issuer": server.Issuer, "listening": addresses(server)})
	} else {
		_, err = fmt.Fprintf(c.out, "issuer %s\n", server.Issuer)
	}
	if err != nil {
		server.Close()
		return err
	}
	return server.Serve(ctx, reload)
}

func addresses(server *provider.Server) []string {
	var all []string
	for _, a := range server.Addresses() {
		all = append(all, a.String())
	}
	return all
}
