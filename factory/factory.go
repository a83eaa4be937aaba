package factory

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/oidcservice/oidc/clientauth"
	"github.com/oidcservice/oidc/service"
	"github.com/oidcservice/oidc/servicecontext"
	"github.com/oidcservice/oidc/state"
)

// A Constructor makes one service in its environment. It must not fail for lack of
// facts that another service learns later.
type Constructor func(env service.Env) (service.Service, error)

// A Factory knows how to make services by their names. Make one with Standard.
type Factory struct {
	constructors map[string]Constructor
}

// standard lists the services of this module with the class names that the Python
// original has for them.
var standard = []struct {
	name, class string
	make        func(service.Env) service.Service
}{
	{service.WebFingerName, "WebFinger", service.NewWebFinger},
	{service.ProviderInfoName, "ProviderInfoDiscovery", service.NewProviderInfo},
	{service.ServerMetadataName, "ServerMetadata", service.NewServerMetadata},
	{service.JWKSName, "JWKS", service.NewJWKS},
	{service.RegistrationName, "Registration", service.NewRegistration},
	{service.RegistrationReadName, "RegistrationRead", service.NewRegistrationRead},
	{service.RegistrationUpdateName, "RegistrationUpdate", service.NewRegistrationUpdate},
	{service.RegistrationDeleteName, "RegistrationDelete", service.NewRegistrationDelete},
	{service.AuthorizationName, "Authorization", service.NewAuthorization},
	{service.PushedAuthorizationName, "PushedAuthorization", service.NewPushedAuthorization},
	{service.AccessTokenName, "AccessToken", service.NewAccessToken},
	{service.RefreshTokenName, "RefreshAccessToken", service.NewRefreshToken},
	{service.UserInfoName, "UserInfo", service.NewUserInfo},
	{service.ClaimsSourceName, "ClaimsSource", service.NewClaimsSource},
	{service.BackchannelLogoutName, "BackChannelLogout", service.NewBackchannelLogout},
	{service.FrontchannelLogoutName, "FrontChannelLogout", service.NewFrontchannelLogout},
	{service.CheckSessionName, "CheckSession", service.NewCheckSession},
	{service.InitiateLoginName, "InitiateLogin", service.NewInitiateLogin},
	{service.EndSessionName, "EndSession", service.NewEndSession},
	{service.ClientCredentialsName, "CCAccessToken", service.NewClientCredentials},
	{service.TokenExchangeName, "TokenExchange", service.NewTokenExchange},
	{service.JWTBearerName, "JWTBearer", service.NewJWTBearer},
	{service.DeviceAuthorizationName, "DeviceAuthorization", service.NewDeviceAuthorization},
	{service.DeviceTokenName, "DeviceAccessToken", service.NewDeviceToken},
	{service.BackchannelAuthenticationName, "BackChannelAuthentication", service.NewBackchannelAuthentication},
	{service.CIBATokenName, "BackChannelAccessToken", service.NewCIBAToken},
	{service.ClientNotificationName, "ClientNotification", service.NewClientNotification},
	{service.IntrospectionName, "Introspection", service.NewIntrospection},
	{service.RevocationName, "TokenRevocation", service.NewRevocation},
	{service.ResourceName, "Resource", service.NewResource},
	{service.ResourceMetadataName, "ResourceMetadata", service.NewResourceMetadata},
}

// aliases are further names of the original.
var aliases = map[string]string{"token_revocation": service.RevocationName}

// Standard returns a new Factory that knows every service of this module, under
// its own name and under the original's class name.
func Standard() *Factory {
	f := &Factory{constructors: map[string]Constructor{}}
	for _, s := range standard {
		f.Register(s.name, func(env service.Env) (service.Service, error) {
			if err := checkClientAuth(s.name, env.Settings.ClientAuth); err != nil {
				return nil, err
			}
			return s.make(env), nil
		})
	}
	return f
}

// checkClientAuth refuses a way to authenticate that a service does not know.
func checkClientAuth(name, method string) error {
	if method == "" {
		return nil
	}
	known := []string{service.BearerHeader, service.BearerBody}
	if name != service.UserInfoName {
		known = known[:0]
		for _, m := range clientauth.Methods() {
			known = append(known, m.Name)
		}
	}
	if slices.Contains(known, method) {
		return nil
	}
	return fmt.Errorf("client_auth: unknown method %q; known are %s", method, strings.Join(known, ", "))
}

// A Name is what a service is called.
type Name struct {
	Service string // the service's name
	Class   string // the class name of the Python original
}

// Names lists the standard services.
func Names() []Name {
	names := make([]Name, len(standard))
	for i, s := range standard {
		names[i] = Name{Service: s.name, Class: s.class}
	}
	return names
}

// serviceName maps a class name to the service's name.
func serviceName(name string) string {
	for _, s := range standard {
		if s.class == name {
			return s.name
		}
	}
	if alias, ok := aliases[name]; ok {
		return alias
	}
	return name
}

// Register adds a constructor, or replaces one of the same kind.
func (f *Factory) Register(kind string, c Constructor) { f.constructors[serviceName(kind)] = c }

// Build makes the services of spec. All of them share sc and db; db nil is a new
// one in memory.
func (f *Factory) Build(spec Spec, sc *servicecontext.ServiceContext, db *state.DB) (*Services, error) {
	if sc == nil {
		return nil, fmt.Errorf("factory: %w: no service context", service.ErrNotConfigured)
	}
	if db == nil {
		db = new(state.DB)
	}
	built := &Services{byName: make(map[string]service.Service, len(spec))}
	for _, key := range slices.Sorted(maps.Keys(spec)) {
		config := spec[key]
		kind := config.Kind
		if kind == "" {
			kind = key
		}
		construct, ok := f.constructors[serviceName(kind)]
		if !ok {
			return nil, fmt.Errorf("factory: unknown service %q; known are %s", kind, strings.Join(slices.Sorted(maps.Keys(f.constructors)), ", "))
		}
		name := serviceName(key)
		if _, twice := built.byName[name]; twice {
			return nil, fmt.Errorf("factory: the service %q is named twice", name)
		}
		if err := checkRequestArgs(config.RequestArgs); err != nil {
			return nil, fmt.Errorf("factory: %s: request_args: %w", name, err)
		}
		svc, err := construct(service.Env{Context: sc, DB: db, Settings: config.settings()})
		if err != nil {
			return nil, fmt.Errorf("factory: %s: %w", name, err)
		}
		built.byName[name] = svc
	}
	return built, nil
}

func checkRequestArgs(raw []byte) error {
	if len(raw) == 0 {
		return nil
	}
	_, err := object(raw)
	return err
}

// Build makes the services of spec with the Standard factory.
func Build(spec Spec, sc *servicecontext.ServiceContext, db *state.DB) (*Services, error) {
	return Standard().Build(spec, sc, db)
}

// Services are the services of one build.
type Services struct {
	byName map[string]service.Service
}

// Get returns the service of that name. It never returns nil: a service that was
// not built is one whose every part fails with service.ErrNotConfigured.
func (s *Services) Get(name string) service.Service {
	if svc, ok := s.byName[name]; ok {
		return svc
	}
	return absent(name)
}

// Names returns the names of the services that were built, sorted.
func (s *Services) Names() []string { return slices.Sorted(maps.Keys(s.byName)) }

// absent is a service that was not built.
type absent string

func (a absent) fail() error {
	return fmt.Errorf("%s: %w: the specification does not name this service", string(a), service.ErrNotConfigured)
}

func (a absent) Name() string { return string(a) }

func (a absent) GetRequestParameters(context.Context, service.Args) (*service.Request, error) {
	return nil, a.fail()
}

func (a absent) ParseResponse(context.Context, *service.Response) (*service.Result, error) {
	return nil, a.fail()
}

func (a absent) UpdateServiceContext(context.Context, *service.Result) error { return a.fail() }
