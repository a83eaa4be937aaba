package rp

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/resource"
	"github.com/oidcservice/oidc/service"
)

// meet finds out what the verifier needs to know from an issuer. Learnt is how often keys
// had been fetched before it judged.
func (a *API) meet(ctx context.Context, req *resource.Request, need *resource.NeedError, learnt uint64) error {
	v, err := a.party.provider(ctx, need.Issuer)
	if err != nil {
		return err
	}
	if need.Introspect != "" {
		req.Introspection, err = a.introspect(ctx, v, need.Introspect)
		return err
	}
	return a.learnKeys(ctx, v, learnt)
}

// refresh renews what is known of issuers and stale. The old serves on if that fails.
func (a *API) refresh(ctx context.Context) {
	for _, v := range a.party.static {
		before := v.context.Snapshot().ProviderKeys()
		if before == nil {
			continue // the first token brings it
		}
		v.freshKeys(ctx)
		if v.context.Snapshot().ProviderKeys() != before {
			a.passKeys(v)
		}
	}
}

// discover sees to it that the issuer's metadata is known.
func (a *API) discover(ctx context.Context, v *provider) error {
	if v.context.Snapshot().Provider != nil && !v.staleMetadata() {
		return nil
	}
	if err := v.recall(ctx); err != nil {
		a.party.logger.WarnContext(ctx, "what was learnt about an issuer cannot be read", "issuer", v.issuer, "error", err)
	}
	if v.context.Snapshot().Provider != nil && !v.staleMetadata() {
		return nil
	}
	if err := v.fetchMetadata(ctx); err != nil && v.context.Snapshot().Provider == nil {
		return err
	}
	return nil
}

// learnKeys fetches the keys of an issuer, once for all requests that wait for them. An
// unknown key leads to one fetch a minute (rule jwks_refetch_cooldown); the verdict is then
// that of the keys that are known, or of those that came while it was judged.
func (a *API) learnKeys(ctx context.Context, v *provider, learnt uint64) error {
	err := a.party.flights.do(ctx, "keys "+v.issuer, v.patience(), func(ctx context.Context) error {
		if a.learnt.Load() != learnt {
			return nil
		}
		if err := a.discover(ctx, v); err != nil {
			return err
		}
		if before := v.keysFetched(); v.recall(ctx) == nil && v.keysFetched().After(before) {
			a.passKeys(v)
			a.learnt.Add(1)
			return nil
		}
		_, err := v.run(ctx, service.JWKSName, service.Args{})
		if err == nil {
			v.settled()
			v.remember(ctx)
			a.passKeys(v)
			a.learnt.Add(1)
		}
		return err
	})
	if a.passKeys(v) != nil && errors.Is(err, message.RuleJWKSRefetchCooldown) {
		return nil
	}
	return err
}

// introspect asks an issuer about a token, once for all requests that wait for the answer.
func (a *API) introspect(ctx context.Context, v *provider, token message.Secret) (*message.IntrospectionResponse, error) {
	key := sha256.Sum256([]byte(token.Reveal()))
	if m := a.answers.get(key, a.party.o.Now()); m != nil {
		return m, nil
	}
	err := a.party.flights.do(ctx, "introspect "+v.issuer+" "+string(key[:]), v.patience(), func(ctx context.Context) error {
		if err := a.discover(ctx, v); err != nil {
			return err
		}
		res, err := v.run(ctx, service.IntrospectionName, service.Args{Message: message.IntrospectionRequest{
			Token: token, TokenTypeHint: message.TokenTypeHintAccessToken,
		}})
		if err != nil {
			return err
		}
		m := service.MessageOf[message.IntrospectionResponse](res)
		a.answers.put(key, m, a.party.o.Now(), a.resource.CacheFor(m, max(0, a.config.IntrospectionCache)))
		return nil
	})
	if err != nil {
		return nil, err
	}
	if m := a.answers.last(key); m != nil {
		return m, nil
	}
	return nil, fmt.Errorf("rp: the answer about a token: %w", errAbandoned)
}

// mostAnswers bounds the answers that are held in memory: a few megabytes.
const mostAnswers = 10_000

// answers are what issuers told about tokens, by the hash of the token. The zero value
// works.
type answers struct {
	mu    sync.Mutex
	known map[[sha256.Size]byte]answer
}

type answer struct {
	message *message.IntrospectionResponse
	until   time.Time
}

func (a *answers) get(key [sha256.Size]byte, now time.Time) *message.IntrospectionResponse {
	a.mu.Lock()
	defer a.mu.Unlock()
	if one := a.known[key]; now.Before(one.until) {
		return one.message
	}
	return nil
}

// last returns an answer that has just come, for those who waited for it: it may be of no
// use a moment later.
func (a *answers) last(key [sha256.Size]byte) *message.IntrospectionResponse {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.known[key].message
}

// put keeps an answer. When there are too many, those that are of no use any more go, and
// then any: they can be had again.
func (a *answers) put(key [sha256.Size]byte, m *message.IntrospectionResponse, now time.Time, life time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.known == nil {
		a.known = map[[sha256.Size]byte]answer{}
	}
	if len(a.known) >= mostAnswers {
		for old, one := range a.known {
			if !now.Before(one.until) {
				delete(a.known, old)
			}
		}
		for old := range a.known {
			if len(a.known) < mostAnswers*9/10 {
				break
			}
			delete(a.known, old)
		}
	}
	a.known[key] = answer{m, now.Add(life)}
}
