package endpoint

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/oidcservice/oidc/message"
)

// A Set is the endpoints of one provider.
type Set struct {
	context   *Context
	list      []Described
	byName    map[string]Endpoint
	audiences []string
}

// A Described is an endpoint and where it stands.
type Described struct {
	Description
	// URL is its address.
	URL string
	// HostPath is the path of URL.
	HostPath string
	// Alias is its address for clients that show a certificate, "" if it has no other
	// (RFC 8705, Section 5; Policy.MutualTLSBase).
	Alias    string
	Endpoint Endpoint
}

// standard makes the endpoints that every provider has, in the order of the protocol.
var standard = []func(env Env) Endpoint{
	NewWebFinger, NewProviderInfo, NewServerMetadata, NewJWKS,
	NewRegistration, NewRegistrationManagement,
	NewPushedAuthorization, NewAuthorization, NewToken, NewUserInfo, NewIntrospection, NewRevocation, NewEndSession, NewCheckSession,
	NewDeviceAuthorization, NewDeviceVerification, NewBackchannelAuthentication, NewApprovals,
}

// NewSet makes the endpoints of a provider: the standard ones with their settings by
// name, and custom ones. A name of a setting that no endpoint has is an error, so is an
// address that stands twice.
func NewSet(c *Context, settings map[string]Settings, custom ...Endpoint) (*Set, error) {
	set := &Set{context: c, byName: map[string]Endpoint{}}
	used := map[string]bool{}
	var all []Endpoint
	for _, constructor := range standard {
		name := constructor(Env{Context: c}).Name()
		used[name] = true
		e := constructor(Env{Context: c, Settings: settings[name]})
		if c.offers(name) {
			all = append(all, e)
		}
	}
	for name := range settings {
		if !used[name] {
			return nil, fmt.Errorf("endpoint: settings for %q: no such endpoint; there are %s", name, strings.Join(slices.Sorted(maps.Keys(used)), ", "))
		}
	}
	at := map[string]string{}
	for _, e := range append(all, custom...) {
		d := Described{Description: Description{Name: e.Name(), Path: "/" + e.Name(), Methods: []string{"POST"}}, Endpoint: e}
		if describer, ok := e.(Describer); ok {
			d.Description = describer.Description()
		}
		d.URL = c.URL(d.Path)
		if d.Root {
			d.URL = c.rootURL(d.Path)
		}
		u, err := url.Parse(d.URL)
		if err != nil {
			return nil, fmt.Errorf("endpoint: %s: %w", d.Name, err)
		}
		d.HostPath, d.Alias = u.Path, c.aliasOf(d.Description)
		if other, taken := at[d.HostPath]; taken || set.byName[d.Name] != nil {
			return nil, fmt.Errorf("endpoint: %s and %s: same name or address %s", d.Name, other, d.HostPath)
		}
		at[d.HostPath] = d.Name
		set.byName[d.Name] = e
		set.list = append(set.list, d)
	}
	set.audiences = []string{c.issuer}
	for _, d := range set.list {
		if d.Proof == ClientProof {
			set.audiences = append(set.audiences, d.URL)
			if d.Alias != "" {
				set.audiences = append(set.audiences, d.Alias)
			}
		}
	}
	c.set = set
	return set, nil
}

// offers reports whether a standard endpoint is switched on.
func (c *Context) offers(name string) bool {
	switch name {
	case "registration", "registration_management":
		_, can := c.clients.(ClientRegistry)
		return can && !c.policy.Registration.Off
	case "device_authorization", "device":
		return slices.Contains(c.policy.GrantTypes, message.GrantTypeDeviceCode)
	case "backchannel_authentication":
		return slices.Contains(c.policy.GrantTypes, message.GrantTypeCIBA)
	case "approvals":
		return slices.Contains(c.policy.GrantTypes, message.GrantTypeCIBA) && c.policy.Approvals
	case "check_session":
		return c.policy.SessionManagement
	}
	return true
}

// rootURL is the address of a path at the root of the issuer's host. %s stands for the
// path of the issuer, which RFC 8414, Section 3.1, inserts after the well-known part.
func (c *Context) rootURL(path string) string {
	u, err := url.Parse(c.issuer)
	if err != nil {
		return path
	}
	inserted := strings.TrimSuffix(u.EscapedPath(), "/")
	return u.Scheme + "://" + u.Host + strings.ReplaceAll(path, "%s", inserted)
}

// All returns the endpoints in the order of the protocol.
func (set *Set) All() []Described { return slices.Clone(set.list) }

// Get returns the endpoint of that name, nil if there is none.
func (set *Set) Get(name string) Endpoint { return set.byName[name] }

// Context returns what the endpoints share.
func (set *Set) Context() *Context { return set.context }

// Metadata describes the provider: what each endpoint says of itself, and nothing that no
// endpoint enforces.
func (set *Set) Metadata() message.ProviderMetadata {
	m := message.ProviderMetadata{Issuer: set.context.issuer}
	for _, d := range set.list {
		if describer, ok := d.Endpoint.(Describer); ok {
			describer.Describe(&m)
		}
	}
	set.describeAliases(&m)
	return m
}
