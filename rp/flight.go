package rp

import (
	"context"
	"errors"
	"sync"
	"time"
)

// errAbandoned is what waiters get when the work panicked.
var errAbandoned = errors.New("rp: the work was abandoned")

// flights lets one caller do what several want at the same time; the others wait for
// its result. The zero value works.
type flights struct {
	mu    sync.Mutex
	under map[string]*flight
}

type flight struct {
	done chan struct{}
	err  error
}

// do runs work under a deadline of its own: a caller that goes away must not take from
// the others what it began for all, such as a refresh whose answer holds the only new
// refresh token. Waiters leave when their own context is done.
func (f *flights) do(ctx context.Context, key string, limit time.Duration, work func(context.Context) error) error {
	f.mu.Lock()
	if first, ok := f.under[key]; ok {
		f.mu.Unlock()
		select {
		case <-first.done:
			return first.err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	own := &flight{done: make(chan struct{}), err: errAbandoned}
	if f.under == nil {
		f.under = map[string]*flight{}
	}
	f.under[key] = own
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		delete(f.under, key)
		f.mu.Unlock()
		close(own.done)
	}()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	defer cancel()
	own.err = work(ctx)
	return own.err
}

// pause waits for d or until ctx is done.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
