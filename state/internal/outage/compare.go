package outage

import (
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"
)

// A Candidate is one of the ways to do the same that are compared.
type Candidate struct {
	Name string
	Call func(i int) error
}

// Compare lets candidates make so many calls each, a number of them in flight,
// in b.N rounds. Who goes first changes from round to round, and the best round
// of each counts, so that what else the machine does weighs on all alike. It
// reports the time of a call of each, and as "x-NAME" how many times as long the
// first takes as each other one. Before each turn prepare is called, with the
// clock stopped.
func Compare(b *testing.B, calls, inFlight int, prepare func(), candidates ...Candidate) {
	best := make([]time.Duration, len(candidates))
	for round := range b.N {
		for i := range candidates {
			at := (i + round) % len(candidates)
			prepare()
			runtime.GC()
			took := turn(b, calls, inFlight, candidates[at].Call)
			if best[at] == 0 || took < best[at] {
				best[at] = took
			}
		}
	}
	for i := range best {
		best[i] /= time.Duration(calls)
	}
	report(b, best, candidates)
}

// CompareOne lets candidates make one call after the other, in turns, in b.N
// rounds of so many calls each, and reports the median of a call as Compare
// does. Call gets numbers below calls, each from one candidate only.
func CompareOne(b *testing.B, calls int, prepare func(), candidates ...Candidate) {
	samples := make([][]time.Duration, len(candidates))
	for round := range b.N {
		prepare()
		runtime.GC()
		for i := range calls {
			at := (i + round) % len(candidates)
			start := time.Now()
			err := candidates[at].Call(i)
			samples[at] = append(samples[at], time.Since(start))
			if err != nil {
				b.Fatal(err)
			}
		}
	}
	median := make([]time.Duration, len(candidates))
	for i, s := range samples {
		slices.Sort(s)
		median[i] = s[len(s)/2]
	}
	report(b, median, candidates)
}

func report(b *testing.B, took []time.Duration, candidates []Candidate) {
	for i, c := range candidates {
		b.ReportMetric(float64(took[i].Nanoseconds()), "ns/"+c.Name)
		if i > 0 {
			b.ReportMetric(float64(took[0])/float64(took[i]), "x-"+c.Name)
		}
	}
	b.ReportMetric(0, "ns/op") // of a round: of no use
}

func turn(b *testing.B, calls, inFlight int, call func(i int) error) time.Duration {
	var wg sync.WaitGroup
	start := time.Now()
	for w := range inFlight {
		wg.Go(func() {
			for i := w; i < calls; i += inFlight {
				if err := call(i); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	return time.Since(start)
}
