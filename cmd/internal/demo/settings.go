package demo

import (
	"fmt"

	"github.com/oidcservice/oidc/cmd/internal/settings"
	"github.com/oidcservice/oidc/message"
)

// file has the members of a settings file.
type file struct {
	Issuer       string         `yaml:"issuer"`
	ClientID     string         `yaml:"client_id"`
	ClientSecret message.Secret `yaml:"client_secret"`
	BaseURL      string         `yaml:"base_url"`
	RedirectURI  string         `yaml:"redirect_uri"`
	Listen       string         `yaml:"listen"`
	APIEndpoint  string         `yaml:"api_endpoint"`
	Scope        string         `yaml:"scope"`
	ACR          string         `yaml:"acr"`
	UILocales    string         `yaml:"ui_locales"`
	SendVia      string         `yaml:"send_parameters_via"`
	LogoutBy     string         `yaml:"logout_by"`
	CAFile       string         `yaml:"ca_file"`
	TLSCert      string         `yaml:"tls_cert"`
	TLSKey       string         `yaml:"tls_key"`
	VerifyServer *bool          `yaml:"verify_ssl_server"`
	Debug        bool           `yaml:"debug"`
}

// ReadSettings reads a settings file, in JSON or YAML. The error tells all its faults. Debug
// reports whether it asks for the log of everything.
func ReadSettings(name string) (c Config, debug bool, err error) {
	var s file
	f := settings.Read(name, &s)
	if s.VerifyServer != nil && !*s.VerifyServer {
		f.Add("verify_ssl_server", "the verification of TLS cannot be turned off: whoever answers could be anybody. "+
			"Name the authority of the server's certificate in ca_file instead")
	}
	if len(f.Faults) > 0 {
		return Config{}, false, fmt.Errorf("%w: %w", ErrConfig, f.Err())
	}
	return Config{
		Issuer: s.Issuer, ClientID: s.ClientID, ClientSecret: s.ClientSecret, BaseURL: s.BaseURL, RedirectURI: s.RedirectURI,
		Listen: s.Listen, APIEndpoint: s.APIEndpoint, Scope: s.Scope, ACR: s.ACR, UILocales: s.UILocales, SendVia: s.SendVia, LogoutBy: s.LogoutBy,
		CAFile: f.Beside(s.CAFile), TLSCert: f.Beside(s.TLSCert), TLSKey: f.Beside(s.TLSKey),
	}, s.Debug, nil
}
