package service

import (
	"slices"

	"github.com/oidcservice/oidc/message"
)

// presentsCertificate tells whether the request goes out with the client certificate:
// to prove who we are, and "to acquire or use certificate-bound tokens" (RFC 8705,
// Section 5). It is asked before the address is used, since such a request goes to the
// alias, and a proof of possession names where it goes.
func (x *route) presentsCertificate(s *Step) bool {
	switch x.proof {
	case ClientProof:
		method := x.env.Settings.ClientAuth
		if method == "" {
			method = s.Snapshot.Behaviour.TokenEndpointAuthMethod
		}
		return s.Snapshot.CertificateBound() || slices.Contains([]string{message.AuthMethodTLSClientAuth, message.AuthMethodSelfSignedTLSClientAuth}, method)
	case TokenProof:
		return x.bound && s.Snapshot.CertificateBound()
	}
	return false
}
