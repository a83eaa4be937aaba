package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"sync"
	"time"
)

// samples is how often memory is looked at.
const samples = 20

// watch prints how much memory the provider holds under constant load: logins by session,
// with a code, a grant and tokens each, and client credentials. Whatever expires is gone
// after two lifetimes; from then on the figures must stay.
func watch(ctx context.Context, s settings, out io.Writer) (err error) {
	op, err := start(ctx, "-serve", "op", "-lifetime", s.lifetime.String())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, op.stop()) }()
	g := newGenerator(op.url, s.connections, false)
	if err := g.login(ctx, s.users); err != nil {
		return err
	}
	fmt.Fprintf(out, "%d logins and %d client credentials a second for %s; access tokens live %s\n\n", s.rate, s.rate, s.memory, s.lifetime)
	fmt.Fprintln(out, "| after | requests | heap | resident | p50 | p99 |")
	fmt.Fprintln(out, "|--:|--:|--:|--:|--:|--:|")
	l := &load{g: g}
	ctx, cancel := context.WithTimeout(ctx, s.memory+time.Minute)
	defer cancel()
	go l.run(ctx, s.rate)
	for i := range samples {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(s.memory / samples):
		}
		if err := l.sample(op, s.memory*time.Duration(i+1)/samples, out); err != nil {
			return err
		}
	}
	cancel()
	l.group.Wait()
	return nil
}

// A load is what goes on.
type load struct {
	g     *generator
	group sync.WaitGroup

	mu        sync.Mutex
	sent      int
	latencies []time.Duration
	failed    error
}

// run keeps the rate, whatever the answers take, with a bounded number under way.
func (l *load) run(ctx context.Context, rate int) {
	ticks := time.NewTicker(time.Second / time.Duration(rate))
	defer ticks.Stop()
	places := make(chan struct{}, 64)
	for i := 0; ; i++ {
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
		}
		places <- struct{}{}
		l.group.Go(func() {
			defer func() { <-places }()
			err := l.once(ctx, i)
			if ctx.Err() == nil && err != nil {
				l.mu.Lock()
				l.failed = errors.Join(l.failed, err)
				l.mu.Unlock()
			}
		})
	}
}

// once is a login with its tokens, and a token of the client's own.
func (l *load) once(ctx context.Context, i int) error {
	code, err := l.g.code(ctx, l.g.users[i%len(l.g.users)])
	if err != nil {
		return err
	}
	for _, form := range []url.Values{code, credentialsForm()} {
		took, err := l.g.redeem(ctx, form)
		if err != nil {
			return err
		}
		l.mu.Lock()
		l.sent++
		l.latencies = append(l.latencies, took)
		l.mu.Unlock()
	}
	return nil
}

// sample prints a row.
func (l *load) sample(op *child, after time.Duration, out io.Writer) error {
	u, err := op.usage("heap")
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failed != nil || len(l.latencies) == 0 {
		return errors.Join(errors.New("the load failed"), l.failed)
	}
	fmt.Fprintf(out, "| %s | %d | %.1f MB | %.1f MB | %.2f ms | %.2f ms |\n", after, l.sent, float64(u.Heap)/1e6, float64(u.RSS)/1e6,
		float64(quantile(l.latencies, 0.5))/1e6, float64(quantile(l.latencies, 0.99))/1e6)
	l.latencies = l.latencies[:0]
	return nil
}
