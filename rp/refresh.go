package rp

import (
	"context"
	"encoding/binary"
	"io"
	"sync"
	"time"

	"github.com/oidcservice/oidc/service"
)

// How often Start looks, at most and at least: a provider that a user has just named
// must not wait long.
const (
	shortestRound = time.Second
	longestRound  = 5 * time.Minute
	refreshAtOnce = 4 // providers that are asked at the same time
)

// Start starts one goroutine that keeps metadata and keys fresh until ctx is done, and
// returns a channel that is closed when it has ended. Documents are fetched before they
// are stale, at a time that differs from process to process; while a provider is down,
// what is known of it serves on, and it is asked again later and later.
//
// Without Start the first request that finds something stale fetches it.
func (p *Party) Start(ctx context.Context) <-chan struct{} {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for pause(ctx, p.Refresh(ctx)) == nil {
		}
	}()
	return ended
}

// Refresh fetches what is stale or soon will be, of every provider that is configured or
// has been used, and returns when to look again. It is one round of Start, for those
// who have a scheduler of their own.
func (p *Party) Refresh(ctx context.Context) time.Duration {
	next := longestRound
	var mu sync.Mutex
	var wg sync.WaitGroup
	slots := make(chan struct{}, refreshAtOnce)
	for _, v := range p.providers() {
		if ctx.Err() != nil {
			break
		}
		wg.Add(1)
		slots <- struct{}{}
		go func() {
			defer func() { <-slots; wg.Done() }()
			wait := v.refreshDue(ctx)
			mu.Lock()
			defer mu.Unlock()
			next = min(next, wait)
		}()
	}
	wg.Wait()
	return max(next, shortestRound)
}

// refreshDue fetches what is due and returns how long the rest can wait.
func (v *provider) refreshDue(ctx context.Context) time.Duration {
	jitter := v.party.jitter()
	if wait := time.Duration(v.notBefore.Load() - v.context.Now().UnixNano()); wait > 0 {
		return wait
	}
	if !v.named && !v.complete() {
		_ = v.party.flights.do(ctx, "learn "+v.issuer, v.patience(), v.learn)
		if !v.complete() {
			return retryFirst
		}
	}
	now := v.context.Now()
	metadata, keys := v.metadataDue(jitter), v.keysDue(jitter)
	if !metadata.IsZero() && !now.Before(metadata) {
		_ = v.party.flights.do(ctx, "learn "+v.issuer, v.patience(), v.fetchMetadata)
	}
	if !keys.IsZero() && !now.Before(keys) {
		_ = v.party.flights.do(ctx, "keys "+v.issuer, v.patience(), v.fetchKeys)
	}
	wait := longestRound
	for _, due := range []time.Time{v.metadataDue(jitter), v.keysDue(jitter)} {
		if !due.IsZero() {
			wait = min(wait, due.Sub(v.context.Now()))
		}
	}
	if later := time.Duration(v.notBefore.Load() - v.context.Now().UnixNano()); later > 0 {
		wait = max(wait, later)
	}
	return wait
}

// metadataDue is when metadata is fetched again: in the last fifth of its life. Zero is
// never.
func (v *provider) metadataDue(jitter float64) time.Time {
	if v.config.Provider != nil {
		return time.Time{}
	}
	life := v.party.o.RefreshEvery
	return time.Unix(0, v.metadataAt.Load()).Add(early(life, jitter))
}

// keysDue is the same for keys.
func (v *provider) keysDue(jitter float64) time.Time {
	sn := v.context.Snapshot()
	if sn.Endpoint(service.JWKSName) == "" || v.config.ProviderKeys != nil {
		return time.Time{}
	}
	set, fetched := sn.KeySets[v.issuer]
	if !fetched {
		return time.Unix(0, 0)
	}
	return set.Fetched.Add(early(set.FreshUntil.Sub(set.Fetched), jitter))
}

// early returns a time in the last fifth of a life.
func early(life time.Duration, jitter float64) time.Duration {
	return life - time.Duration(float64(life)*(0.05+0.15*jitter))
}

// jitter returns a number from 0 to 1, so that many processes do not ask at once.
func (p *Party) jitter() float64 {
	var b [8]byte
	if _, err := io.ReadFull(p.o.Rand, b[:]); err != nil {
		return 0.5
	}
	return float64(binary.BigEndian.Uint64(b[:])>>11) / (1 << 53)
}

// Status tells what is known about a provider, for a page that operators look at.
type Status struct {
	Issuer     string    // the provider's
	Registered bool      // there is a client_id
	MetadataAt time.Time // when metadata was fetched; zero if configured or unknown
	KeysAt     time.Time // when keys were fetched; zero if configured or unknown
	FreshUntil time.Time // of the keys
	Failures   int       // attempts to refresh that failed in a row
	NextTry    time.Time // not before this, after a failure
}

// Status tells about every provider that is held in memory.
func (p *Party) Status() []Status {
	all := make([]Status, 0, 1)
	for _, v := range p.providers() {
		s := Status{Issuer: v.issuer, Registered: v.registered(), Failures: int(v.failures.Load())}
		if at := v.metadataAt.Load(); at != 0 {
			s.MetadataAt = time.Unix(0, at)
		}
		if set, ok := v.context.Snapshot().KeySets[v.issuer]; ok {
			s.KeysAt, s.FreshUntil = set.Fetched, set.FreshUntil
		}
		if at := v.notBefore.Load(); at != 0 {
			s.NextTry = time.Unix(0, at)
		}
		all = append(all, s)
	}
	return all
}
