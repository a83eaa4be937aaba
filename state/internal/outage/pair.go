package outage

import (
	"fmt"
	"testing"
	"time"
)

// TwoProcesses lets two processes on the store that where names finish each
// other's logins, sealed: begun in one, claimed in the other, and of two
// callbacks at the same time exactly one gets the login, the other
// state.ErrUnknown.
func TwoProcesses(t *testing.T, where string) {
	t.Helper()
	a, b := StartProcess(t, where), StartProcess(t, where)
	a.Do("begin", "S", "ok verifier of S")
	b.Do("begin", "S", "exists")
	b.Do("claim", "S", "ok verifier of S")
	a.Do("claim", "S", "unknown")
	a.Do("session", "S", "ok verifier of S")
	b.Do("end", "S", "ok ")
	a.Do("session", "S", "unknown")

	races := 200
	if testing.Short() {
		races = 20
	}
	for i := range races {
		name := fmt.Sprint("S", i)
		beginner, other := a, b
		if i%2 == 1 {
			beginner, other = b, a
		}
		beginner.Do("begin", name, "ok verifier of "+name)
		beginner.Tell("claim", name)
		other.Tell("claim", name)
		first, second := beginner.Answer(), other.Answer()
		won := "ok verifier of " + name
		if !(first == won && second == "unknown" || first == "unknown" && second == won) {
			t.Fatalf("%s: %q and %q", name, first, second)
		}
	}
}

// TwoProcessesUnderLoad lets two processes begin half of so many logins each,
// and then both claim all of them at the same time: together they get each
// login once.
func TwoProcessesUnderLoad(t *testing.T, where string, logins int) {
	t.Helper()
	a, b := StartProcess(t, where), StartProcess(t, where)
	both := func(verb, forA, forB string) (first, second int, took time.Duration) {
		t.Helper()
		start := time.Now()
		a.Tell(verb, forA)
		b.Tell(verb, forB)
		answers := a.Answer() + ", " + b.Answer()
		if _, err := fmt.Sscanf(answers, "did %d, did %d", &first, &second); err != nil {
			t.Fatalf("%s: %s", verb, answers)
		}
		return first, second, time.Since(start)
	}
	first, second, began := both("fill", fmt.Sprint("0 2 ", logins), fmt.Sprint("1 2 ", logins))
	if first+second != logins {
		t.Fatalf("of %d logins %d and %d were begun", logins, first, second)
	}
	first, second, claimed := both("drain", fmt.Sprint(logins), fmt.Sprint(logins))
	if first+second != logins {
		t.Errorf("of %d logins %d and %d were claimed", logins, first, second)
	}
	t.Logf("%d logins begun in %v, claimed by two, %d and %d, in %v", logins, began, first, second, claimed)
}
