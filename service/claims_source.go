package service

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/state"
)

// ClaimsSourceName is the name of the claims_source service.
const ClaimsSourceName = "claims_source"

// ItemClaimsSources is the item of a record that holds what other sources told about
// the user, by the name of the source.
const ItemClaimsSources = "claims_sources"

// Bounds of what a provider may send us to.
const (
	maxSources    = 8        // sources of one answer
	maxSourceBody = 64 << 10 // bytes of a source's answer
)

// The rules of aggregated and distributed claims (Core, Section 5.6.2):
//
//   - Only the claims that _claim_names assigns to a source are taken from it.
//   - None replaces a claim of the provider, and none has a meaning in the protocol.
//   - They are verified with keys that are known for the source's own issuer. Claims
//     that nobody is known to have signed are kept apart and say so.
//   - A source that fails loses its claims. It never spoils the login.

// SourcedClaims are claims about the user that another source than the provider tells
// (Core, Section 5.6.2).
type SourcedClaims struct {
	Source   string        `json:"source,omitempty"`   // its name in _claim_sources
	Issuer   string        `json:"iss,omitempty"`      // whose signature was verified, "" if nobody's was
	Verified bool          `json:"verified,omitempty"` // false: the claims may be anybody's word
	Claims   message.Extra `json:"-"`                  // what the source tells
	Extra    message.Extra `json:"-" url:"-"`
}

// LogValue says whose the claims are, and none of them.
func (m SourcedClaims) LogValue() slog.Value { return message.LogValue(m) }

// Format says whose the claims are, and none of them.
func (m SourcedClaims) Format(s fmt.State, verb rune) { message.Format(s, verb, m) }

// A ClaimsSourceRequest asks a source for distributed claims. It is made from a
// verified answer of the provider, as a Result's Optional task.
type ClaimsSourceRequest struct {
	Source      string         `json:"source,omitempty"`       // its name in _claim_sources
	Endpoint    string         `json:"endpoint,omitempty"`     // where the claims are
	AccessToken message.Secret `json:"access_token,omitempty"` // the source's own
	Names       []string       `json:"names,omitempty"`        // the claims that are its to tell
	Extra       message.Extra  `json:"-" url:"-"`
}

// LogValue shows the message without its secrets.
func (m ClaimsSourceRequest) LogValue() slog.Value { return message.LogValue(m) }

// Format shows the message without its secrets.
func (m ClaimsSourceRequest) Format(s fmt.State, verb rune) { message.Format(s, verb, m) }

// NewClaimsSource makes the claims_source service: distributed claims are fetched from
// where the provider said (Core, Section 5.6.2). The source gets its own access token,
// or none; its answer is a JWT.
func NewClaimsSource(env Env) Service {
	return Definition[ClaimsSourceRequest, SourcedClaims]{
		Name:     ClaimsSourceName,
		Request:  None,
		Response: JWT,
		Proof:    TokenProof,
		Login:    true,
		Answer:   Answer{Media: []string{mediaJWT}, MaxBody: maxSourceBody, StatusRule: message.RuleClaimsSourceFailure},
		Endpoint: func(_ *Step, req *ClaimsSourceRequest) string { return req.Endpoint },
		Gather:   gatherClaimsSource,
		Token:    func(_ *Step, req *ClaimsSourceRequest) message.Secret { return req.AccessToken },
		Decode: func(_ context.Context, s *Step) (*SourcedClaims, error) {
			asked, ok := s.Response.request.message.(*ClaimsSourceRequest)
			if !ok {
				return nil, fmt.Errorf("%w: this request", ErrForeign)
			}
			got, fault := openSource(s, string(s.Response.Body), asked.Source, asked.Names)
			if fault != nil {
				return nil, s.Violated(fault)
			}
			recordSource(s, "claims", got)
			s.sources = append(s.sources, got)
			return &got, nil
		},
		Update: func(ctx context.Context, s *Step, _ *SourcedClaims) error { return s.amend(ctx, s.keepSources) },
	}.New(env)
}

// gatherClaimsSource: the access token is "for retrieving the Claims from this
// endpoint", so that one which is good at the provider does not go there.
func gatherClaimsSource(_ context.Context, s *Step, req *ClaimsSourceRequest) error {
	if req.Endpoint == "" || len(req.Names) == 0 {
		return fmt.Errorf("%w: neither a source nor claims to ask it for", ErrArgs)
	}
	if err := s.Snapshot.CheckEndpoint("endpoint", req.Endpoint); err != nil {
		return s.Fail(message.RuleClaimsSourceFetch, "endpoint", message.Excerpt(req.Endpoint), "an https URL", err)
	}
	s.Pass(message.RuleClaimsSourceFetch, "endpoint")
	own, err := tokensOf(s.Record)
	if err != nil {
		return err
	}
	for _, token := range own {
		if token != "" && req.AccessToken.Equal(token) {
			return s.Fail(message.RuleClaimsSourceToken, "access_token", "", "a token of the source's own, or none", nil)
		}
	}
	s.Pass(message.RuleClaimsSourceToken, "access_token")
	return nil
}

// tokensOf lists the tokens of a login that are good at the provider, or were.
func tokensOf(r state.Record) ([]message.Secret, error) {
	var own []message.Secret
	for _, item := range []string{state.ItemRefreshTokenResponse, state.ItemTokenResponse, state.ItemAuthResponse} {
		raw := r.Item(item)
		if raw == nil {
			continue
		}
		var m message.AccessTokenResponse
		if err := message.DecodeJSON(raw, &m); err != nil {
			return nil, fmt.Errorf("%s: %w", item, err)
		}
		own = append(own, m.AccessToken, m.RefreshToken, m.IDToken)
	}
	return own, nil
}

// findSources reads the claims of other sources that m, a verified message of the
// provider, refers to: aggregated claims at once, distributed ones as Optional tasks.
func findSources(s *Step, m message.Message, names map[string]string, sources map[string]*message.ClaimSource, param string) {
	if len(names) == 0 && len(sources) == 0 {
		return
	}
	assigned := assignedNames(s, m, names, sources, param)
	for i, name := range slices.Sorted(maps.Keys(assigned)) {
		at := param + "._claim_sources." + printable(name)
		if i >= maxSources {
			s.Warn(message.RuleClaimsSourceFetch, at, "one source too many")
			continue
		}
		source := sources[name]
		switch {
		case source.JWT != "":
			got, fault := openSource(s, source.JWT.Reveal(), name, assigned[name])
			if fault != nil {
				s.Warn(fault.Rule, at, "its claims are lost: "+fault.Want)
				continue
			}
			recordSource(s, at, got)
			s.sources = append(s.sources, got)
		case source.Endpoint == "":
			s.Warn(message.RuleClaimsSourceFailure, at, "neither JWT nor endpoint")
		case s.Snapshot.CheckEndpoint("endpoint", source.Endpoint) != nil:
			s.Warn(message.RuleClaimsSourceFetch, at, "its claims are lost: want an https URL")
		default:
			s.Pass(message.RuleClaimsSourceFetch, at)
			s.Optional = append(s.Optional, s.task(NewClaimsSource, Args{State: s.State, Message: &ClaimsSourceRequest{
				Source: name, Endpoint: source.Endpoint, AccessToken: source.AccessToken, Names: assigned[name],
			}}))
		}
	}
}

// assignedNames tells which claims are a source's to tell.
func assignedNames(s *Step, m message.Message, names map[string]string, sources map[string]*message.ClaimSource, param string) map[string][]string {
	const rule = message.RuleClaimsSourceNames
	own := claimNames(m)
	assigned := map[string][]string{}
	for _, claim := range slices.Sorted(maps.Keys(names)) {
		at := param + "._claim_names." + printable(claim)
		switch source := names[claim]; {
		case sources[source] == nil:
			s.Warn(rule, at, "no such source")
		case protocolClaims[claim]:
			s.Warn(rule, at, "not a source's to tell")
		case own[claim]:
			s.Warn(rule, at, "the provider tells it itself")
		default:
			s.Pass(rule, at)
			assigned[source] = append(assigned[source], claim)
		}
	}
	return assigned
}

// protocolClaims mean something to the protocol, or say how a token may be used.
var protocolClaims = func() map[string]bool {
	all := map[string]bool{}
	for _, name := range strings.Fields("iss sub aud exp nbf iat jti nonce auth_time acr amr azp at_hash c_hash s_hash sid events cnf client_id scope _claim_names _claim_sources") {
		all[name] = true
	}
	return all
}()

// openSource takes the named claims out of a source's JWT. It is verified with the
// keys that are known for the issuer that it names: our provider's, or those in the
// jar. The violation is for what no claim can be taken from.
func openSource(s *Step, text, source string, names []string) (SourcedClaims, *message.Violation) {
	got := SourcedClaims{Source: source}
	fail := func(rule message.Rule, want string, err error) (SourcedClaims, *message.Violation) {
		return SourcedClaims{}, &message.Violation{Rule: rule, Param: "claims", Want: want, Err: err}
	}
	if len(text) > maxSourceBody {
		return fail(message.RuleClaimsSourceFetch, fmt.Sprintf("at most %d bytes", maxSourceBody), nil)
	}
	token, err := keyjar.Parse(text)
	if err != nil {
		return fail(message.RuleClaimsSourceFailure, "a signed JWT", err)
	}
	// One that is typed otherwise was made for something else (RFC 8725, Section 3.11).
	if typ := token.Header.Type; typ != "" && !token.Header.IsType("JWT") {
		return fail(message.RuleClaimsSourceFailure, "a JWT that holds claims", &message.Violation{Rule: message.RuleJOSETyp, Param: "typ", Got: message.Excerpt(typ)})
	}
	var claims struct {
		Issuer     string        `json:"iss,omitempty"`
		Expiration message.Time  `json:"exp,omitzero"`
		NotBefore  message.Time  `json:"nbf,omitzero"`
		Extra      message.Extra `json:"-" url:"-"`
	}
	if err := message.DecodeClaims(token.Payload, &claims); err != nil {
		return fail(message.RuleClaimsSourceFailure, "claims as one strict JSON object", err)
	}
	now, leeway := float64(s.Now.Unix()), s.Snapshot.Leeway.Seconds()
	if claims.Expiration.Present() && claims.Expiration.Float() <= now-leeway || claims.NotBefore.Present() && claims.NotBefore.Float() > now+leeway {
		return fail(message.RuleClaimsSourceFailure, "claims that are valid now", nil)
	}
	// "" owns our own keys in the jar, and they sign nobody's claims.
	if keys := s.Snapshot.Jar.Set(claims.Issuer); claims.Issuer != "" && keys.Len() > 0 && token.Header.Algorithm != "none" {
		switch _, err := keys.Verify(token, asymmetricAlgorithms()); {
		case err == nil:
			got.Issuer, got.Verified = claims.Issuer, true
		case !isUnknownKey(err):
			return fail(message.RuleClaimsSourceSignature, "a good signature of "+message.Excerpt(claims.Issuer), err)
		}
	}
	for _, name := range names {
		if value, ok := claims.Extra.Get(name); ok && !protocolClaims[name] {
			got.Claims = append(got.Claims, message.Member{Name: name, Value: value})
		}
	}
	return got, nil
}

// recordSource says whether anybody stands for the claims.
func recordSource(s *Step, at string, got SourcedClaims) {
	if got.Verified {
		s.Pass(message.RuleClaimsSourceSignature, at)
	} else {
		s.Warn(message.RuleClaimsSourceSignature, at, "unverified: unsigned, or signed by an issuer or with a key that is not known")
	}
	s.Pass(message.RuleClaimsSourceFailure, at)
}

// keepSources adds the claims of other sources to the login's record, each beside its
// source.
func (s *Step) keepSources(r *state.Record) {
	if len(s.sources) == 0 {
		return
	}
	type kept struct {
		Issuer   string                     `json:"iss,omitempty"`
		Verified bool                       `json:"verified"`
		Claims   map[string]json.RawMessage `json:"claims"`
	}
	all := map[string]kept{}
	if json.Unmarshal(r.Item(ItemClaimsSources), &all) != nil {
		all = map[string]kept{} // there were none
	}
	for _, got := range s.sources {
		claims := map[string]json.RawMessage{}
		for _, m := range got.Claims {
			claims[m.Name] = m.Value
		}
		all[got.Source] = kept{Issuer: got.Issuer, Verified: got.Verified, Claims: claims}
	}
	if encoded, err := json.Marshal(all); err == nil {
		r.Set(ItemClaimsSources, encoded)
	}
}
