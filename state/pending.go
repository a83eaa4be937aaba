package state

import "context"

// UpdatePending is Update for a login that waits for its response: what a pushed
// authorization request was answered with is kept there (RFC 9126, Section 2.2).
func (db *DB) UpdatePending(ctx context.Context, state string, change func(*Record) error) (Record, error) {
	var refused error
	r, err := db.change(ctx, prefixPending, state, nil, func(now *Record) error {
		refused = change(now)
		return refused
	})
	if refused != nil {
		return Record{}, refused
	}
	return r, wrap("update", err)
}
