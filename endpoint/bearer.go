package endpoint

import (
	"context"
	"net/url"

	"github.com/oidcservice/oidc/message"
)

// A presentedToken is an access token as it came.
type presentedToken struct {
	value string
	dpop  bool // under the DPoP scheme
}

// bearer reads the access token of a request to a resource of ours. RFC 6750, Section 2:
// "Clients MUST NOT use more than one method to transmit the token in each request"; in
// the URL it is refused.
func (s *Step) bearer(rule message.Rule) (*presentedToken, error) {
	if query, _ := url.ParseQuery(s.Request.query()); query.Has("access_token") {
		return nil, s.challenge(400, message.InvalidRequest, rule, "access_token").Because("in the URL", "in the header or the body", nil)
	}
	header, one := s.Request.Header.Get("Authorization")
	if !one {
		return nil, s.challenge(400, message.InvalidRequest, rule, "authorization").Because("twice", "once", nil)
	}
	body := s.Params.Get("access_token")
	if s.Request.Method == "GET" {
		body = ""
	}
	scheme, token, err := message.ParseAuthorization(header)
	switch {
	case header != "" && body != "":
		return nil, s.challenge(400, message.InvalidRequest, rule, "access_token").Because("in the header and in the body", "in one place", nil)
	case body != "":
		return &presentedToken{value: body}, nil
	case err != nil:
		return nil, s.challenge(400, message.InvalidRequest, rule, "authorization").Because("", "one access token", nil)
	case scheme == "":
		return nil, s.missing()
	}
	return &presentedToken{value: token.Reveal(), dpop: scheme == message.TokenTypeDPoP}, nil
}

// missing is the answer to a request without a token. RFC 6750, Section 3.1: "If the
// request lacks any authentication information ... the resource server SHOULD NOT include
// an error code or other error information."
func (s *Step) missing() *Refusal {
	r := Refuse(401, message.InvalidToken, message.RuleOPUserInfoChallenge, "").Because("no access token", "one", nil)
	r.bare = true
	return r.With("Www-Authenticate", s.bearerChallenge(nil))
}

// challenge refuses a request to a resource (RFC 6750, Section 3).
func (s *Step) challenge(status int, code message.ErrorCode, rule message.Rule, param string) *Refusal {
	r := Refuse(status, code, rule, param)
	return r.With("Www-Authenticate", s.bearerChallenge(r.Declared))
}

func (s *Step) bearerChallenge(declared *message.Error) string {
	c := message.Challenge{Scheme: message.TokenTypeBearer, Params: map[string]string{"realm": s.Context.issuer}}
	if declared != nil {
		c.Params["error"], c.Params["error_description"] = string(declared.Code), declared.Description
	}
	return c.String()
}

// authorized returns a token that is good at our own resources: in time, its grant not
// revoked, meant for us, and its binding kept (RFC 6750, Section 3.1; RFC 9068, Section 4).
func (s *Step) authorized(ctx context.Context, p *presentedToken) (*accessToken, *grant, error) {
	t, g, err := s.accessToken(ctx, p.value)
	if err != nil {
		return nil, nil, err
	}
	if t == nil {
		return nil, nil, s.challenge(401, message.InvalidToken, message.RuleOPAccessTokenValidation, "access_token")
	}
	if len(t.Audience) > 0 && !subset([]string{s.Context.issuer}, t.Audience) {
		return nil, nil, s.challenge(401, message.InvalidToken, message.RuleOPAccessTokenAudience, "access_token").
			Because("another resource's token", "one for this provider", message.RuleOPAccessTokenValidation)
	}
	if p.dpop != (t.JKT != "") {
		// RFC 9449, Section 7.2: a bound token is not a bearer token, nor the reverse.
		if t.JKT != "" {
			return nil, nil, s.resourceFault(message.InvalidToken, message.RuleOPDPoPScheme, "authorization")
		}
		return nil, nil, s.challenge(401, message.InvalidToken, message.RuleOPDPoPScheme, "authorization")
	}
	if t.JKT != "" {
		jkt, err := s.proof(ctx, p.value, s.resourceFault)
		if err != nil {
			return nil, nil, err
		}
		if jkt == "" {
			return nil, nil, s.resourceFault(message.InvalidDPoPProof, message.RuleOPDPoPProof, "DPoP").Because("no proof", "one", nil)
		}
		if jkt != t.JKT {
			return nil, nil, s.resourceFault(message.InvalidToken, message.RuleOPDPoPBinding, "DPoP")
		}
		s.jkt = jkt
	}
	if t.X5T != "" && t.X5T != s.peerCertificate() {
		return nil, nil, s.challenge(401, message.InvalidToken, message.RuleOPMTLSBinding, "certificate")
	}
	return t, g, nil
}
