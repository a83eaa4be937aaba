package state

import (
	"context"
	"errors"
	"time"
)

// A Call is one call of a Store, as Observed tells of it.
type Call struct {
	Verb  string // "add", "put", "get", "take", "swap", "join", "leave" or "members"
	Key   string // a hash; of a group for the last three
	Bytes int    // of the value that is stored
}

// An Outcome is how a Call ended.
type Outcome struct {
	Hit   bool  // added, found, swapped; true for put, join and leave
	Bytes int   // of the value that was found; for members their number
	Err   error // of the store, or of the context
}

// An Observer is told of every call of a Store before it starts. What it
// returns is told the outcome; it may be nil. The context it returns, such as
// one with a span, is the one the call gets; nil means the same. Latency is
// what it measures between the two: this package tells no time.
//
// An Observer runs in the caller's goroutine, and many at once.
type Observer func(ctx context.Context, call Call) (context.Context, func(Outcome))

type observed struct {
	store   Store
	observe Observer
}

// Observed returns store with an observer of its calls, for metrics, traces
// and logs. The result is a Grouper and a Swapper if store is one.
func Observed(store Store, observe Observer) Store { return &observed{store, observe} }

func (o *observed) begin(ctx context.Context, verb, key string, bytes int) (context.Context, func(Outcome)) {
	inner, end := o.observe(ctx, Call{verb, key, bytes})
	if inner == nil {
		inner = ctx
	}
	if end == nil {
		end = func(Outcome) {}
	}
	return inner, end
}

func (o *observed) Add(ctx context.Context, key string, value []byte, ttl time.Duration) (bool, error) {
	ctx, end := o.begin(ctx, "add", key, len(value))
	added, err := o.store.Add(ctx, key, value, ttl)
	end(Outcome{Hit: added, Err: err})
	return added, err
}

func (o *observed) Put(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	ctx, end := o.begin(ctx, "put", key, len(value))
	err := o.store.Put(ctx, key, value, ttl)
	end(Outcome{Hit: err == nil, Err: err})
	return err
}

func (o *observed) Get(ctx context.Context, key string) ([]byte, bool, error) {
	ctx, end := o.begin(ctx, "get", key, 0)
	value, found, err := o.store.Get(ctx, key)
	end(Outcome{Hit: found, Bytes: len(value), Err: err})
	return value, found, err
}

func (o *observed) Take(ctx context.Context, key string) ([]byte, bool, error) {
	ctx, end := o.begin(ctx, "take", key, 0)
	value, found, err := o.store.Take(ctx, key)
	end(Outcome{Hit: found, Bytes: len(value), Err: err})
	return value, found, err
}

func (o *observed) Swap(ctx context.Context, key string, old, value []byte, ttl time.Duration) (bool, error) {
	swapper, ok := o.store.(Swapper)
	if !ok {
		return false, errors.ErrUnsupported
	}
	ctx, end := o.begin(ctx, "swap", key, len(value))
	swapped, err := swapper.Swap(ctx, key, old, value, ttl)
	end(Outcome{Hit: swapped, Err: err})
	return swapped, err
}

func (o *observed) Join(ctx context.Context, group, member string, ttl time.Duration) error {
	g, ok := o.store.(Grouper)
	if !ok {
		return errors.ErrUnsupported
	}
	ctx, end := o.begin(ctx, "join", group, len(member))
	err := g.Join(ctx, group, member, ttl)
	end(Outcome{Hit: err == nil, Err: err})
	return err
}

func (o *observed) Leave(ctx context.Context, group, member string) error {
	g, ok := o.store.(Grouper)
	if !ok {
		return errors.ErrUnsupported
	}
	ctx, end := o.begin(ctx, "leave", group, 0)
	err := g.Leave(ctx, group, member)
	end(Outcome{Hit: err == nil, Err: err})
	return err
}

func (o *observed) Members(ctx context.Context, group string) ([]string, error) {
	g, ok := o.store.(Grouper)
	if !ok {
		return nil, errors.ErrUnsupported
	}
	ctx, end := o.begin(ctx, "members", group, 0)
	members, err := g.Members(ctx, group)
	end(Outcome{Hit: len(members) > 0, Bytes: len(members), Err: err})
	return members, err
}
