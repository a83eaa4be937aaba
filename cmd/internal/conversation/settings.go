// Package conversation runs a whole login: it builds the services from settings,
// drives them with a transport or a recording, and reports what happened.
package conversation

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/service"
	"github.com/oidcservice/oidc/servicecontext"
)

// Settings are what a run is told, under the names of the command line's flags. In
// a recording they are stored, so that the same services can be built again.
type Settings struct {
	// Where.
	Issuer   string `json:"issuer,omitempty"`
	Resource string `json:"resource,omitempty"`
	Embedded bool   `json:"embedded,omitempty"`

	// Who we are.
	ClientID     string         `json:"client_id,omitempty"`
	ClientSecret string         `json:"client_secret,omitempty"`
	ClientConfig RawJSON        `json:"client_config,omitempty"`
	Keys         RawJSON        `json:"keys,omitempty"`     // private JWK Set, made for the run
	DPoPKey      RawJSON        `json:"dpop_key,omitempty"` // the same, of one key
	Profile      string         `json:"profile,omitempty"`
	Compat       map[string]any `json:"compat,omitempty"`

	// What we ask.
	ResponseType       string   `json:"response_type,omitempty"`
	ResponseMode       string   `json:"response_mode,omitempty"`
	Scope              string   `json:"scope,omitempty"`
	RedirectURI        string   `json:"redirect_uri,omitempty"`
	MaxAge             *int     `json:"max_age,omitempty"`
	Prompt             string   `json:"prompt,omitempty"`
	ACRValues          string   `json:"acr_values,omitempty"`
	UILocales          string   `json:"ui_locales,omitempty"`
	LoginHint          string   `json:"login_hint,omitempty"`
	Claims             string   `json:"claims,omitempty"`
	Params             []string `json:"param,omitempty"`
	ResourceIndicators []string `json:"resource_indicator,omitempty"`
	AuthMethod         string   `json:"token_endpoint_auth_method,omitempty"`
	RequestMethod      string   `json:"request_method,omitempty"`
	RequestURIBase     string   `json:"request_uri_base,omitempty"`
	PKCE               string   `json:"pkce,omitempty"`
	DPoP               bool     `json:"dpop,omitempty"`
	GrantType          string   `json:"grant_type,omitempty"` // to register for, beside those of the response type

	// How far.
	UserInfo      string `json:"userinfo,omitempty"`
	UserInfoAsked bool   `json:"userinfo_asked,omitempty"` // the user named it, it is not the default
	Refresh       bool   `json:"refresh,omitempty"`
	Revoke        bool   `json:"revoke,omitempty"`
	Introspect    bool   `json:"introspect,omitempty"`
	Logout        bool   `json:"logout,omitempty"`
	Logins        int    `json:"logins,omitempty"`
	Until         string `json:"until,omitempty"`
	Resume        string `json:"resume,omitempty"`

	// The browser.
	UserAgent string   `json:"user_agent,omitempty"`
	Form      []string `json:"-"`

	// Transport.
	CAFile               string        `json:"-"`
	TLSCert              string        `json:"-"`
	TLSKey               string        `json:"-"`
	InsecureAllowHTTP    bool          `json:"insecure_allow_http,omitempty"`
	InsecureAllowPrivate bool          `json:"insecure_allow_private,omitempty"`
	Timeout              time.Duration `json:"-"`
	Deadline             time.Duration `json:"-"`

	// State.
	Store        string `json:"-"`
	StoreKeyFile string `json:"-"`
}

// RawJSON is JSON that travels as it is.
type RawJSON = json.RawMessage

// The user agents of --user-agent.
const (
	Headless = "headless"
	Browser  = "browser"
	Print    = "print"
)

// ErrSettings is what every fault of the settings wraps.
var ErrSettings = errors.New("settings")

// A fault of the settings names the flag.
func fault(flag, format string, args ...any) error {
	return &SettingError{Flag: flag, Text: fmt.Sprintf(format, args...)}
}

// A SettingError is a fault of one setting.
type SettingError struct{ Flag, Text string }

// Error names the flag and says what is wrong.
func (e *SettingError) Error() string {
	if e.Flag == "" {
		return e.Text
	}
	return "--" + e.Flag + ": " + e.Text
}

// Unwrap returns ErrSettings.
func (e *SettingError) Unwrap() error { return ErrSettings }

// StepNames are the values of --until: the steps of a conversation in their order.
func StepNames() []string {
	return []string{"webfinger", "provider_info", "server_metadata", "registration", "authorization", "accesstoken", "userinfo", "refresh_token", "introspection", "revocation", "end_session"}
}

// check judges what can be judged before anything is built.
func (s *Settings) check() error {
	for _, one := range []struct {
		flag, value string
		known       []string
	}{
		{"pkce", s.PKCE, []string{"S256", "none"}},
		{"userinfo", s.UserInfo, []string{"header", "body", "none"}},
		{"request-method", s.RequestMethod, []string{"query", "request", "request_uri", "par"}},
		{"user-agent", s.UserAgent, []string{Headless, Browser, Print}},
		{"token-endpoint-auth-method", s.AuthMethod, []string{
			message.AuthMethodClientSecretBasic, message.AuthMethodClientSecretPost, message.AuthMethodClientSecretJWT,
			message.AuthMethodPrivateKeyJWT, message.AuthMethodNone, message.AuthMethodTLSClientAuth, message.AuthMethodSelfSignedTLSClientAuth,
		}},
		{"until", s.Until, StepNames()},
	} {
		if one.value != "" && !slices.Contains(one.known, one.value) {
			return fault(one.flag, "unknown value %q; known are %s", one.value, strings.Join(one.known, ", "))
		}
	}
	switch {
	case s.ClientSecret != "" && s.ClientID == "" && len(s.ClientConfig) == 0:
		return fault("client-id", "a client secret without a client_id")
	case s.ClientID != "" && len(s.ClientConfig) > 0:
		return fault("client-config", "give --client-id or a client configuration, not both")
	case s.Logins < 1 || s.Logins > 1000:
		return fault("logins", "want 1 to 1000")
	case s.Logins > 1 && s.Resume != "":
		return fault("logins", "one login is resumed at a time")
	case s.MaxAge != nil && *s.MaxAge < 0:
		return fault("max-age", "want a number of seconds, 0 or more")
	case s.Timeout < 0 || s.Deadline < 0:
		return fault("timeout", "want a positive duration")
	case s.RequestMethod == "request_uri" && s.RequestURIBase == "" && !s.Embedded && (s.Issuer != "" || s.Resource != ""):
		return fault("request-uri-base", "say where the request object is served, with --request-method request_uri")
	case s.RequestMethod != "request_uri" && s.RequestURIBase != "":
		return fault("request-uri-base", "it is for --request-method request_uri")
	case (s.TLSCert == "") != (s.TLSKey == ""):
		return fault("tls-cert", "it goes together with --tls-key")
	}
	if s.RedirectURI != "" {
		if u, err := url.Parse(s.RedirectURI); err != nil || u.Scheme == "" || strings.Contains(s.RedirectURI, "#") {
			return fault("redirect-uri", "want an absolute URI without fragment")
		}
	}
	return nil
}

// authorizationValues are the parameters of the authorization request that the
// settings name, --param included.
func (s *Settings) authorizationValues() (url.Values, error) {
	v := url.Values{}
	set := func(name, value string) {
		if value != "" {
			v.Set(name, value)
		}
	}
	set("response_type", s.ResponseType)
	set("response_mode", s.ResponseMode)
	set("scope", s.Scope)
	set("prompt", s.Prompt)
	set("acr_values", s.ACRValues)
	set("ui_locales", s.UILocales)
	set("login_hint", s.LoginHint)
	set("claims", s.Claims)
	if s.MaxAge != nil {
		v.Set("max_age", fmt.Sprint(*s.MaxAge))
	}
	for _, r := range s.ResourceIndicators {
		v.Add("resource", r)
	}
	for _, p := range s.Params {
		name, value, ok := strings.Cut(p, "=")
		if !ok || name == "" {
			return nil, fault("param", "want name=value, got %q", p)
		}
		if v.Has(name) && name != "resource" {
			return nil, fault("param", "%s has a flag of its own, or was given twice", name)
		}
		v.Add(name, value)
	}
	return v, nil
}

// formValues are the values of --form.
func (s *Settings) formValues() (url.Values, error) {
	v := url.Values{}
	for _, p := range s.Form {
		name, value, ok := strings.Cut(p, "=")
		if !ok || name == "" {
			return nil, fault("form", "want name=value, got a value without a name")
		}
		v.Add(name, value)
	}
	return v, nil
}

// mode is the response mode that the settings ask for.
func (s *Settings) mode() message.ResponseMode {
	switch {
	case s.ResponseMode != "":
		return message.ResponseMode(s.ResponseMode)
	case s.frontTokens() || slices.Contains(strings.Fields(s.ResponseType), "id_token"):
		return message.ResponseModeFragment
	}
	return message.ResponseModeQuery
}

// metadataService is where the provider describes itself: plain OAuth has an address
// of its own (RFC 8414, Section 3).
func (s *Settings) metadataService() string {
	if s.Profile == string(servicecontext.ProfileOAuth) {
		return service.ServerMetadataName
	}
	return service.ProviderInfoName
}

// frontTokens tells whether the response type was named by the user to return an
// access token in front, which is the opt-in that it needs.
func (s *Settings) frontTokens() bool {
	return slices.Contains(strings.Fields(s.ResponseType), "token")
}

// hasCode tells whether a code is asked for.
func (s *Settings) hasCode() bool {
	return s.ResponseType == "" || slices.Contains(strings.Fields(s.ResponseType), "code")
}
