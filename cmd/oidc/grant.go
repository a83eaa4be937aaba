package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/oidcservice/oidc/cmd/internal/conversation"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/service"
)

// maxToken bounds what is read as a token from stdin or a file.
const maxToken = 1 << 20

// bindClient are the flags of every verb that is a client: where the provider is, who we
// are, and the transport.
func (f *walkFlags) bindClient(fs *pflag.FlagSet) {
	s := &f.s
	fs.StringVar(&s.Issuer, "issuer", "", "the provider's issuer")
	fs.StringVar(&s.Resource, "resource", "", "an identifier of a user, whose host is asked for the issuer (WebFinger)")
	fs.StringVar(&s.ClientID, "client-id", "", "the client_id of a client that is registered already")
	fs.StringVar(&f.secretEnv, "client-secret-env", "", "the environment variable that holds the client secret")
	fs.StringVar(&f.secretFil, "client-secret-file", "", "the file that holds the client secret")
	fs.StringVar(&f.clientConfig, "client-config", "", "a file with client metadata in JSON (RFC 7591), also client_id, client_secret and private jwks")
	fs.StringVar(&s.Profile, "profile", "", "the profile to keep to: openid, oauth, oauth2.1, fapi1, fapi2, fapi2-message-signing")
	fs.StringArrayVar(&f.compat, "compat", nil, "a named departure that this provider needs (repeatable)")
	fs.StringVar(&s.AuthMethod, "token-endpoint-auth-method", "", "client_secret_basic, client_secret_post, client_secret_jwt, private_key_jwt, tls_client_auth, self_signed_tls_client_auth or none")
	fs.BoolVar(&s.DPoP, "dpop", false, "bind tokens to a key (RFC 9449)")

	fs.StringVar(&s.CAFile, "ca-file", "", "a file with further trust roots, PEM")
	fs.StringVar(&s.TLSCert, "tls-cert", "", "the client certificate of mutual TLS, PEM")
	fs.StringVar(&s.TLSKey, "tls-key", "", "the key of the client certificate, PEM")
	fs.BoolVar(&s.InsecureAllowHTTP, "insecure-allow-http", false, "accept http issuers and endpoints; safe on a loopback interface only")
	fs.BoolVar(&s.InsecureAllowPrivate, "insecure-allow-private", false, "let URLs that the provider supplied lead to private addresses")
	fs.DurationVar(&s.Timeout, "timeout", 10*time.Second, "the time limit of each request")
	fs.DurationVar(&s.Deadline, "deadline", 0, "the time limit of the whole run")
}

// grant runs a verb whose request is message.
func (c *command) grant(cmd *cobra.Command, f *walkFlags, name string, m message.Message) error {
	s, err := f.settings(c, cmd.Flags())
	if err != nil {
		return err
	}
	return c.write(conversation.RunGrant(cmd.Context(), s, c.io(), conversation.Grant{
		Service: name, Message: m, Show: c.tell, Progress: c.progress(),
	}), s.CAFile)
}

// tell shows the user what a person must do, quiet or not.
func (c *command) tell(lines ...string) {
	for _, line := range lines {
		_, _ = fmt.Fprintln(c.err, line)
	}
}

// progress shows what is waited for: on a terminal in one line that changes, elsewhere
// when it changes.
func (c *command) progress() func(string) {
	if c.quiet {
		return func(string) {}
	}
	file, ok := c.err.(*os.File)
	if terminal := ok && term.IsTerminal(int(file.Fd())); terminal {
		began := time.Now()
		return func(text string) {
			_, _ = fmt.Fprintf(c.err, "\r\x1b[K%s (%v so far)", text, time.Since(began).Round(time.Second))
		}
	}
	last := ""
	return func(text string) {
		if text != last {
			_, _ = fmt.Fprintln(c.err, text)
		}
		last = text
	}
}

func (c *command) device() *cobra.Command {
	f := &walkFlags{}
	cmd := &cobra.Command{
		Use:   "device",
		Short: "Log in on a device without a browser (RFC 8628)",
		Long: `Asks for a device code, shows the address and the code to enter there, and polls until the
user has decided.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.grant(cmd, f, service.DeviceAuthorizationName, message.DeviceAuthorizationRequest{
				Scope: message.ParseList(f.s.Scope), ACRValues: message.ParseList(f.s.ACRValues), Resource: f.s.ResourceIndicators,
			})
		},
	}
	fs := cmd.Flags()
	f.bindClient(fs)
	f.bindAsked(fs)
	return cmd
}

// bindAsked are the flags of the verbs that log somebody in.
func (f *walkFlags) bindAsked(fs *pflag.FlagSet) {
	fs.StringVar(&f.s.Scope, "scope", "", "the scopes, separated by spaces (default openid)")
	fs.StringVar(&f.s.ACRValues, "acr-values", "", "the authentication contexts to ask for")
	fs.StringArrayVar(&f.s.ResourceIndicators, "resource-indicator", nil, "where the access token is to be used, RFC 8707 (repeatable)")
	fs.StringVar(&f.s.UserInfo, "userinfo", "header", "how the access token goes to UserInfo: header, body or none")
}

func (c *command) ciba() *cobra.Command {
	f := &walkFlags{}
	var hintToken, idToken, userCode, binding string
	var expiry int64
	cmd := &cobra.Command{
		Use:   "ciba",
		Short: "Log a user in on another device (CIBA, polling)",
		Long: `Asks the provider to authenticate a user on the user's own device, and polls until the user
has decided. Say who with exactly one of --login-hint, --login-hint-token-env and
--id-token-hint-env.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			m := message.BackchannelAuthenticationRequest{
				Scope: message.ParseList(f.s.Scope), ACRValues: message.ParseList(f.s.ACRValues), Resource: f.s.ResourceIndicators,
				LoginHint: f.s.LoginHint, BindingMessage: binding,
			}
			if cmd.Flags().Changed("requested-expiry") {
				m.RequestedExpiry = &expiry
			}
			for _, secret := range []struct {
				flag, name string
				into       *message.Secret
			}{
				{"login-hint-token-env", hintToken, &m.LoginHintToken}, {"id-token-hint-env", idToken, &m.IDTokenHint}, {"user-code-env", userCode, &m.UserCode},
			} {
				var err error
				if *secret.into, err = fromEnv(secret.flag, secret.name); err != nil {
					return err
				}
			}
			return c.grant(cmd, f, service.BackchannelAuthenticationName, m)
		},
	}
	fs := cmd.Flags()
	f.bindClient(fs)
	f.bindAsked(fs)
	fs.StringVar(&f.s.LoginHint, "login-hint", "", "who is to log in")
	fs.StringVar(&hintToken, "login-hint-token-env", "", "the environment variable that holds a login_hint_token")
	fs.StringVar(&idToken, "id-token-hint-env", "", "the environment variable that holds an ID Token of the user")
	fs.StringVar(&userCode, "user-code-env", "", "the environment variable that holds the user's code")
	fs.StringVar(&binding, "binding-message", "", "a text that both devices show")
	fs.Int64Var(&expiry, "requested-expiry", 0, "how many seconds the user is to have")
	return cmd
}

func (c *command) exchange() *cobra.Command {
	f := &walkFlags{}
	var subject, actor string
	var m message.TokenExchangeRequest
	var audience []string
	cmd := &cobra.Command{
		Use:   "exchange",
		Short: "Exchange a token for another (RFC 8693)",
		Long: `Exchanges the token in the environment variable of --subject-token-env, or on stdin, for
another. What is issued is printed with --show-secrets only.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			if m.SubjectToken, err = fromEnv("subject-token-env", subject); err != nil {
				return err
			}
			if m.SubjectToken == "" {
				if m.SubjectToken, err = c.tokenArgument(nil); err != nil {
					return &conversation.SettingError{Flag: "subject-token-env", Text: "name the variable that holds the token, or give one token on stdin"}
				}
			}
			if m.ActorToken, err = fromEnv("actor-token-env", actor); err != nil {
				return err
			}
			m.Audience, m.Scope, m.Resource = audience, message.ParseList(f.s.Scope), f.s.ResourceIndicators
			return c.grant(cmd, f, service.TokenExchangeName, m)
		},
	}
	fs := cmd.Flags()
	f.bindClient(fs)
	fs.StringVar(&subject, "subject-token-env", "", "the environment variable that holds the subject token (default: stdin)")
	fs.StringVar(&m.SubjectTokenType, "subject-token-type", message.TokenTypeURNAccessToken, "its type")
	fs.StringVar(&actor, "actor-token-env", "", "the environment variable that holds the actor token")
	fs.StringVar(&m.ActorTokenType, "actor-token-type", "", "its type")
	fs.StringVar(&m.RequestedTokenType, "requested-token-type", "", "the type to ask for")
	fs.StringArrayVar(&audience, "audience", nil, "who is to accept the token (repeatable)")
	fs.StringVar(&f.s.Scope, "scope", "", "the scopes, separated by spaces")
	fs.StringArrayVar(&f.s.ResourceIndicators, "resource-indicator", nil, "where the token is to be used, RFC 8707 (repeatable)")
	return cmd
}

func (c *command) introspect() *cobra.Command {
	f := &walkFlags{}
	var hint string
	cmd := &cobra.Command{
		Use:   "introspect [TOKEN]",
		Short: "Ask the provider whether a token is active (RFC 7662)",
		Long:  "Asks about the token that is given, or that stands on stdin, where other processes do not see it.",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			token, err := c.tokenArgument(args)
			if err != nil {
				return err
			}
			return c.grant(cmd, f, service.IntrospectionName, message.IntrospectionRequest{Token: token, TokenTypeHint: hint})
		},
	}
	f.bindClient(cmd.Flags())
	cmd.Flags().StringVar(&hint, "token-type-hint", "", "access_token or refresh_token")
	return cmd
}

func (c *command) revoke() *cobra.Command {
	f := &walkFlags{}
	var hint string
	cmd := &cobra.Command{
		Use:   "revoke [TOKEN]",
		Short: "Tell the provider that a token is no longer needed (RFC 7009)",
		Long:  "Revokes the token that is given, or that stands on stdin, where other processes do not see it.",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			token, err := c.tokenArgument(args)
			if err != nil {
				return err
			}
			return c.grant(cmd, f, service.RevocationName, message.RevocationRequest{Token: token, TokenTypeHint: hint})
		},
	}
	f.bindClient(cmd.Flags())
	cmd.Flags().StringVar(&hint, "token-type-hint", "", "access_token or refresh_token")
	return cmd
}

// tokenArgument is the token on the command line, or on stdin.
func (c *command) tokenArgument(args []string) (message.Secret, error) {
	text := ""
	if len(args) > 0 {
		text = args[0]
	} else {
		data, err := io.ReadAll(io.LimitReader(c.in, maxToken))
		if err != nil {
			return "", err
		}
		text = string(data)
	}
	text = strings.TrimSpace(text)
	if text == "" || strings.ContainsAny(text, " \t\r\n") {
		return "", &conversation.SettingError{Text: "want one token, as an argument or on stdin"}
	}
	return message.Secret(text), nil
}

// fromEnv reads a secret from the environment variable that a flag names.
func fromEnv(flag, name string) (message.Secret, error) {
	if name == "" {
		return "", nil
	}
	value := os.Getenv(name)
	if value == "" {
		return "", &conversation.SettingError{Flag: flag, Text: "the variable " + name + " is not set"}
	}
	return message.Secret(value), nil
}
