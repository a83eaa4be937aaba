package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/oidcservice/oidc/cmd/internal/conversation"
	"github.com/oidcservice/oidc/cmd/internal/report"
	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
)

// decodeFlags are the flags of decode.
type decodeFlags struct {
	s          conversation.Settings
	jwks, keys string
	secretEnv  string
}

// A decoded is what decode prints.
type decoded struct {
	Outcome  string            `json:"outcome"`
	Error    *report.Problem   `json:"error,omitempty"`
	Header   json.RawMessage   `json:"header,omitempty"`
	Claims   json.RawMessage   `json:"claims,omitempty"`
	Times    map[string]moment `json:"times,omitempty"`
	Verified bool              `json:"verified"`
	Key      string            `json:"key,omitempty"` // the thumbprint of the key that verified
	Note     string            `json:"note,omitempty"`
}

// A moment is a NumericDate, for people.
type moment struct {
	At       string `json:"at"`
	Relative string `json:"relative"`
}

func (c *command) decode() *cobra.Command {
	f := &decodeFlags{s: conversation.Settings{UserAgent: conversation.Headless}}
	cmd := &cobra.Command{
		Use:   "decode [TOKEN]",
		Short: "Show what is in a token; verify it with --issuer or --jwks",
		Long: `Shows the header and the claims of a token, and its times relative to now. The token is
an argument or comes on stdin. Nothing is sent anywhere unless --issuer is given.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.only("text", "json"); err != nil {
				return err
			}
			text := ""
			if len(args) == 1 && args[0] != "-" {
				text = args[0]
			} else {
				data, err := c.argument(nil)
				if err != nil {
					return err
				}
				text = string(data)
			}
			text = strings.TrimSpace(text)
			if rest, ok := strings.CutPrefix(text, "Bearer "); ok {
				text = strings.TrimSpace(rest)
			}
			if text == "" {
				return &conversation.SettingError{Text: "want one token, as an argument or on stdin"}
			}
			return c.decodeToken(cmd, f, text)
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&f.s.Issuer, "issuer", "", "verify with the published keys of this issuer")
	fs.StringVar(&f.jwks, "jwks", "", "verify with the keys of this file")
	fs.StringVar(&f.keys, "keys", "", "decrypt with the private keys of this file")
	fs.StringVar(&f.secretEnv, "client-secret-env", "", "verify HS256 and its kin with the secret in this environment variable")
	fs.StringVar(&f.s.CAFile, "ca-file", "", "a file with further trust roots, PEM")
	fs.BoolVar(&f.s.InsecureAllowHTTP, "insecure-allow-http", false, "accept an http issuer; safe on a loopback interface only")
	fs.BoolVar(&f.s.InsecureAllowPrivate, "insecure-allow-private", false, "let URLs that the provider supplied lead to private addresses")
	fs.DurationVar(&f.s.Timeout, "timeout", 10*time.Second, "the time limit of each request")
	return cmd
}

func (c *command) decodeToken(cmd *cobra.Command, f *decodeFlags, text string) error {
	d := &decoded{Outcome: report.OK}
	err := d.read(f, text)
	if err == nil {
		err = d.verify(cmd, c, f, text)
	}
	if err != nil {
		d.Error = conversation.ProblemOf(err, false)
		d.Outcome = d.Error.Kind
	}
	c.spoken = true
	c.exit = d.Error.ExitCode()
	if c.output == "json" {
		return c.json(d)
	}
	d.text(c)
	return nil
}

// read takes the token apart, after decrypting it where that is possible.
func (d *decoded) read(f *decodeFlags, text string) error {
	if !keyjar.IsEncrypted(text) {
		t, err := keyjar.Parse(text)
		if err != nil {
			return err
		}
		d.show(text, t.Payload)
		return nil
	}
	h, err := keyjar.ParseHeader(text)
	if err != nil {
		return err
	}
	d.show(text, nil)
	if f.keys == "" {
		d.Note = "the token is encrypted; --keys decrypts it"
		return nil
	}
	set, err := readPrivate(f.keys)
	if err != nil {
		return err
	}
	policy := keyjar.DecryptPolicy{Algs: []string{h.Algorithm}, Encs: []string{h.Encryption}}
	payload, _, err := set.Decrypt(text, policy)
	if err != nil {
		return err
	}
	if t, err := keyjar.Parse(string(payload)); err == nil {
		d.show(string(payload), t.Payload)
		d.Note = "decrypted; what is shown is the signed token inside"
		return nil
	}
	d.Claims = jsonOrText(payload)
	d.times()
	return nil
}

func (d *decoded) show(text string, payload []byte) {
	head, _, _ := strings.Cut(text, ".")
	if raw, err := base64url(head); err == nil {
		d.Header = jsonOrText(raw)
	}
	if payload != nil {
		d.Claims = jsonOrText(payload)
		d.times()
	}
}

func jsonOrText(data []byte) json.RawMessage {
	if json.Valid(data) {
		return data
	}
	text, _ := json.Marshal(string(data))
	return text
}

// times says when the token's times are, seen from now.
func (d *decoded) times() {
	var claims map[string]any
	if json.Unmarshal(d.Claims, &claims) != nil {
		return
	}
	d.Times = map[string]moment{}
	for _, name := range timeClaims {
		seconds, ok := claims[name].(float64)
		if !ok || seconds < 0 || seconds > 1e11 {
			continue
		}
		at := time.Unix(int64(seconds), 0).UTC()
		d.Times[name] = moment{At: at.Format(time.RFC3339), Relative: relative(time.Until(at))}
	}
}

var timeClaims = []string{"iat", "nbf", "auth_time", "updated_at", "exp"}

func relative(d time.Duration) string {
	past := d < 0
	if past {
		d = -d
	}
	text := d.Round(time.Second).String()
	if d >= 48*time.Hour {
		text = fmt.Sprintf("%d days", int(d.Hours()/24))
	}
	if past {
		return text + " ago"
	}
	return "in " + text
}

// verify checks the signature when it was told with what.
func (d *decoded) verify(cmd *cobra.Command, c *command, f *decodeFlags, text string) error {
	if f.s.Issuer == "" && f.jwks == "" && f.secretEnv == "" || keyjar.IsEncrypted(text) {
		return nil
	}
	t, err := keyjar.Parse(text)
	if err != nil {
		return err
	}
	set, algs, err := d.keysFor(cmd, c, f)
	if err != nil {
		return err
	}
	key, err := set.Verify(t, algs)
	if err != nil {
		return err
	}
	if f.s.Issuer != "" {
		var claims struct {
			Issuer string `json:"iss"`
		}
		_ = json.Unmarshal(t.Payload, &claims)
		if claims.Issuer != f.s.Issuer {
			return &message.Violation{Rule: message.RuleIDTokenIss, Param: "iss", Got: claims.Issuer, Want: f.s.Issuer}
		}
	}
	d.Verified = true
	if !keyjar.IsSymmetric(t.Header.Algorithm) {
		d.Key = key.Thumbprint()
	}
	return nil
}

// keysFor returns the keys and the algorithms to accept. The token has no say in
// either.
func (d *decoded) keysFor(cmd *cobra.Command, c *command, f *decodeFlags) (*keyjar.Set, []string, error) {
	asymmetric := slices.DeleteFunc(keyjar.SigningAlgorithms(), keyjar.IsSymmetric)
	switch {
	case f.secretEnv != "":
		secret := os.Getenv(f.secretEnv)
		if secret == "" {
			return nil, nil, &conversation.SettingError{Flag: "client-secret-env", Text: "the variable " + f.secretEnv + " is not set"}
		}
		return keyjar.NewSecret([]byte(secret)), []string{"HS256", "HS384", "HS512"}, nil
	case f.jwks != "":
		data, err := os.ReadFile(f.jwks)
		if err != nil {
			return nil, nil, &conversation.SettingError{Flag: "jwks", Text: err.Error()}
		}
		set, _, err := keyjar.ParseSet(data)
		if err != nil {
			return nil, nil, &conversation.SettingError{Flag: "jwks", Text: err.Error()}
		}
		return set, asymmetric, nil
	}
	r, set, provider := conversation.Keys(cmd.Context(), f.s, c.io())
	if r.Problem != nil {
		return nil, nil, r.Problem.Cause
	}
	if supported := provider.IDTokenSigningAlgs; len(supported) > 0 {
		asymmetric = slices.DeleteFunc(asymmetric, func(alg string) bool { return !slices.Contains(supported, alg) })
	}
	return set, asymmetric, nil
}

func (d *decoded) text(c *command) {
	show := func(name string, raw json.RawMessage) {
		if len(raw) > 0 {
			_, _ = fmt.Fprintf(c.out, "%s\n%s\n\n", name, report.Readable(string(raw)))
		}
	}
	show("header", d.Header)
	show("claims", d.Claims)
	if len(d.Times) > 0 {
		_, _ = fmt.Fprintln(c.out, "times")
		for _, name := range timeClaims {
			if m, ok := d.Times[name]; ok {
				_, _ = fmt.Fprintf(c.out, "  %-11s %s  %s\n", name, m.At, m.Relative)
			}
		}
		_, _ = fmt.Fprintln(c.out)
	}
	switch {
	case d.Error != nil:
		_, _ = fmt.Fprintf(c.out, "refused: %s\n", report.Readable(d.Error.Message))
		_, _ = fmt.Fprintln(c.err, "oidc: "+report.Readable(d.Error.Message))
	case d.Verified:
		_, _ = fmt.Fprintln(c.out, "the signature is good")
	default:
		_, _ = fmt.Fprintln(c.out, "the signature was not verified: give --issuer or --jwks")
	}
	if d.Note != "" {
		_, _ = fmt.Fprintln(c.out, d.Note)
	}
}
