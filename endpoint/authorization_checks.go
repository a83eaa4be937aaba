package endpoint

import (
	"context"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/oidcservice/oidc/message"
)

// An authorizationCheck is one step of judging an authorization request.
type authorizationCheck struct {
	Name  string
	Rules []message.Rule
	check func(ctx context.Context, s *Step, a *authorization) error
}

// authorizationChecks are made in this order; the first that fails answers. Those up to
// redirect_uri show a page, since it is not known yet whom the request comes from; those
// after it answer to the redirect URI (RFC 6749, Section 4.1.2.1).
var authorizationChecks = []authorizationCheck{
	{"client_id", []message.Rule{message.RuleOPAuthzClient}, checkClient},
	{"request", []message.Rule{
		message.RuleOPJARSupported, message.RuleOPJARRequired, message.RuleOPJARError, message.RuleOPJARAlg, message.RuleOPJARClaims,
		message.RuleOPJARNesting, message.RuleOPJARMismatch, message.RuleOPJARPrecedence, message.RuleOPJARTyp, message.RuleOPJAREncryption,
		message.RuleOPRequestURIRegistered, message.RuleOPRequestURIFetch, message.RuleOPRequestURIHash,
		message.RuleOPPARBinding, message.RuleOPPARUse, message.RuleOPPARExpired, message.RuleOPPARRequired,
	}, checkRequestObject},
	{"redirect_uri", []message.Rule{message.RuleOPAuthzRedirectURIMissing, message.RuleOPAuthzRedirectURI, message.RuleOPAuthzRedirectLoopback}, checkRedirectURI},
	{"response_mode", []message.Rule{message.RuleOPAuthzResponseMode}, checkResponseMode},
	{"parameters", []message.Rule{message.RuleOPParamDuplicate, message.RuleOPParamSyntax, message.RuleOPAuthzMaxAge, message.RuleOPAuthzClaims}, checkParameters},
	{"registration", []message.Rule{message.RuleOPAuthzRegistration}, checkRegistrationParameter},
	{"response_type", []message.Rule{message.RuleOPAuthzResponseType, message.RuleOPAuthzImplicitPolicy}, checkResponseType},
	{"scope", []message.Rule{message.RuleOPAuthzScope}, checkScope},
	{"offline_access", []message.Rule{message.RuleOPAuthzOfflineAccess}, checkOfflineAccess},
	{"nonce", []message.Rule{message.RuleOPAuthzNonce}, checkNonce},
	{"code_challenge", []message.Rule{message.RuleOPAuthzPKCERequired, message.RuleOPAuthzPKCEMethod}, checkCodeChallenge},
	{"prompt", []message.Rule{message.RuleOPAuthzPrompt}, checkPrompt},
	{"max_age", []message.Rule{message.RuleOPAuthzMaxAge}, checkMaxAge},
	{"id_token_hint", []message.Rule{message.RuleOPAuthzIDTokenHint}, checkIDTokenHint},
	{"resource", []message.Rule{message.RuleOPAuthzResource}, checkResource},
	{"authorization_details", []message.Rule{message.RuleOPAuthzRAR}, checkAuthorizationDetails},
	{"long values", []message.Rule{message.RuleOPAuthzLongValues}, checkLongValues},
	{"encryption keys", []message.Rule{message.RuleOPClientKeys}, checkEncryptionKeys},
}

// checkAuthorization runs the table.
func (s *Step) checkAuthorization(ctx context.Context, a *authorization) error {
	for _, c := range authorizationChecks {
		err := c.check(ctx, s, a)
		if err == nil {
			continue
		}
		if r := refusalOf(err); r != nil {
			if a.route == nil && s.malformed != nil {
				// What is missing may be what could not be read.
				return s.malformed
			}
			r.route = a.route
		}
		return err
	}
	return nil
}

func refuseAuthz(code message.ErrorCode, rule message.Rule, param string) *Refusal {
	return Refuse(400, code, rule, param)
}

func checkClient(ctx context.Context, s *Step, a *authorization) error {
	refusal := refuseAuthz(message.InvalidRequest, message.RuleOPAuthzClient, "client_id")
	if a.req.ClientID == "" {
		return refusal
	}
	client, found, err := s.Context.clients.Client(ctx, a.req.ClientID)
	if err != nil {
		return err
	}
	if !found {
		return refusal
	}
	a.client, s.Client = client, client
	return nil
}

// checkRedirectURI compares whole strings. Core, Section 3.1.2.1: "This URI MUST exactly
// match one of the Redirection URI values for the Client pre-registered at the OpenID
// Provider, with the matching performed as described in Section 6.2.1 of [RFC3986]
// (Simple String Comparison)."
func checkRedirectURI(_ context.Context, s *Step, a *authorization) error {
	registered := a.client.Metadata.RedirectURIs
	uri := a.req.RedirectURI
	if uri == "" {
		// FAPI 2.0, Section 5.3.2.2: "shall require the redirect_uri parameter in pushed
		// authorization requests".
		if a.req.Scope.Has(message.ScopeOpenID) || len(registered) != 1 || s.Context.fapi() {
			return refuseAuthz(message.InvalidRequest, message.RuleOPAuthzRedirectURIMissing, "redirect_uri")
		}
		uri = registered[0]
	}
	// RFC 9126, Section 2.4: a client that authenticated may push another one, if that is
	// configured.
	proven := a.proven || a.push && s.Context.policy.PushedRedirectURIs && !a.client.Public() &&
		checkRegisteredURI("redirect_uri", uri, a.client.Metadata.ApplicationType, false) == nil
	if !proven && !slices.Contains(registered, uri) && !loopbackMatch(a.client, uri) {
		rule := message.RuleOPAuthzRedirectURI
		if a.push {
			return refuseAuthz(message.InvalidRequest, message.RuleOPPARRedirect, "redirect_uri").Because("", "", rule)
		}
		if isLoopback(uri) != nil && slices.ContainsFunc(registered, func(r string) bool { return isLoopback(r) != nil }) {
			rule = message.RuleOPAuthzRedirectLoopback
		}
		return refuseAuthz(message.InvalidRequest, rule, "redirect_uri")
	}
	a.route = &route{
		ClientID: a.client.ID, Redirect: uri, State: a.req.State, Mode: message.ResponseModeQuery,
		AtOnce: a.client.Trusted || a.req.Prompt.Equal(message.List{message.PromptNone}),
	}
	return nil
}

// loopbackMatch lets the port of a native client's loopback address differ, all else being
// equal. RFC 8252, Section 7.3: "The authorization server MUST allow any port to be
// specified at the time of the request for loopback IP redirect URIs".
func loopbackMatch(client *Client, uri string) bool {
	if client.Metadata.ApplicationType != message.ApplicationTypeNative {
		return false
	}
	got := isLoopback(uri)
	if got == nil {
		return false
	}
	for _, r := range client.Metadata.RedirectURIs {
		want := isLoopback(r)
		if want == nil || got.Hostname() != want.Hostname() {
			continue
		}
		// What follows the authority is compared as it was written.
		if strings.TrimPrefix(uri, "http://"+got.Host) == strings.TrimPrefix(r, "http://"+want.Host) {
			return true
		}
	}
	return false
}

// isLoopback returns the parsed URI if it is http on a loopback IP literal.
func isLoopback(uri string) *url.URL {
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "http" || u.User != nil || !strings.HasPrefix(uri, "http://"+u.Host) || !portInRange(u.Host) {
		return nil
	}
	ip, err := netip.ParseAddr(u.Hostname())
	if err != nil || !ip.IsLoopback() {
		return nil
	}
	return u
}

// checkResponseMode settles how the response travels, errors included. Multiple Response
// Types, Section 2.1: the default of code is query, that of the others fragment; Section 5:
// query is not for types that return tokens.
func checkResponseMode(_ context.Context, s *Step, a *authorization) error {
	a.name = normalResponseType(a.req.ResponseType)
	a.types = message.ParseList(a.name)
	front := a.types.Has("token") || a.types.Has("id_token")
	if front {
		a.route.Mode = message.ResponseModeFragment
	}
	mode := a.req.ResponseMode
	if mode == "" {
		return nil
	}
	refusal := refuseAuthz(message.InvalidRequest, message.RuleOPAuthzResponseMode, "response_mode")
	if !slices.Contains(s.Context.responseModes(), string(mode)) {
		return refusal.Because("another mode", strings.Join(s.Context.responseModes(), ", "), nil)
	}
	if front && mode == message.ResponseModeQuery {
		return refusal.Because("query", "fragment or form_post for "+a.name, nil)
	}
	if front && mode == message.ResponseModeQueryJWT && a.client.Metadata.AuthorizationEncryptedResponseAlg == "" {
		// JARM, Section 2.3.1: not with tokens "unless the response JWT is encrypted".
		return refusal.Because("query.jwt", "fragment.jwt or form_post.jwt for "+a.name, nil)
	}
	a.route.Mode = resolveJWT(mode, front)
	return nil
}

// checkParameters reports what could not be read, now that it is known where to.
func checkParameters(_ context.Context, s *Step, _ *authorization) error {
	if s.malformed != nil {
		return s.malformed
	}
	return nil
}

func checkRegistrationParameter(_ context.Context, _ *Step, a *authorization) error {
	if len(a.req.Registration) > 0 {
		return refuseAuthz(message.RegistrationNotSupported, message.RuleOPAuthzRegistration, "registration")
	}
	return nil
}

func checkResponseType(_ context.Context, s *Step, a *authorization) error {
	const rule = message.RuleOPAuthzResponseType
	if len(a.req.ResponseType) == 0 {
		return refuseAuthz(message.InvalidRequest, rule, "response_type")
	}
	m := &a.client.Metadata
	implicit := a.types.Has("token")
	if !slices.Contains(s.Context.policy.ResponseTypes, a.name) {
		if implicit {
			return refuseAuthz(message.UnsupportedResponseType, message.RuleOPAuthzImplicitPolicy, "response_type")
		}
		return refuseAuthz(message.UnsupportedResponseType, rule, "response_type")
	}
	if !slices.ContainsFunc(m.ResponseTypes, func(t string) bool { return normalResponseType(message.ParseList(t)) == a.name }) {
		return refuseAuthz(message.UnauthorizedClient, rule, "response_type")
	}
	if a.types.Has("code") && !a.client.grants(message.GrantTypeAuthorizationCode) {
		return refuseAuthz(message.UnauthorizedClient, rule, "response_type")
	}
	// RFC 9700, Section 2.1.2: what comes through the browser cannot be bound to a sender.
	if implicit && a.client.constrained() {
		return refuseAuthz(message.UnauthorizedClient, message.RuleOPAuthzImplicitPolicy, "response_type")
	}
	return nil
}

// constrained reports whether the client must get sender-constrained tokens only.
func (c *Client) constrained() bool {
	return is(c.Metadata.DPoPBoundAccessTokens) || is(c.Metadata.TLSClientCertificateBoundAccessTokens)
}

func is(b *bool) bool { return b != nil && *b }

// checkScope keeps what the client may have. RFC 6749, Section 3.3: "The authorization
// server MAY fully or partially ignore the scope requested by the client".
func checkScope(_ context.Context, s *Step, a *authorization) error {
	refusal := refuseAuthz(message.InvalidScope, message.RuleOPAuthzScope, "scope")
	known := s.Context.scopes()
	for _, word := range a.req.Scope {
		if !message.IsScopeToken(word) {
			return refusal
		}
		allowed := slices.Contains(known, word) && (len(a.client.Metadata.Scope) == 0 || a.client.Metadata.Scope.Has(word))
		switch {
		case allowed && !a.scope.Has(word):
			a.scope = append(a.scope, word)
		case !allowed && a.client.StrictScope:
			return refusal
		}
	}
	if len(a.scope) == 0 || a.types.Has("id_token") && !a.scope.Has(message.ScopeOpenID) {
		return refusal
	}
	return nil
}

// checkOfflineAccess leaves offline_access out where it cannot be had. Core, Section 11:
// it is to be ignored "unless the Client is using a response_type value that would result
// in an Authorization Code being returned".
func checkOfflineAccess(_ context.Context, _ *Step, a *authorization) error {
	if !a.types.Has("code") || !a.client.grants(message.GrantTypeRefreshToken) {
		a.scope = slices.DeleteFunc(a.scope, func(w string) bool { return w == message.ScopeOfflineAccess })
	}
	if len(a.scope) == 0 {
		return refuseAuthz(message.InvalidScope, message.RuleOPAuthzScope, "scope")
	}
	return nil
}

// checkNonce demands a nonce where an ID Token comes in front (Core, Sections 3.2.2.1 and
// 3.3.2.11).
func checkNonce(_ context.Context, _ *Step, a *authorization) error {
	if a.req.Nonce == "" && a.types.Has("id_token") {
		return refuseAuthz(message.InvalidRequest, message.RuleOPAuthzNonce, "nonce")
	}
	return nil
}

// checkCodeChallenge: RFC 7636, Section 4.4.1, and RFC 9700, Section 2.1.1. A challenge
// without a method means plain, which shows the verifier to whoever sees the request.
func checkCodeChallenge(_ context.Context, s *Step, a *authorization) error {
	challenge := a.req.CodeChallenge
	if challenge == "" {
		if a.req.CodeChallengeMethod != "" || a.types.Has("code") && (a.client.Public() || s.Context.policy.RequirePKCE) {
			return refuseAuthz(message.InvalidRequest, message.RuleOPAuthzPKCERequired, "code_challenge")
		}
		return nil
	}
	if a.req.CodeChallengeMethod != message.CodeChallengeMethodS256 {
		return refuseAuthz(message.InvalidRequest, message.RuleOPAuthzPKCEMethod, "code_challenge_method")
	}
	if !isHandle(challenge) {
		return refuseAuthz(message.InvalidRequest, message.RuleOPAuthzPKCEMethod, "code_challenge")
	}
	return nil
}

// checkPrompt: Core, Section 3.1.2.1: "If this parameter contains none with any other
// value, an error is returned." A value that is not listed is refused, since a client
// relies on what a value asks for (Initiating User Registration via OpenID Connect 1.0,
// Section 4.1).
func checkPrompt(_ context.Context, s *Step, a *authorization) error {
	if a.req.Prompt.Has(message.PromptNone) && len(a.req.Prompt) > 1 {
		return refuseAuthz(message.InvalidRequest, message.RuleOPAuthzPrompt, "prompt")
	}
	offered := s.Context.prompts()
	for _, value := range a.req.Prompt {
		if !slices.Contains(offered, value) {
			return refuseAuthz(message.InvalidRequest, message.RuleOPAuthzPrompt, "prompt").Because(message.Excerpt(value), "values that prompt_values_supported lists", nil)
		}
	}
	return nil
}

func checkMaxAge(_ context.Context, _ *Step, a *authorization) error {
	if a.req.MaxAge != nil && *a.req.MaxAge < 0 {
		return refuseAuthz(message.InvalidRequest, message.RuleOPAuthzMaxAge, "max_age")
	}
	return nil
}

func checkIDTokenHint(_ context.Context, s *Step, a *authorization) error {
	if a.req.IDTokenHint == "" {
		return nil
	}
	hint, err := s.readHint(a.req.IDTokenHint, a.client)
	if err != nil {
		return refuseAuthz(message.InvalidRequest, message.RuleOPAuthzIDTokenHint, "id_token_hint").Because("", "", err)
	}
	a.hint = hint
	return nil
}

// checkResource: RFC 8707, Section 2: "Its value MUST be an absolute URI ... MUST NOT
// include a fragment component."
func checkResource(_ context.Context, s *Step, a *authorization) error {
	return s.checkResources(a.client, a.req.Resource)
}

func (s *Step) checkResources(client *Client, resources []string) error {
	allowed := s.Context.resources(client)
	for _, r := range resources {
		if !isResource(r) || !slices.Contains(allowed, r) {
			return refuseAuthz(message.InvalidTarget, message.RuleOPAuthzResource, "resource")
		}
	}
	return nil
}

// isResource reports whether something can be a resource indicator.
func isResource(uri string) bool {
	u, err := url.Parse(uri)
	return err == nil && u.IsAbs() && !strings.Contains(uri, "#")
}

// resources are the resource indicators that a client may ask for: its own, and those of
// every client that registered itself.
func (c *Context) resources(client *Client) []string {
	if client.RegistrationTokenHash == nil {
		return client.Resources
	}
	return union(client.Resources, c.policy.Registration.Resources)
}

// maxEcho is the longest value that is kept and sent back. A longer one is refused whole;
// nothing is cut.
const maxEcho = 8 << 10

func checkLongValues(_ context.Context, _ *Step, a *authorization) error {
	for _, v := range []struct{ name, value string }{{"state", a.req.State}, {"nonce", a.req.Nonce}} {
		if len(v.value) > maxEcho {
			return refuseAuthz(message.InvalidRequest, message.RuleOPAuthzLongValues, v.name)
		}
	}
	return nil
}

// checkEncryptionKeys has what the response will be encrypted to before anybody is asked.
func checkEncryptionKeys(ctx context.Context, s *Step, a *authorization) error {
	algs := []string{a.frontEncryption()}
	if isJARM(a.route.Mode) {
		algs = append(algs, a.client.Metadata.AuthorizationEncryptedResponseAlg)
	}
	return s.canEncrypt(ctx, a.client, algs...)
}
