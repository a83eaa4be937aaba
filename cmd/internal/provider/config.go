// Package provider runs an OpenID Provider from a configuration file: users with hashed
// passwords, clients, keys that rotate, a store, and the listeners.
package provider

import (
	"cmp"
	"crypto/x509"
	_ "embed"
	"errors"
	"os"
	"slices"
	"time"

	"github.com/oidcservice/oidc/cmd/internal/settings"
	"github.com/oidcservice/oidc/endpoint"
	"github.com/oidcservice/oidc/message"
)

// A Config is a configuration file, in YAML or JSON. docs/operate.md has one with every
// member. File names in it are relative to its folder.
type Config struct {
	Issuer         string             `yaml:"issuer"`
	Listen         string             `yaml:"listen"`
	TLS            TLS                `yaml:"tls"`
	MutualTLS      *MutualTLS         `yaml:"mutual_tls"`
	Proxies        Proxies            `yaml:"proxies"`
	Admin          Admin              `yaml:"admin"`
	StopTimeout    time.Duration      `yaml:"stop_timeout"`
	Store          Store              `yaml:"store"`
	Keys           Keys               `yaml:"keys"`
	Users          map[string]Account `yaml:"users"`
	UsersFile      string             `yaml:"users_file"`
	Clients        []settings.Member  `yaml:"clients"`
	ClientsFile    string             `yaml:"clients_file"`
	Registration   Registration       `yaml:"registration"`
	TrustedIssuers []TrustedIssuer    `yaml:"trusted_issuers"`
	Lifetimes      Lifetimes          `yaml:"lifetimes"`
	Policy         Policy             `yaml:"policy"`
}

// TLS is the certificate of the server, in PEM. Without one it is made for the run.
type TLS struct {
	Certificate string `yaml:"certificate"`
	Key         string `yaml:"key"`
	// HSTS is how long browsers are told to come by https alone (RFC 6797); 0 tells them
	// nothing.
	HSTS time.Duration `yaml:"hsts"`
}

// MutualTLS says where and how clients show certificates (RFC 8705).
type MutualTLS struct {
	// Listen and BaseURL are those of a server of its own, whose addresses are published as
	// aliases. Without them the one server asks everybody for a certificate, browsers too.
	Listen  string `yaml:"listen"`
	BaseURL string `yaml:"base_url"`
	// ClientCA are the authorities of the clients' certificates. With them a client may be
	// known by a subject (tls_client_auth); by its key (self_signed_tls_client_auth) it may
	// be known without.
	ClientCA string `yaml:"client_ca"`
}

// Proxies are the reverse proxies in front.
type Proxies struct {
	Trusted           []string `yaml:"trusted"`            // address blocks
	TerminateTLS      bool     `yaml:"terminate_tls"`      // they speak http to us
	CertificateHeader string   `yaml:"certificate_header"` // where they put a client's certificate
}

// Admin is the listener for health and metrics.
type Admin struct {
	Listen string `yaml:"listen"`
}

// Store is where everything is kept.
type Store struct {
	URL     message.Secret `yaml:"url"`
	KeyFile string         `yaml:"key_file"`
}

// Keys are the provider's own keys.
type Keys struct {
	File       string        `yaml:"file"`
	Algorithms []string      `yaml:"algorithms"` // of the keys that are made
	Rotate     time.Duration `yaml:"rotate"`     // how long a key signs; 0 leaves it to the operator
	Announce   time.Duration `yaml:"announce"`   // how long it is published before
	Retain     time.Duration `yaml:"retain"`     // how long it is published after
}

// Account is a user of the users file.
type Account struct {
	Subject  string         `yaml:"sub"`       // the name if empty
	Password string         `yaml:"password"`  // its hash
	UserCode string         `yaml:"user_code"` // the hash of what keeps clients from asking by CIBA
	ACR      string         `yaml:"acr"`       // of the user's logins; policy.password_acr if empty
	Claims   map[string]any `yaml:"claims"`
}

// Registration says who may register clients.
type Registration struct {
	Mode                string           `yaml:"mode"` // off, token, open
	InitialAccessTokens []message.Secret `yaml:"initial_access_tokens"`
	PerMinute           int              `yaml:"per_minute"` // of one address; negative is no limit
	SecretLife          time.Duration    `yaml:"secret_life"`
	Resources           []string         `yaml:"resources"` // that each of them may ask for (RFC 8707)
}

// Lifetimes are those of endpoint.Lifetimes.
type Lifetimes struct {
	Code           time.Duration `yaml:"code"`
	AccessToken    time.Duration `yaml:"access_token"`
	BoundToken     time.Duration `yaml:"bound_token"`
	IDToken        time.Duration `yaml:"id_token"`
	RefreshToken   time.Duration `yaml:"refresh_token"`
	RefreshIdle    time.Duration `yaml:"refresh_idle"`
	RefreshGrace   time.Duration `yaml:"refresh_grace"`
	Session        time.Duration `yaml:"session"`
	Interaction    time.Duration `yaml:"interaction"`
	PushedRequest  time.Duration `yaml:"pushed_request"`
	DeviceCode     time.Duration `yaml:"device_code"`
	Backchannel    time.Duration `yaml:"backchannel_request"`
	ClientKeys     time.Duration `yaml:"client_keys"`
	Consent        time.Duration `yaml:"consent"`
	Interval       time.Duration `yaml:"interval"`
	AttemptsWindow time.Duration `yaml:"attempts_window"`
}

// Policy is what is offered and demanded.
type Policy struct {
	Profile              string                `yaml:"profile"`
	ResponseTypes        []string              `yaml:"response_types"`
	GrantTypes           []string              `yaml:"grant_types"`
	AuthMethods          []string              `yaml:"token_endpoint_auth_methods"`
	Scopes               map[string][]string   `yaml:"scopes"` // the claims of each
	AccessTokens         string                `yaml:"access_tokens"`
	BoundTokens          string                `yaml:"bound_tokens"`
	ACRValues            []string              `yaml:"acr_values"`   // in rising order
	PasswordACR          string                `yaml:"password_acr"` // that of a login with a password
	DeliveryModes        []string              `yaml:"backchannel_token_delivery_modes"`
	AuthorizationDetails map[string]DetailType `yaml:"authorization_details_types"`
	RequirePKCE          bool                  `yaml:"require_pkce"`
	RequirePushed        bool                  `yaml:"require_pushed_authorization_requests"`
	RequireSignedRequest bool                  `yaml:"require_signed_request_object"`
	DPoPNonce            bool                  `yaml:"dpop_nonce"`
	PairwiseSecret       message.Secret        `yaml:"pairwise_secret"`
	SessionManagement    bool                  `yaml:"session_management"`
	WebFingerHosts       []string              `yaml:"webfinger_hosts"`
	OutboundAllow        []string              `yaml:"outbound_allow"` // address blocks
	OutboundCA           string                `yaml:"outbound_ca"`    // trusted besides those of the system
	PolicyURI            string                `yaml:"op_policy_uri"`
	TOSURI               string                `yaml:"op_tos_uri"`
	ServiceDocumentation string                `yaml:"service_documentation"`
}

// Demonstration is the configuration where none is given.
//
//go:embed demonstration.yaml
var Demonstration []byte

// Overrides are settings of the command line, which come before those of the file.
type Overrides struct {
	Issuer, Listen, TLSCert, TLSKey, AdminListen, Store, StoreKeyFile string
	InsecureAllowHTTP                                                 bool
}

// A Setup is a configuration that was read and found good.
type Setup struct {
	Config
	// Name is the file, "" for the demonstration.
	Name string
	// Warnings are what an operator should know of it.
	Warnings []string

	file      *settings.File
	files     []*settings.File // it, and those that it names
	overrides Overrides
	static    staticClients
	accounts  *accountList
	keys      *keyring
	trusted   []endpoint.TrustedIssuer
	clientCAs *x509.CertPool // nil without mutual_tls.client_ca
	// outboundCAs are those of policy.outbound_ca and the system; nil are the system's.
	outboundCAs *x509.CertPool
}

// ErrConfig is what the error of Load wraps when the configuration is at fault.
var ErrConfig = errors.New("configuration")

// Load reads and judges a configuration; without a name the demonstration. Nothing is
// written, and neither the store nor the network is touched. The error tells all faults.
func Load(name string, o Overrides) (*Setup, error) {
	s := &Setup{Name: name, overrides: o}
	if name == "" {
		s.file = settings.Parse("(demonstration)", Demonstration, &s.Config)
		s.warn("there is no configuration: this provider is for demonstration, knows the user diana with the password krall and lets any client register")
	} else {
		s.file = settings.Read(name, &s.Config)
	}
	s.files = []*settings.File{s.file}
	if s.faults() == nil {
		s.override()
		s.check()
	}
	if faults := s.faults(); faults != nil {
		return nil, errors.Join(ErrConfig, faults)
	}
	return s, nil
}

// more reads a file that a member of the configuration names.
func (s *Setup) more(member, name string, into any) *settings.File {
	name = s.file.Beside(name)
	if _, err := os.Stat(name); err != nil {
		s.file.Add(member, "%v", err)
		return new(settings.File)
	}
	file := settings.Read(name, into)
	s.files = append(s.files, file)
	return file
}

// faults are those of all files, in the order of their lines, so that the same files are
// told the same faults.
func (s *Setup) faults() settings.FaultErrors {
	var all settings.FaultErrors
	for _, file := range s.files {
		slices.SortFunc(file.Faults, func(a, b *settings.FaultError) int {
			return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Text, b.Text))
		})
		all = append(all, file.Faults...)
	}
	return all
}

// Faults tells what Load found wrong, nil if err is of another kind.
func Faults(err error) settings.FaultErrors {
	var f settings.FaultErrors
	errors.As(err, &f)
	return f
}

func (s *Setup) warn(text string) { s.Warnings = append(s.Warnings, text) }

// override puts the flags in place of what the file says.
func (s *Setup) override() {
	o := s.overrides
	for _, one := range []struct {
		into *string
		flag string
	}{
		{&s.Issuer, o.Issuer}, {&s.Listen, o.Listen}, {&s.TLS.Certificate, o.TLSCert}, {&s.TLS.Key, o.TLSKey},
		{&s.Admin.Listen, o.AdminListen}, {&s.Store.KeyFile, o.StoreKeyFile},
	} {
		if one.flag != "" {
			*one.into = one.flag
		}
	}
	if o.Store != "" {
		s.Store.URL = message.Secret(o.Store)
	}
}
