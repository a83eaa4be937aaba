package state

import (
	"context"
	"slices"
	"sync"
)

// A hold is the login that was claimed with a context, and what is not stored of it yet.
type hold struct {
	db *DB

	mu     sync.Mutex
	login  digest
	record Record                 // as it is to be; State is "" before a claim and after the end
	added  bool                   // whether the store has it, as a session
	edits  []func(*Record) error  // what made it so since it was stored
	room   [4]func(*Record) error // where the edits of nearly every login stand
}

type holdKey struct{}

// Hold returns a context for one caller who takes a login from its claim through several
// steps. The login that is claimed with it is read from the store no more, and what
// changes it is stored by Flush, all at once, instead of one by one. Whatever must
// stand before something else happens is flushed before that: the tokens before they are
// used, for instance.
//
// Claiming itself waits for nothing: who has claimed is the only one. Until the first
// Flush the session is not in the store, and whoever forgets to flush, or dies, has
// lost the login; it cannot be claimed again. An error of the store comes from Flush
// then, and not from what made the change. From the first Flush to the last must be
// less than PendingTTL, since look-ups are not renewed in between.
//
// Marks, other logins and other contexts are as always.
func (db *DB) Hold(ctx context.Context) context.Context {
	h := &hold{db: db}
	h.edits = h.room[:0]
	return context.WithValue(ctx, holdKey{}, h)
}

// Flush stores what has changed in the login that was claimed with a context of Hold; it
// does nothing when there is nothing to store. ErrUnknown if the login has ended
// meanwhile. After any other error it may be lost and has to be started again.
func (db *DB) Flush(ctx context.Context) error {
	h := db.holdOf(ctx)
	if h == nil {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.record.State == "" || h.added && len(h.edits) == 0 {
		return nil
	}
	r, err := h.store(ctx)
	if err != nil {
		h.drop()
		return wrap("flush", err)
	}
	clear(h.edits)
	h.record, h.added, h.edits = r, true, h.edits[:0]
	return nil
}

func (h *hold) store(ctx context.Context) (Record, error) {
	if !h.added {
		next := &seen{h.record, prefixSession}
		err := h.db.add(ctx, &h.login, next)
		return next.Record, err
	}
	r := &h.record
	r.links = slices.Clone(r.links)
	for i := range r.links {
		r.links[i].joined = !r.links[i].changed
	}
	return h.db.replace(ctx, prefixSession, &h.login, r.State, r, h.edit)
}

// edit makes the changes that are not stored again, on what another has stored meanwhile.
func (h *hold) edit(now *Record) error {
	for _, edit := range h.edits {
		if err := edit(now); err != nil {
			return err
		}
	}
	return nil
}

// holdOf returns the hold of a context, nil if it has none of this DB.
func (db *DB) holdOf(ctx context.Context) *hold {
	if h, ok := ctx.Value(holdKey{}).(*hold); ok && h.db == db {
		return h
	}
	return nil
}

// claimed takes a login that was claimed, as change has it, and reports whether it did: a
// hold has one.
func (h *hold) claimed(login *digest, r Record, change func(*Record)) (Record, bool) {
	if h == nil {
		return r, false
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.record.State != "" {
		return r, false
	}
	h.login, h.record = *login, r
	if change != nil {
		change(&h.record)
	}
	return h.record, true
}

// session returns the login of a state if it is the one that is held.
func (h *hold) session(state string) (Record, bool) {
	if h == nil || state == "" {
		return Record{}, false
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.record, h.record.State == state
}

// change lets edit change the login of a state if it is the one that is held.
func (h *hold) change(state string, edit func(*Record) error) (r Record, held bool, err error) {
	if h == nil || state == "" {
		return Record{}, false, nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.record.State != state {
		return Record{}, false, nil
	}
	before := h.record
	if err := edit(&h.record); err != nil {
		h.record = before
		return Record{}, true, refusal{err}
	}
	h.edits = append(h.edits, edit)
	return h.record, true, nil
}

// end forgets the login of a state if it is the one that is held.
func (h *hold) end(state string) {
	if h == nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.record.State == state {
		h.drop()
	}
}

func (h *hold) drop() { h.record, h.added, h.edits = Record{}, false, nil }
