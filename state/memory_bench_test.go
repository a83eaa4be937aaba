package state

import (
	"context"
	"fmt"
	"hash/maphash"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

const million = 1_000_000

// pendingLogin is what the authorization service stores: the request, and what
// the callback is checked against.
func pendingLogin(state string) Record {
	r := NewRecord(state, "https://op.example.com")
	r.Set(ItemAuthRequest, []byte(`{"response_type":"code","client_id":"client-3f0c2a7e9b","redirect_uri":"https://rp.example.com/callback/op.example.com",`+
		`"scope":"openid profile email address phone","state":"`+state+`","nonce":"nT5Hqk1cX0Wb3mZs8vRy2uLp6aJd9eGf4iOo7wQxYzA",`+
		`"code_challenge":"E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM","code_challenge_method":"S256","prompt":"consent","max_age":3600}`))
	r.Keep(KeptNonce, "nT5Hqk1cX0Wb3mZs8vRy2uLp6aJd9eGf4iOo7wQxYzA")
	r.Keep(KeptCodeVerifier, "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")
	r.Keep(KeptBinding, "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU")
	r.Keep(KeptRedirectURI, "https://rp.example.com/callback/op.example.com")
	return r
}

func stateOf(i int) string { return fmt.Sprintf("state-%037d", i) }

// preloaded is shared by the benchmarks: it takes longer than they do.
var preloaded = sync.OnceValues(func() (*Memory, names) {
	var before, after runtime.MemStats
	_, emptyPause = pauses(10)
	runtime.ReadMemStats(&before)
	m := new(Memory)
	db := &DB{Store: m, PendingTTL: time.Hour}
	for i := range million {
		if err := db.Begin(background, pendingLogin(stateOf(i))); err != nil {
			panic(err)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	bytesPerLogin = float64(after.HeapAlloc-before.HeapAlloc) / million
	var keys strings.Builder
	for _, i := range rand.Perm(million) {
		keys.WriteString(storeKey(prefixPending, kindState, stateOf(i)))
	}
	return m, names(keys.String())
})

var (
	bytesPerLogin float64
	emptyPause    time.Duration // of the collector before there was anything
)

var background = context.Background()

// names are a million keys in a row: a million strings would be the work of the
// garbage collector that Memory avoids.
type names string

func (n names) key(i int) string { return string(n[i*45 : i*45+45]) }

// batch is how many calls are timed at once: long enough for the clock, short
// enough that most batches are not interrupted on a machine that does other
// things as well.
const batch = 500

// rounds calls op for b.N keys from all processors at once, never twice for one
// key of a round; between rounds it calls restore with the clock stopped. It
// returns what a call takes: the median of the batches.
func rounds(b *testing.B, keys names, op func(key string), restore func(n int)) time.Duration {
	workers := runtime.GOMAXPROCS(0)
	took := make([][]time.Duration, workers)
	b.ReportAllocs()
	b.ResetTimer()
	for left := b.N; left > 0; {
		n := min(left, million)
		var wg sync.WaitGroup
		for w := range workers {
			wg.Go(func() {
				for from := w * batch; from < n; from += workers * batch {
					start := time.Now()
					end := min(from+batch, n)
					for i := from; i < end; i++ {
						op(keys.key(i))
					}
					took[w] = append(took[w], time.Since(start)/time.Duration(end-from))
				}
			})
		}
		wg.Wait()
		left -= n
		if restore != nil {
			b.StopTimer()
			restore(n)
			b.StartTimer()
		}
	}
	b.StopTimer()
	all := slices.Concat(took...)
	slices.Sort(all)
	median := all[len(all)/2]
	b.ReportMetric(float64(median.Nanoseconds()), "ns/call")
	return median
}

// BenchmarkMemory measures the verbs with a million pending logins. The floor is
// what no store in memory can do without: to hash the key and to copy the value
// from a place that is in no cache. ns/call is what a caller waits while every
// processor calls, x-floor how many times the floor that is; ns/op is the time
// that passes for a call, all processors together:
//
//	go test -run '^$' -bench 'Memory$' -benchtime 3000000x -cpu 2 ./state
func BenchmarkMemory(b *testing.B) {
	value, err := pendingLogin(stateOf(0)).Encode()
	if err != nil {
		b.Fatal(err)
	}
	var floor time.Duration
	verb := func(name string, op func(m *Memory, key string), restore func(m *Memory, key string)) {
		b.Run(name, func(b *testing.B) {
			m, keys := preloaded()
			median := rounds(b, keys, func(key string) { op(m, key) }, func(n int) {
				for i := range n {
					restore(m, keys.key(i))
				}
			})
			if floor > 0 {
				b.ReportMetric(float64(median)/float64(floor), "x-floor")
			}
			b.ReportMetric(bytesPerLogin, "B/login")
		})
	}
	b.Run("floor", func(b *testing.B) {
		_, keys := preloaded()
		seed, slab := maphash.MakeSeed(), make([]byte, million*len(value))
		for i := 0; i < len(slab); i += 1 << 10 {
			slab[i] = 1
		}
		floor = rounds(b, keys, func(key string) {
			from := maphash.String(seed, key) % million * uint64(len(value))
			copied := make([]byte, len(value))
			copy(copied, slab[from:])
			runtime.KeepAlive(copied)
		}, nil)
	})
	nothing := func(*Memory, string) {}
	put := func(m *Memory, key string) {
		if err := m.Put(background, key, value, time.Hour); err != nil {
			b.Error(err)
		}
	}
	verb("put", put, nothing)
	verb("get", func(m *Memory, key string) {
		if _, found, err := m.Get(background, key); !found || err != nil {
			b.Error(found, err)
		}
	}, nothing)
	verb("take", func(m *Memory, key string) {
		if _, found, err := m.Take(background, key); !found || err != nil {
			b.Error(found, err)
		}
	}, put)
	b.Run("pause", func(b *testing.B) {
		m, _ := preloaded()
		longest, median := pauses(max(b.N, 10))
		b.ReportMetric(float64(longest.Microseconds()), "µs-longest")
		b.ReportMetric(float64(median.Microseconds()), "µs-median")
		b.ReportMetric(float64(emptyPause.Microseconds()), "µs-empty")
		runtime.KeepAlive(m)
	})
}

// pauses collects garbage n times, and tells for how long the program stood
// still.
func pauses(n int) (longest, median time.Duration) {
	for range n {
		runtime.GC()
	}
	var stats debug.GCStats
	debug.ReadGCStats(&stats)
	last := slices.Clone(stats.Pause[:min(len(stats.Pause), n)])
	slices.Sort(last)
	return last[len(last)-1], last[len(last)/2]
}

// BenchmarkJoin is what one more login of a subject costs who has many already.
func BenchmarkJoin(b *testing.B) {
	for _, many := range []int{1, 100, 10_000} {
		b.Run(strconv.Itoa(many), func(b *testing.B) {
			m := new(Memory)
			join := func(n int) {
				if err := m.Join(background, "subject", fmt.Sprintf("%032d", n), time.Hour); err != nil {
					b.Fatal(err)
				}
			}
			for n := range many {
				join(n)
			}
			n := many
			for b.Loop() {
				join(n)
				if err := m.Leave(background, "subject", fmt.Sprintf("%032d", n-many)); err != nil {
					b.Fatal(err)
				}
				n++
			}
		})
	}
}

func BenchmarkBegin(b *testing.B) {
	db := &DB{Store: new(Memory)}
	records := make([]Record, 1<<16)
	for i := range records {
		records[i] = pendingLogin(stateOf(i))
	}
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		r := records[n&(len(records)-1)]
		if n&(len(records)-1) == 0 {
			db = &DB{Store: new(Memory)}
		}
		n++
		if err := db.Begin(background, r); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRecord(b *testing.B) {
	r := pendingLogin(stateOf(0))
	encoded, err := r.Encode()
	if err != nil {
		b.Fatal(err)
	}
	b.Run("encode", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(encoded)))
		for b.Loop() {
			if _, err := r.Encode(); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("parse", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(encoded)))
		for b.Loop() {
			if _, err := ParseRecord(encoded); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkSealed(b *testing.B) {
	s, err := Sealed(new(Memory), make([]byte, MinSealKey))
	if err != nil {
		b.Fatal(err)
	}
	value, err := pendingLogin(stateOf(0)).Encode()
	if err != nil {
		b.Fatal(err)
	}
	b.Run("put", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := s.Put(background, "key", value, time.Hour); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("get", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, _, err := s.Get(background, "key"); err != nil {
				b.Fatal(err)
			}
		}
	})
}
