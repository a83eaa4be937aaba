package service

import (
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/servicecontext"
)

// verifyIssuer applies RFC 9207, Section 2.4: the response names the authorization
// server that the request was meant for. It runs before a declared error is
// believed, since a forged error is worth nothing.
func verifyIssuer(s *Step, req *message.AuthorizationRequest, resp *message.AuthorizationResponse) error {
	announced := s.Snapshot.Profile.IssuerRequired() || s.Snapshot.Provider != nil &&
		servicecontext.ProviderAllows(s.Snapshot.Provider.AuthorizationResponseIssParameterSupported, false)
	switch {
	case resp.Issuer != "":
		if err := s.Require(resp.Issuer == s.Record.Issuer, message.RuleAuthzResponseIss, "iss", message.Excerpt(resp.Issuer), s.Record.Issuer); err != nil {
			return err
		}
	case announced && resp.IDToken != "" && s.Snapshot.Compat.IssuerInIDToken:
		s.Warn(message.RuleAuthzResponseIssMissing, "iss", "absent, and the ID Token of the response names the issuer, admitted by issuer_in_id_token")
	case announced:
		return s.Fail(message.RuleAuthzResponseIssMissing, "iss", "", "iss, which the provider's metadata announces or the profile demands", nil)
	default:
		s.Skip(message.RuleAuthzResponseIss, "iss", "absent, and the provider does not announce it")
	}
	// Older providers send client_id beside iss (the mix-up draft before RFC 9207).
	if resp.ClientID != "" {
		if err := s.Require(resp.ClientID == s.clientID(), message.RuleAuthzResponseIss, "client_id", message.Excerpt(resp.ClientID), s.clientID()); err != nil {
			return err
		}
	}
	in := s.Response.inbound
	switch {
	case in == nil || in.RedirectURI == "":
		s.Skip(message.RuleAuthzResponseIssuerRedirectURI, "redirect_uri", "the caller did not say where the response arrived")
	default:
		// "a distinct redirect URI for each authorization server" (RFC 9700,
		// Section 4.4.2.2) tells them apart only if it is compared.
		return s.Require(in.RedirectURI == req.RedirectURI, message.RuleAuthzResponseIssuerRedirectURI, "redirect_uri", message.Excerpt(in.RedirectURI), req.RedirectURI)
	}
	return nil
}

// printable drops from a peer's text what has no place in a log line.
func printable(text string) string {
	out := make([]rune, 0, len(text))
	for _, r := range message.Excerpt(text) {
		if r < ' ' || r == 0x7f {
			r = ' '
		}
		out = append(out, r)
	}
	return string(out)
}

// errorSyntax reports whether code keeps to %x20-21 / %x23-5B / %x5D-7E
// (RFC 6749, Section 4.1.2.1).
func errorSyntax(code string) bool {
	for i := range len(code) {
		if c := code[i]; c < 0x20 || c > 0x7e || c == '"' || c == '\\' {
			return false
		}
	}
	return code != ""
}
