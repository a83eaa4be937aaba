package resource

import (
	"fmt"
	"net/url"
	"slices"

	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
)

// MetadataURL returns the address at which the metadata is to be served: the resource
// identifier with the well-known path inserted (RFC 9728, Section 3.1). Challenges name it.
func (a *API) MetadataURL() string { return a.address }

// MetadataPath returns the path of MetadataURL, for a router.
func (a *API) MetadataPath() string {
	u, err := url.Parse(a.address)
	if err != nil {
		return message.ProtectedResourcePath // cannot be: New has parsed the identifier
	}
	return u.EscapedPath()
}

// Metadata returns what the API says about itself (RFC 9728, Section 2): what the
// configuration holds, and what is enforced.
func (a *API) Metadata() message.ResourceMetadata {
	m := a.c.Metadata
	m.Resource = a.c.Resource
	m.AuthorizationServers = a.Issuers()
	m.BearerMethodsSupported = []string{"header"}
	m.DPoPSigningAlgs = slices.Clone(a.c.DPoPAlgs)
	m.DPoPBoundAccessTokensRequired = ifTrue(a.c.RequireDPoP)
	m.TLSClientCertificateBoundAccessTokens = ifTrue(a.c.RequireCertificate)
	m.SignedMetadata = ""
	return m
}

// ifTrue leaves out what is false, which is the default of both members.
func ifTrue(b bool) *bool {
	if !b {
		return nil
	}
	return &b
}

// MetadataDocument returns the body of the answer at MetadataURL, whose media type is
// application/json (RFC 9728, Section 3.2), with signed_metadata if there is a key for it.
func (a *API) MetadataDocument() ([]byte, error) {
	m := a.Metadata()
	if a.c.MetadataKey != nil {
		var err error
		if m.SignedMetadata, err = a.sign(m); err != nil {
			return nil, err
		}
	}
	return message.EncodeJSON(m)
}

// sign makes the signed_metadata: "digitally signed or MACed using JSON Web Signature ...
// and MUST contain an iss (issuer) claim denoting the party attesting to the claims in the
// signed metadata" (RFC 9728, Section 2.2). The party is the resource itself.
func (a *API) sign(m message.ResourceMetadata) (string, error) {
	m.Extra = slices.Clone(m.Extra)
	if err := m.Extra.Set("iss", a.c.Resource); err != nil {
		return "", err
	}
	payload, err := message.EncodeJSON(m)
	if err != nil {
		return "", err
	}
	algs, err := asymmetric(nil)
	if err != nil {
		return "", err
	}
	set := keyjar.NewSet(a.c.MetadataKey)
	for _, alg := range algs {
		if _, err := set.SigningKey(alg); err == nil {
			return a.c.MetadataKey.Sign(keyjar.Header{Algorithm: alg}, payload, a.c.Rand)
		}
	}
	return "", fmt.Errorf("%w: MetadataKey: no asymmetric signing key", ErrConfig)
}
