package state_test

import (
	"errors"
	"testing"

	"github.com/oidcservice/oidc/state"
)

// What is made of the claims is made once as long as they stay what they are, on every copy
// of the record; that of other values is made each time.
func TestDecodeKept(t *testing.T) {
	r := state.NewRecord("a state of 22 characters", "https://op.example")
	made := 0
	decode := func(value string) (any, error) {
		made++
		return "of " + value, nil
	}
	check := func(r state.Record, name, want string, times int) {
		t.Helper()
		got, err := r.DecodeKept(name, decode)
		if err != nil || got != want || made != times {
			t.Errorf("%v, %v, made %d times, want %s, %d", got, err, made, want, times)
		}
	}
	check(r, state.KeptIDTokenClaims, "of ", 1)
	r.Keep(state.KeptIDTokenClaims, `{"sub":"a"}`)
	r.Keep(state.KeptNonce, "n")
	failed := errors.New("not now")
	if _, err := r.DecodeKept(state.KeptIDTokenClaims, func(string) (any, error) { return nil, failed }); !errors.Is(err, failed) {
		t.Error(err)
	}
	check(r, state.KeptIDTokenClaims, `of {"sub":"a"}`, 2)
	other := r
	check(other, state.KeptIDTokenClaims, `of {"sub":"a"}`, 2)
	check(r, state.KeptNonce, "of n", 3)
	check(r, state.KeptNonce, "of n", 4)
	other.Keep(state.KeptIDTokenClaims, `{"sub":"b"}`)
	check(other, state.KeptIDTokenClaims, `of {"sub":"b"}`, 5)
	check(r, state.KeptIDTokenClaims, `of {"sub":"a"}`, 6)
}
