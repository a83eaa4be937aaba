package service

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/servicecontext"
	"github.com/oidcservice/oidc/state"
)

// How long a key set is used without asking again, when HTTP says less, more or
// nothing (Core 1.0, Section 10.1.1), and how long after a refetch there is none.
const (
	leastFreshness   = 5 * time.Minute
	mostFreshness    = 24 * time.Hour
	usualFreshness   = time.Hour
	refetchCooldown  = time.Minute
	mediaJWKSet      = "application/jwk-set+json"
	maxSkippedListed = 20
)

// NewJWKS makes the jwks service: it fetches the provider's key set from the jwks_uri
// of its metadata (Core 1.0, Section 10.1; RFC 7517, Section 5). Nothing that a token
// says leads to a key.
//
// When the set was fetched before, building the request stamps the shared store for
// a minute; losing that race is a Violation of jwks_refetch_cooldown.
func NewJWKS(env Env) Service {
	return Definition[message.JWKSRequest, message.JWKS]{
		Name:     JWKSName,
		Request:  Query,
		Response: JSON,
		Answer: Answer{
			Media:      []string{mediaJSON, mediaJWKSet},
			StatusRule: message.RuleJWKSShape,
			NoErrors:   true,
		},
		Endpoint: func(s *Step, _ *message.JWKSRequest) string { return s.Snapshot.Endpoint(JWKSName) },
		Gather: func(_ context.Context, s *Step, _ *message.JWKSRequest) error {
			if s.Snapshot.Provider == nil {
				return fmt.Errorf("%w: the provider's metadata", ErrNotConfigured)
			}
			s.Pass(message.RuleJWKSSource, "jwks_uri")
			return nil
		},
		Remember: stampRefetch,
		Verify: func(_ context.Context, s *Step, _ *message.JWKS) error {
			_, _, err := readKeys(s)
			return err
		},
		Update: updateKeys,
	}.New(env)
}

// stampRefetch allows one refetch in a minute, across all processes that share the
// store: "an unknown kid" is free to send for anybody. A store that fails allows none.
func stampRefetch(ctx context.Context, s *Step, _ *message.JWKSRequest) error {
	issuer := s.Snapshot.Issuer
	if _, fetched := s.Snapshot.KeySets[issuer]; !fetched {
		s.Skip(message.RuleJWKSRefetchCooldown, "jwks_uri", "the first fetch")
		return nil
	}
	taken, err := s.DB().Seen(ctx, state.KindJWKSRefetch, issuer, refetchCooldown)
	if err != nil {
		return s.Fail(message.RuleJWKSRefetchCooldown, "jwks_uri", "", "a state store that remembers the attempt", err)
	}
	if taken {
		return s.Fail(message.RuleJWKSRefetchCooldown, "jwks_uri", "", "a minute between two fetches of one key set", nil)
	}
	s.Pass(message.RuleJWKSRefetchCooldown, "jwks_uri")
	return nil
}

// readKeys judges a key set entry by entry. One that nobody understands is skipped
// and reported; a private or symmetric one condemns the set, since whoever can read
// it can sign.
func readKeys(s *Step) (*keyjar.Set, []string, error) {
	keys, skipped, err := keyjar.ParseSet(s.Response.Body)
	if err != nil {
		var v *message.Violation
		if errors.As(err, &v) && v.Rule != message.RuleJWKSShape {
			return nil, nil, s.Fail(message.RuleJWKSShape, "keys", "", "a JWK Set", err)
		}
		return nil, nil, violated(s, err)
	}
	s.Pass(message.RuleJWKSShape, "keys")
	var reasons []string
	for _, entry := range skipped {
		param := "keys[" + strconv.Itoa(entry.Index) + "]"
		if errors.Is(entry.Err, message.RuleJWKSNoPrivate) {
			return nil, nil, s.Fail(message.RuleJWKSNoPrivate, param, "", "public keys only", entry.Err)
		}
		reason := printable(entry.Err.Error())
		s.Warn(message.RuleJWKSSkipUnknown, param, reason)
		if errors.Is(entry.Err, message.RuleKeyStrength) {
			s.Warn(message.RuleKeyStrength, param, reason)
		}
		if len(reasons) < maxSkippedListed {
			reasons = append(reasons, param+": "+reason)
		}
	}
	s.Pass(message.RuleJWKSNoPrivate, "keys")
	if len(skipped) == 0 {
		s.Pass(message.RuleJWKSSkipUnknown, "keys")
	}
	s.Pass(message.RuleJWKSRefetch, "keys")
	s.Pass(message.RuleJWKSCacheLifetime, "cache_control")
	return keys, reasons, nil
}

func updateKeys(_ context.Context, s *Step, _ *message.JWKS) error {
	keys, reasons, err := readKeys(&Step{Response: s.Response})
	if err != nil {
		return err
	}
	issuer := s.Snapshot.Issuer
	return s.Context().Update(func(sn *servicecontext.Snapshot) error {
		sn.Jar = sn.Jar.With(issuer, keys)
		sn.KeySets[issuer] = servicecontext.KeySet{
			URI:        s.Snapshot.Endpoint(JWKSName),
			Fetched:    s.Now,
			FreshUntil: s.Now.Add(freshness(s.Response.Header)),
			Skipped:    reasons,
		}
		return nil
	})
}

// freshness reads max-age less Age (RFC 9111, Section 4.2), within our bounds.
func freshness(header map[string][]string) time.Duration {
	life := usualFreshness
	for _, directive := range strings.Split(strings.Join(headerValues(header, "Cache-Control"), ","), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
		switch strings.ToLower(name) {
		case "no-store", "no-cache":
			return leastFreshness
		case "max-age":
			seconds, err := strconv.ParseInt(strings.Trim(value, `"`), 10, 32)
			if err != nil || seconds < 0 {
				return leastFreshness
			}
			life = time.Duration(seconds) * time.Second
			if ages := headerValues(header, "Age"); len(ages) == 1 {
				if age, err := strconv.ParseInt(ages[0], 10, 32); err == nil && age > 0 {
					life -= time.Duration(age) * time.Second
				}
			}
		}
	}
	return min(max(life, leastFreshness), mostFreshness)
}
