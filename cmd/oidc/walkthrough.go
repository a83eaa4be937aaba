package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/oidcservice/oidc/cmd/internal/conversation"
	"github.com/oidcservice/oidc/cmd/internal/report"
	"github.com/oidcservice/oidc/cmd/internal/store"
	"github.com/oidcservice/oidc/service/transcript"
)

// walkFlags are the flags of walkthrough.
type walkFlags struct {
	s                    conversation.Settings
	secretEnv, secretFil string
	clientConfig         string
	maxAge               int
	compat               []string
	script, record       string
}

// bind are the flags of a login, beside those of every client.
func (f *walkFlags) bind(fs *pflag.FlagSet) {
	f.bindClient(fs)
	s := &f.s
	fs.StringVar(&s.ResponseType, "response-type", "", "the response type (default code); one with token or id_token must be named")
	fs.StringVar(&s.ResponseMode, "response-mode", "", "query, fragment or form_post; query.jwt, fragment.jwt, form_post.jwt or jwt for a signed response (JARM)")
	fs.StringVar(&s.Scope, "scope", "", "the scopes, separated by spaces (default openid)")
	fs.StringVar(&s.RedirectURI, "redirect-uri", "", "our redirect URI")
	fs.IntVar(&f.maxAge, "max-age", 0, "the longest time in seconds since the user authenticated")
	fs.StringVar(&s.Prompt, "prompt", "", "none, login, consent, select_account, create")
	fs.StringVar(&s.ACRValues, "acr-values", "", "the authentication contexts to ask for")
	fs.StringVar(&s.UILocales, "ui-locales", "", "the languages to ask for")
	fs.StringVar(&s.LoginHint, "login-hint", "", "who will log in")
	fs.StringVar(&s.Claims, "claims", "", "the claims parameter, in JSON")
	fs.StringArrayVar(&s.Params, "param", nil, "a further parameter, name=value (repeatable)")
	fs.StringArrayVar(&s.ResourceIndicators, "resource-indicator", nil, "where the access token is to be used, RFC 8707 (repeatable)")
	fs.StringVar(&s.RequestMethod, "request-method", "query", "query, request, request_uri or par")
	fs.StringVar(&s.RequestURIBase, "request-uri-base", "", "where a hosted request object is served")
	fs.StringVar(&s.PKCE, "pkce", "S256", "S256 or none")

	fs.StringVar(&s.UserInfo, "userinfo", "header", "how the access token goes to UserInfo: header, body or none")
	fs.BoolVar(&s.Refresh, "refresh", false, "use the refresh token")
	fs.BoolVar(&s.Revoke, "revoke", false, "revoke the tokens")
	fs.BoolVar(&s.Introspect, "introspect", false, "introspect the access token")
	fs.BoolVar(&s.Logout, "logout", false, "log out at the provider")
	fs.IntVar(&s.Logins, "logins", 1, "logins in one service context")
	fs.StringVar(&s.Until, "until", "", "the last step: "+strings.Join(conversation.StepNames(), ", "))
	fs.StringVar(&s.Resume, "resume", "", "go on with the login of that state, from the same --store")

	fs.StringVar(&s.UserAgent, "user-agent", "", "headless, browser or print (default headless without a terminal or issuer)")
	fs.StringArrayVar(&s.Form, "form", nil, "what the headless browser fills in, name=value (repeatable)")

	fs.StringVar(&s.Store, "store", "memory", "where logins are remembered: "+store.Forms)
	fs.StringVar(&s.StoreKeyFile, "store-key-file", "", "a file with the keys that seal what is in --store, base64, one a line; the first seals, all open")
	fs.StringVar(&f.script, "script", "", "a YAML file with settings, steps and expectations")
	fs.StringVar(&f.record, "record", "", "write the conversation to this file, for replay; it holds every secret")
}

func (c *command) walkthrough() *cobra.Command {
	f := &walkFlags{}
	cmd := &cobra.Command{
		Use:   "walkthrough",
		Short: "Run a whole login, step by step, and show it",
		Long: `Runs a whole OpenID Connect login and shows every step: why it is made, what is sent,
what comes back, which rules were checked, and what was learnt.

Without --issuer and --resource the provider runs inside this process: no network and no
configuration are needed.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var script *conversation.Script
			if f.script != "" {
				var err error
				if script, err = readScript(cmd.Flags(), f.script); err != nil {
					return err
				}
			}
			s, err := f.settings(c, cmd.Flags())
			if err != nil {
				return err
			}
			var record conversation.Record
			if f.record != "" {
				record = func(t *transcript.Transcript) error { return writeTranscript(f.record, t) }
			}
			return c.write(have(cmd.Context(), script, s, c.io(), record), s.CAFile)
		},
	}
	f.bind(cmd.Flags())
	return cmd
}

func have(ctx context.Context, script *conversation.Script, s conversation.Settings, io conversation.IO, record conversation.Record) *report.Report {
	if script != nil {
		return conversation.RunScript(ctx, script, s, io, record)
	}
	return conversation.Run(ctx, s, io, record)
}

// readScript reads a script and sets the flags that it names; those of the command
// line come first.
func readScript(fs *pflag.FlagSet, file string) (*conversation.Script, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, &conversation.SettingError{Flag: "script", Text: err.Error()}
	}
	script, err := conversation.ParseScript(data)
	if err != nil {
		return nil, err
	}
	for name, values := range script.Flags() {
		flag := fs.Lookup(name)
		if flag == nil || name == "script" || name == "record" {
			return nil, &conversation.SettingError{Flag: "script", Text: fmt.Sprintf("settings: unknown setting %q", name)}
		}
		if flag.Changed {
			continue
		}
		for _, value := range values {
			if err := fs.Set(name, value); err != nil {
				return nil, &conversation.SettingError{Flag: "script", Text: fmt.Sprintf("settings: %s: %v", name, err)}
			}
		}
	}
	return script, nil
}

// settings reads what the flags name.
func (f *walkFlags) settings(c *command, fs *pflag.FlagSet) (conversation.Settings, error) {
	s := f.s
	if fs.Changed("max-age") {
		s.MaxAge = &f.maxAge
	}
	for _, name := range []string{"issuer", "resource"} {
		// A variable that is not set must not lead to the embedded provider.
		if flag := fs.Lookup(name); flag.Changed && flag.Value.String() == "" {
			return s, &conversation.SettingError{Flag: name, Text: "it is empty"}
		}
	}
	s.UserInfoAsked = fs.Changed("userinfo") && s.UserInfo != "none"
	if fs.Changed("timeout") && s.Timeout <= 0 {
		return s, &conversation.SettingError{Flag: "timeout", Text: "want a positive duration"}
	}
	var err error
	if s.Compat, err = conversation.ParseCompat(f.compat); err != nil {
		return s, err
	}
	if f.secretEnv != "" && f.secretFil != "" {
		return s, &conversation.SettingError{Flag: "client-secret-env", Text: "give it or --client-secret-file, not both"}
	}
	if f.secretEnv != "" {
		value, ok := os.LookupEnv(f.secretEnv)
		if !ok || value == "" {
			return s, &conversation.SettingError{Flag: "client-secret-env", Text: "the variable " + f.secretEnv + " is not set"}
		}
		s.ClientSecret = value
	}
	if f.secretFil != "" {
		data, err := os.ReadFile(f.secretFil)
		if err != nil {
			return s, &conversation.SettingError{Flag: "client-secret-file", Text: err.Error()}
		}
		if s.ClientSecret = strings.TrimRight(string(data), "\r\n"); s.ClientSecret == "" {
			return s, &conversation.SettingError{Flag: "client-secret-file", Text: "the file is empty"}
		}
	}
	if f.clientConfig != "" {
		if s.ClientConfig, err = jsonArgument(f.clientConfig); err != nil {
			return s, &conversation.SettingError{Flag: "client-config", Text: err.Error()}
		}
	}
	if s.UserAgent == "" {
		s.UserAgent = conversation.Headless
		if _, terminal := c.terminal(); terminal && (s.Issuer != "" || s.Resource != "" || s.Resume != "") {
			s.UserAgent = conversation.Browser
		}
	}
	return s, nil
}

// jsonArgument reads a file, or takes JSON as it is: scripts bring it along.
func jsonArgument(value string) ([]byte, error) {
	if strings.HasPrefix(strings.TrimSpace(value), "{") {
		return []byte(value), nil
	}
	return os.ReadFile(value)
}

// writeTranscript writes a recording that only its owner may read.
func writeTranscript(file string, t *transcript.Transcript) error {
	data, err := t.Encode()
	if err != nil {
		return err
	}
	if err := os.WriteFile(file, data, 0o600); err != nil {
		return &conversation.SettingError{Flag: "record", Text: err.Error()}
	}
	return nil
}
