package endpoint

import (
	"context"
	"strconv"
	"time"
)

// maxAttempts is how many wrong guesses one source has in Lifetimes.AttemptsWindow. RFC
// 6749, Section 10.10: "The probability of an attacker guessing generated tokens ... MUST
// be less than or equal to 2^(-128)"; for what people choose only slowness helps.
const maxAttempts = 10

// An attempt is a guess at a secret, of one client or user and one source.
//
// The count is kept in slots, one entry each, so that it needs no operation of the store
// but Add and is right for concurrent guesses. The last slot is full only when all are.
type attempt struct {
	context *Context
	who     string
	limit   int           // maxAttempts if zero
	window  time.Duration // Lifetimes.AttemptsWindow if zero
}

func (a *attempt) slots() int {
	if a.limit > 0 {
		return a.limit
	}
	return maxAttempts
}

func (a *attempt) life() time.Duration {
	if a.window > 0 {
		return a.window
	}
	return a.context.lifetimes.AttemptsWindow
}

func (a *attempt) slot(n int) string { return strconv.Itoa(n) + "\x00" + a.who }

// full reports whether there is no guess left.
func (a *attempt) full(ctx context.Context) (bool, error) {
	return a.context.store.get(ctx, kindAttempt, a.slot(a.slots()-1), nil)
}

// count counts one guess and reports whether there was one left.
func (a *attempt) count(ctx context.Context) (bool, error) {
	for n := range a.slots() {
		added, err := a.context.store.add(ctx, kindAttempt, a.slot(n), true, a.life())
		if added || err != nil {
			return added, err
		}
	}
	return false, nil
}

func (a *attempt) retryAfter() string { return strconv.Itoa(int(a.life() / time.Second)) }

// Count counts a refusal that was a wrong guess at a secret; others are not counted. The
// three parts of an endpoint never do it by themselves; Serve does.
func (r *Refusal) Count(ctx context.Context) error {
	if r.attempt == nil {
		return nil
	}
	_, err := r.attempt.count(ctx)
	return err
}
