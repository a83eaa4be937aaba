package provider

import (
	"fmt"
	"slices"
	"time"

	"github.com/oidcservice/oidc/message"
)

// fapi reports whether the profile is one of FAPI 2.0.
func (s *Setup) fapi() bool {
	return s.Policy.Profile == profileFAPI2 || s.Policy.Profile == profileFAPI2Signing
}

// What FAPI 2.0 has: the lives of Section 5.3.2.1 and 5.3.2.2, the methods of Section 5.3.2.1,
// the algorithms of Section 5.4.1.
const (
	fapiCode   = time.Minute
	fapiPushed = 10*time.Minute - time.Second
)

var (
	fapiMethods    = []string{message.AuthMethodPrivateKeyJWT, message.AuthMethodTLSClientAuth, message.AuthMethodSelfSignedTLSClientAuth}
	fapiAlgorithms = []string{"PS256", "ES256", "EdDSA", "Ed25519"}
)

// checkProfile refuses what the profile does not have.
func (s *Setup) checkProfile() {
	p := s.Policy
	if p.Profile == profileOpenID {
		return
	}
	for i, t := range p.ResponseTypes {
		if t != message.ResponseTypeCode {
			s.file.Add(fmt.Sprintf("policy.response_types[%d]", i), "the profile %s has code alone", p.Profile)
		}
	}
	if !s.fapi() {
		return
	}
	for i, mode := range p.DeliveryModes {
		if mode == message.DeliveryModePush {
			s.file.Add(fmt.Sprintf("policy.backchannel_token_delivery_modes[%d]", i), "the profile %s has poll and ping alone: what is pushed is bound to no key", p.Profile)
		}
	}
	for i, method := range p.AuthMethods {
		if slices.Contains(authMethods, method) && !slices.Contains(fapiMethods, method) {
			s.file.Add(fmt.Sprintf("policy.token_endpoint_auth_methods[%d]", i), "the profile %s has private_key_jwt and mutual TLS alone", p.Profile)
		}
	}
	for i, t := range s.TrustedIssuers {
		for j, alg := range t.Algorithms {
			if use, err := keyUse(alg); err == nil && use == "sig" && !slices.Contains(fapiAlgorithms, alg) {
				s.file.Add(fmt.Sprintf("trusted_issuers[%d].algorithms[%d]", i, j), "the profile %s has PS256, ES256 and EdDSA alone", p.Profile)
			}
		}
	}
	if s.Lifetimes.Code > fapiCode {
		s.file.Add("lifetimes.code", "the profile %s has at most %s", p.Profile, fapiCode)
	}
	if s.Lifetimes.PushedRequest > fapiPushed {
		s.file.Add("lifetimes.pushed_request", "the profile %s has at most %s", p.Profile, fapiPushed)
	}
}
