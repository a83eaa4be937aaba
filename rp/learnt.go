package rp

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/service"
	"github.com/oidcservice/oidc/servicecontext"
	"github.com/oidcservice/oidc/state"
)

// learntTTL is how long the store keeps what was learnt about a provider that nobody
// logs in at.
const learntTTL = 30 * 24 * time.Hour

// retryFirst and retryMost bound the wait after a refresh that failed.
const (
	retryFirst = time.Minute
	retryMost  = time.Hour
)

// learnt is what the store keeps about a provider: what other processes, and this one
// after a restart, need not ask again.
type learnt struct {
	MetadataAt int64           `json:"metadata_at,omitempty"` // nanoseconds
	Context    json.RawMessage `json:"context"`
}

// storeKey names a provider in the store. Parties with other clients have other names.
func (v *provider) storeKey() string {
	sum := sha256.Sum256([]byte(strings.Join(append([]string{v.issuer, v.config.ClientID}, v.context.Snapshot().Metadata.RedirectURIs...), "\n")))
	return "c-" + base64.RawURLEncoding.EncodeToString(sum[:])
}

// clientKey names the registration that the party made there.
func (v *provider) clientKey() string { return "i-" + v.storeKey()[2:] }

// remember puts what is known into the store: metadata, keys, and the registration if
// the party made it. Configured credentials stay where they are. A failure is no reason
// to fail a login.
func (v *provider) remember(ctx context.Context) {
	if err := v.put(ctx, false); err != nil {
		v.party.logger.WarnContext(ctx, "what was learnt about a provider cannot be kept", "issuer", v.issuer, "error", err)
	}
	if v.registers() && v.registered() {
		v.rememberClient(ctx)
	}
}

// rememberClient keeps the registration in the store. It has an entry of its own, so
// that a process that knows only the metadata does not undo it.
func (v *provider) rememberClient(ctx context.Context) {
	if err := v.put(ctx, true); err != nil {
		v.party.logger.WarnContext(ctx, "a registration cannot be kept", "issuer", v.issuer, "error", err)
	}
}

// forgetClient takes a registration that the provider does not know any more out of
// the store.
func (v *provider) forgetClient(ctx context.Context) {
	if _, _, err := v.party.store.Take(ctx, v.clientKey()); err != nil {
		v.party.logger.WarnContext(ctx, "a registration cannot be forgotten", "issuer", v.issuer, "error", err)
	}
}

func (v *provider) put(ctx context.Context, client bool) error {
	sn := v.context.Snapshot()
	copied := v.config
	copied.Client, copied.ClientID, copied.ClientSecret = nil, "", ""
	key := v.storeKey()
	if client {
		copied.Client, key = sn.Client, v.clientKey()
	}
	copied.Provider = sn.Provider
	sc, err := servicecontext.New(copied)
	if err != nil {
		return err
	}
	err = sc.Update(func(next *servicecontext.Snapshot) error {
		next.Jar = sn.Jar
		for issuer, set := range sn.KeySets {
			next.KeySets[issuer] = set
		}
		return nil
	})
	if err != nil {
		return err
	}
	marshalled, err := sc.Marshal()
	if err != nil {
		return err
	}
	data, err := json.Marshal(learnt{MetadataAt: v.metadataAt.Load(), Context: marshalled})
	if err != nil {
		return err
	}
	return v.party.store.Put(ctx, key, data, learntTTL)
}

// recall takes from the store what is newer there than here.
func (v *provider) recall(ctx context.Context) error {
	if err := v.recallFrom(ctx, v.storeKey()); err != nil || !v.registers() || v.registered() {
		return err
	}
	return v.recallFrom(ctx, v.clientKey())
}

func (v *provider) recallFrom(ctx context.Context, key string) error {
	data, found, err := v.party.store.Get(ctx, key)
	if err != nil || !found {
		return err
	}
	var doc learnt
	if err := json.Unmarshal(data, &doc); err != nil {
		return fmt.Errorf("rp: what was learnt about %s: %w", v.issuer, err)
	}
	stored, err := servicecontext.Parse(doc.Context, v.config)
	if err != nil {
		return err
	}
	theirs := stored.Snapshot()
	newer := v.config.Provider == nil && theirs.Provider != nil && doc.MetadataAt > v.metadataAt.Load()
	err = v.context.Update(func(sn *servicecontext.Snapshot) error {
		if newer {
			sn.Provider = theirs.Provider
		}
		if v.registers() && theirs.Client != nil {
			sn.Client = theirs.Client
		}
		if set, ok := theirs.KeySets[v.issuer]; ok && set.Fetched.After(sn.KeySets[v.issuer].Fetched) {
			sn.Jar = sn.Jar.With(v.issuer, theirs.Jar.Set(v.issuer))
			sn.KeySets[v.issuer] = set
		}
		return nil
	})
	if err == nil && newer {
		v.metadataAt.Store(doc.MetadataAt)
	}
	return err
}

// learn fetches what is missing or stale.
func (v *provider) learn(ctx context.Context) error {
	if err := v.recall(ctx); err != nil {
		v.party.logger.WarnContext(ctx, "what was learnt about a provider cannot be read", "issuer", v.issuer, "error", err)
	}
	if v.context.Snapshot().Provider == nil || v.staleMetadata() {
		if err := v.fetchMetadata(ctx); err != nil && v.context.Snapshot().Provider == nil {
			return err
		}
	}
	if v.registered() {
		return nil
	}
	if !v.registers() {
		return fmt.Errorf("%w: client_id", service.ErrNotRegistered)
	}
	return v.register(ctx)
}

// fetchMetadata asks for the provider's metadata. What is known stays when the answer
// is not good.
func (v *provider) fetchMetadata(ctx context.Context) error {
	name := service.ProviderInfoName
	if !v.context.Snapshot().Profile.OpenID() {
		name = service.ServerMetadataName // RFC 8414, Section 3
	}
	_, err := v.run(ctx, name, service.Args{})
	if err != nil {
		v.postpone(ctx, name, err)
		return err
	}
	v.metadataAt.Store(v.context.Now().UnixNano())
	v.settled()
	v.remember(ctx)
	return nil
}

// fetchKeys asks for the provider's keys, unless another process has just done so.
func (v *provider) fetchKeys(ctx context.Context) error {
	if before := v.keysFetched(); v.recall(ctx) == nil && v.keysFetched().After(before) && v.context.Snapshot().KeysFresh(v.issuer, v.context.Now()) {
		return nil
	}
	_, err := v.run(ctx, service.JWKSName, service.Args{})
	if err != nil {
		v.postpone(ctx, service.JWKSName, err)
		return err
	}
	v.settled()
	v.remember(ctx)
	// The cool-down is against key identifiers that anybody can make up. A fetch that
	// nobody outside can cause leaves it to the first of those: the provider may rotate
	// its keys in the next moment.
	return v.party.db.Release(ctx, state.KindJWKSRefetch, v.issuer)
}

// postpone notes that a refresh failed: the next attempt comes later, and later still
// if that fails too. A first fetch is not held back: somebody is waiting for it.
func (v *provider) postpone(ctx context.Context, step string, err error) {
	wait := min(retryFirst<<min(v.failures.Add(1)-1, 6), retryMost)
	v.notBefore.Store(v.context.Now().Add(wait).UnixNano())
	if errors.Is(err, message.RuleJWKSRefetchCooldown) {
		return // another process has it in hand
	}
	v.party.logger.WarnContext(ctx, "a provider cannot be asked; what is known of it serves on",
		"issuer", v.issuer, "step", step, "rule", string(ruleOf(err)), "retry_in", wait, "error", err)
}

func (v *provider) settled() {
	v.failures.Store(0)
	v.notBefore.Store(0)
}
