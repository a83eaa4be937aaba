package provider

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/oidcservice/oidc/cmd/internal/store"
	"github.com/oidcservice/oidc/endpoint"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/state"
)

// The words of the configuration.
const (
	profileOpenID       = "openid"
	profileOAuth21      = "oauth2.1"
	profileFAPI2        = "fapi2"
	profileFAPI2Signing = "fapi2-message-signing"

	registrationOff   = "off"
	registrationToken = "token"
	registrationOpen  = "open"

	tokensOpaque = "opaque"
	tokensJWT    = "jwt"

	boundDPoP      = "dpop"
	boundMutualTLS = "mutual_tls"
)

// Defaults of the configuration.
const (
	defaultListen      = "127.0.0.1:8443"
	defaultStopTimeout = 15 * time.Second
)

// check judges what was read and fills in the defaults.
func (s *Setup) check() {
	s.oneOf("policy.profile", &s.Policy.Profile, profileOpenID, profileOAuth21, profileFAPI2, profileFAPI2Signing)
	s.oneOf("policy.access_tokens", &s.Policy.AccessTokens, tokensOpaque, tokensJWT)
	s.oneOf("policy.bound_tokens", &s.Policy.BoundTokens, "", boundDPoP, boundMutualTLS)
	s.oneOf("registration.mode", &s.Registration.Mode, registrationOff, registrationToken, registrationOpen)
	s.checkListeners()
	s.checkTLS()
	s.checkRegistration()
	s.checkLifetimes()
	s.checkPolicy()
	s.checkProfile()
	s.checkTrusted()
	s.checkStore()
	s.checkUsers()
	s.keys = s.checkKeys(time.Now())
	clients := s.readClients()
	if s.faults() != nil {
		return
	}
	s.tryOut(clients)
}

// tryOut makes a provider in memory, which judges what the members say together.
func (s *Setup) tryOut(clients []*read) {
	issuer := s.Issuer
	if issuer == "" {
		issuer = "https://op.example" // where it listens, which is not known yet
	}
	memory := new(state.Memory)
	p, err := s.build(issuer, s.keys, &registry{StoredClients: &endpoint.StoredClients{Store: memory}, setup: s}, memory, nil, nil)
	if err != nil {
		path := "policy"
		if strings.Contains(err.Error(), "Issuer") {
			path = "issuer"
		}
		s.file.Add(path, "%v", err)
		return
	}
	s.judge(clients, p.Context())
}

// oneOf judges a word; the first that is known is the default.
func (s *Setup) oneOf(path string, value *string, known ...string) {
	if *value == "" {
		*value = known[0]
	}
	if !slices.Contains(known, *value) {
		known = slices.DeleteFunc(known, func(w string) bool { return w == "" })
		s.file.Add(path, "want %s", strings.Join(known, ", "))
	}
}

func (s *Setup) checkListeners() {
	if s.Listen == "" {
		s.Listen = defaultListen
	}
	listeners := map[string]string{"listen": s.Listen, "admin.listen": s.Admin.Listen}
	if s.MutualTLS != nil {
		listeners["mutual_tls.listen"] = s.MutualTLS.Listen
	}
	for path, address := range listeners {
		if address == "" {
			continue
		}
		if _, _, err := net.SplitHostPort(address); err != nil {
			s.file.Add(path, "want HOST:PORT")
		}
	}
	if s.Issuer == "" && s.Name != "" && !strings.HasSuffix(s.Listen, ":0") {
		s.warn("there is no issuer: it is where the provider listens")
	}
	if u, err := url.Parse(s.Issuer); s.Issuer != "" && (err != nil || u.Host == "" || strings.ContainsAny(s.Issuer, "?#")) {
		s.file.Add("issuer", "want an https URL without query and fragment")
	} else if s.Issuer != "" && u.Scheme != "https" && (u.Scheme != "http" || !s.overrides.InsecureAllowHTTP) {
		s.file.Add("issuer", "want an https URL; http needs --insecure-allow-http")
	}
	if s.StopTimeout < 0 {
		s.file.Add("stop_timeout", "want a positive duration")
	}
	if !s.file.Has("stop_timeout") {
		s.StopTimeout = defaultStopTimeout
	}
	s.prefixes("proxies.trusted", s.Proxies.Trusted)
	if len(s.Proxies.Trusted) == 0 && (s.Proxies.TerminateTLS || s.Proxies.CertificateHeader != "") {
		s.file.Add("proxies.trusted", "want the address blocks of the proxies, such as [10.0.0.0/8]")
	}
}

// prefixes reads address blocks.
func (s *Setup) prefixes(path string, list []string) []netip.Prefix {
	var all []netip.Prefix
	for i, text := range list {
		prefix, err := netip.ParsePrefix(text)
		if addr, single := netip.ParseAddr(text); single == nil {
			prefix, err = addr.Prefix(addr.BitLen())
		}
		if err != nil {
			s.file.Add(fmt.Sprintf("%s[%d]", path, i), "want an address or a block of addresses, such as 10.0.0.0/8")
		}
		all = append(all, prefix)
	}
	return all
}

func (s *Setup) checkTLS() {
	if (s.TLS.Certificate == "") != (s.TLS.Key == "") {
		s.file.Add("tls", "certificate and key go together")
		return
	}
	if s.TLS.HSTS < 0 {
		s.file.Add("tls.hsts", "want a positive duration, or 0s for none")
	}
	if s.TLS.Certificate != "" {
		if _, err := s.certificate(); err != nil {
			s.file.Add("tls", "%v", err)
		}
		if s.Proxies.TerminateTLS {
			s.file.Add("tls", "not with proxies.terminate_tls")
		}
	}
	m := s.MutualTLS
	switch {
	case m == nil:
		if s.Policy.BoundTokens == boundMutualTLS {
			s.file.Add("policy.bound_tokens", "mutual_tls needs the member mutual_tls")
		}
		if s.Proxies.CertificateHeader != "" {
			s.file.Add("proxies.certificate_header", "it needs the member mutual_tls")
		}
		return
	case m.Listen != "" && m.BaseURL == "":
		s.file.Add("mutual_tls.base_url", "want the https URL at which clients reach mutual_tls.listen")
	case m.Listen == "" && m.BaseURL != "":
		s.file.Add("mutual_tls.listen", "want the HOST:PORT that mutual_tls.base_url leads to")
	case s.Proxies.TerminateTLS && s.Proxies.CertificateHeader == "":
		s.file.Add("proxies.certificate_header", "behind proxies that terminate TLS, want the header with the client's certificate")
	}
	if m.ClientCA != "" {
		pool, err := s.authorities(x509.NewCertPool(), m.ClientCA)
		if err != nil {
			s.file.Add("mutual_tls.client_ca", "%v", err)
		}
		s.clientCAs = pool
	}
}

// certificate reads the server's certificate.
func (s *Setup) certificate() (*tls.Certificate, error) {
	cert, key := s.TLS.Certificate, s.TLS.Key
	if s.overrides.TLSCert == "" {
		cert = s.file.Beside(cert)
	}
	if s.overrides.TLSKey == "" {
		key = s.file.Beside(key)
	}
	pair, err := tls.LoadX509KeyPair(cert, key)
	return &pair, err
}

// authorities adds those of a file to a pool.
func (s *Setup) authorities(pool *x509.CertPool, name string) (*x509.CertPool, error) {
	data, err := os.ReadFile(s.file.Beside(name))
	if err != nil {
		return nil, err
	}
	if !pool.AppendCertsFromPEM(data) {
		return nil, errors.New("there is no certificate in PEM in it")
	}
	return pool, nil
}

func (s *Setup) checkRegistration() {
	r := s.Registration
	switch tokens := len(r.InitialAccessTokens); {
	case r.Mode == registrationToken && tokens == 0:
		s.file.Add("registration.initial_access_tokens", "want the tokens that let a client register")
	case r.Mode != registrationToken && tokens > 0:
		s.file.Add("registration.initial_access_tokens", "they are for registration.mode token")
	case r.Mode == registrationOpen && s.Name != "":
		s.warn("registration.mode is open: whoever reaches this provider can register a client")
	}
	for i, token := range r.InitialAccessTokens {
		if len(token.Reveal()) < shortSecret {
			s.file.Add(fmt.Sprintf("registration.initial_access_tokens[%d]", i), "want at least %d characters (openssl rand -hex 32)", shortSecret)
		}
	}
	if r.SecretLife < 0 {
		s.file.Add("registration.secret_life", "want a positive duration")
	}
	for i, uri := range r.Resources {
		if u, err := url.Parse(uri); err != nil || !u.IsAbs() || strings.Contains(uri, "#") {
			s.file.Add(fmt.Sprintf("registration.resources[%d]", i), "want an absolute URI without a fragment")
		}
	}
}

// maxCode: RFC 6749, Section 4.1.2: "A maximum authorization code lifetime of 10 minutes is
// RECOMMENDED".
const maxCode = 10 * time.Minute

func (s *Setup) checkLifetimes() {
	l := s.Lifetimes
	for path, d := range map[string]time.Duration{
		"code": l.Code, "access_token": l.AccessToken, "bound_token": l.BoundToken, "id_token": l.IDToken, "refresh_token": l.RefreshToken,
		"refresh_idle": l.RefreshIdle, "session": l.Session, "interaction": l.Interaction, "pushed_request": l.PushedRequest,
		"device_code": l.DeviceCode, "backchannel_request": l.Backchannel, "client_keys": l.ClientKeys, "consent": l.Consent, "interval": l.Interval, "attempts_window": l.AttemptsWindow,
	} {
		if at := "lifetimes." + path; s.file.Has(at) && d < time.Second {
			s.file.Add(at, "want at least 1s")
		}
	}
	if l.Code > maxCode {
		s.file.Add("lifetimes.code", "want at most 10m (RFC 6749, Section 4.1.2)")
	}
	for path, d := range map[string]time.Duration{"rotate": s.Keys.Rotate, "announce": s.Keys.Announce, "retain": s.Keys.Retain} {
		if d < 0 {
			s.file.Add("keys."+path, "want a positive duration")
		}
	}
}

// What policy may name.
var (
	responseTypes = []string{
		message.ResponseTypeCode, message.ResponseTypeIDToken, message.ResponseTypeIDTokenToken,
		message.ResponseTypeCodeIDToken, message.ResponseTypeCodeToken, message.ResponseTypeCodeIDTokenToken,
		message.ResponseTypeToken, message.ResponseTypeNone,
	}
	deliveryModes = []string{message.DeliveryModePoll, message.DeliveryModePing, message.DeliveryModePush}

	grantTypes = []string{
		message.GrantTypeRefreshToken, message.GrantTypeClientCredentials, message.GrantTypeDeviceCode, message.GrantTypeCIBA,
		message.GrantTypeTokenExchange, message.GrantTypeJWTBearer,
	}
	authMethods = []string{
		message.AuthMethodClientSecretBasic, message.AuthMethodClientSecretPost, message.AuthMethodClientSecretJWT, message.AuthMethodPrivateKeyJWT,
		message.AuthMethodNone, message.AuthMethodTLSClientAuth, message.AuthMethodSelfSignedTLSClientAuth,
	}
)

func (s *Setup) checkPolicy() {
	p := s.Policy
	for i, t := range p.ResponseTypes {
		words := message.ParseList(t)
		known := func(name string) bool { return words.Equal(message.ParseList(name)) }
		if !slices.ContainsFunc(responseTypes, known) {
			s.file.Add(fmt.Sprintf("policy.response_types[%d]", i), "want %s", strings.Join(responseTypes, ", "))
		}
	}
	for i, mode := range p.DeliveryModes {
		if !slices.Contains(deliveryModes, mode) {
			s.file.Add(fmt.Sprintf("policy.backchannel_token_delivery_modes[%d]", i), "want %s", strings.Join(deliveryModes, ", "))
		}
	}
	for scope := range p.Scopes {
		if !message.IsScopeToken(scope) {
			s.file.Add("policy.scopes", "want words without spaces and quotes, got %q", scope)
		}
	}
	for path, uri := range map[string]string{"op_policy_uri": p.PolicyURI, "op_tos_uri": p.TOSURI, "service_documentation": p.ServiceDocumentation} {
		if u, err := url.Parse(uri); uri != "" && (err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "") {
			s.file.Add("policy."+path, "want the URL of a web page")
		}
	}
	for i, grant := range p.GrantTypes {
		at := fmt.Sprintf("policy.grant_types[%d]", i)
		if !slices.Contains(grantTypes, grant) {
			s.file.Add(at, "want %s; authorization_code and implicit follow from policy.response_types", strings.Join(grantTypes, ", "))
		}
	}
	for i, method := range p.AuthMethods {
		at := fmt.Sprintf("policy.token_endpoint_auth_methods[%d]", i)
		switch {
		case !slices.Contains(authMethods, method):
			s.file.Add(at, "want %s", strings.Join(authMethods, ", "))
		case method == message.AuthMethodTLSClientAuth && (s.MutualTLS == nil || s.MutualTLS.ClientCA == ""):
			s.file.Add(at, "want mutual_tls.client_ca with it, or anybody could make a certificate with a client's name")
		case method == message.AuthMethodSelfSignedTLSClientAuth && s.MutualTLS == nil:
			s.file.Add(at, "want the member mutual_tls with it")
		}
	}
	if n := len(p.PairwiseSecret.Reveal()); s.file.Has("policy.pairwise_secret") && n < 32 {
		s.file.Add("policy.pairwise_secret", "want at least 32 characters (openssl rand -hex 32) that never change")
	}
	s.prefixes("policy.outbound_allow", p.OutboundAllow)
	if p.OutboundCA != "" {
		system, err := x509.SystemCertPool()
		if err != nil {
			system = x509.NewCertPool()
		}
		if s.outboundCAs, err = s.authorities(system, p.OutboundCA); err != nil {
			s.file.Add("policy.outbound_ca", "%v", err)
		}
	}
	if p.PasswordACR != "" && !slices.Contains(p.ACRValues, p.PasswordACR) {
		s.file.Add("policy.password_acr", "want one of policy.acr_values")
	}
	if s.file.Has("policy.backchannel_token_delivery_modes") && !slices.Contains(p.GrantTypes, message.GrantTypeCIBA) {
		s.file.Add("policy.backchannel_token_delivery_modes", "they are for policy.grant_types with %s", message.GrantTypeCIBA)
	}
}

func (s *Setup) checkStore() {
	err := store.Check(s.storeURL(), s.storeKeyFile())
	var wrong *store.SettingError
	switch {
	case errors.As(err, &wrong) && wrong.KeyFile:
		s.file.Add("store.key_file", "%s", wrong.Text)
	case err != nil:
		s.file.Add("store.url", "%v", err)
	case s.storeURL() == "memory":
		if s.Name != "" {
			s.warn("store.url is memory: sessions, grants and registered clients end with this process")
		}
	case s.Store.KeyFile == "":
		s.warn("store.key_file names no file: who can read the store can read what users and clients were given")
	}
}

// storeURL is the store's URL. The file of SQLite is relative to the configuration.
func (s *Setup) storeURL() string {
	text := s.Store.URL.Reveal()
	if text == "" {
		return "memory"
	}
	if name, ok := strings.CutPrefix(text, "sqlite:"); ok && s.overrides.Store == "" {
		return "sqlite:" + s.file.Beside(name)
	}
	return text
}

func (s *Setup) storeKeyFile() string {
	if s.overrides.StoreKeyFile != "" {
		return s.Store.KeyFile
	}
	return s.file.Beside(s.Store.KeyFile)
}
