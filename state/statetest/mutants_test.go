package statetest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oidcservice/oidc/state"
)

// A recorder is a testing.TB that fails without failing the test around it.
type recorder struct {
	testing.TB
	mu     sync.Mutex
	failed []string
}

func (r *recorder) Helper()             {}
func (r *recorder) Logf(string, ...any) {}
func (r *recorder) Fatalf(format string, args ...any) {
	r.mu.Lock()
	r.failed = append(r.failed, fmt.Sprintf(format, args...))
	r.mu.Unlock()
	runtime.Goexit()
}

// broken returns the names of the cases that s fails.
func broken(t *testing.T, s Suite) []string {
	t.Helper()
	var names []string
	for _, c := range cases {
		r := &recorder{TB: t}
		done := make(chan struct{})
		go func() {
			defer close(done)
			c.run(r, s)
		}()
		<-done
		if len(r.failed) == 0 {
			continue
		}
		names = append(names, c.name)
		if !strings.Contains(r.failed[0], c.sentence) {
			t.Errorf("%s: the sentence is missing: %s", c.name, r.failed[0])
		}
	}
	return names
}

// mutant is a Memory with one thing wrong: fields that are set stand for the
// method.
type mutant struct {
	*state.Memory
	add     func(ctx context.Context, key string, value []byte, ttl time.Duration) (bool, error)
	put     func(ctx context.Context, key string, value []byte, ttl time.Duration) error
	get     func(ctx context.Context, key string) ([]byte, bool, error)
	take    func(ctx context.Context, key string) ([]byte, bool, error)
	swap    func(ctx context.Context, key string, old, value []byte, ttl time.Duration) (bool, error)
	join    func(ctx context.Context, group, member string, ttl time.Duration) error
	leave   func(ctx context.Context, group, member string) error
	members func(ctx context.Context, group string) ([]string, error)
}

func (m *mutant) Add(ctx context.Context, key string, value []byte, ttl time.Duration) (bool, error) {
	if m.add != nil {
		return m.add(ctx, key, value, ttl)
	}
	return m.Memory.Add(ctx, key, value, ttl)
}

func (m *mutant) Put(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	if m.put != nil {
		return m.put(ctx, key, value, ttl)
	}
	return m.Memory.Put(ctx, key, value, ttl)
}

func (m *mutant) Get(ctx context.Context, key string) ([]byte, bool, error) {
	if m.get != nil {
		return m.get(ctx, key)
	}
	return m.Memory.Get(ctx, key)
}

func (m *mutant) Take(ctx context.Context, key string) ([]byte, bool, error) {
	if m.take != nil {
		return m.take(ctx, key)
	}
	return m.Memory.Take(ctx, key)
}

func (m *mutant) Swap(ctx context.Context, key string, old, value []byte, ttl time.Duration) (bool, error) {
	if m.swap != nil {
		return m.swap(ctx, key, old, value, ttl)
	}
	return m.Memory.Swap(ctx, key, old, value, ttl)
}

func (m *mutant) Join(ctx context.Context, group, member string, ttl time.Duration) error {
	if m.join != nil {
		return m.join(ctx, group, member, ttl)
	}
	return m.Memory.Join(ctx, group, member, ttl)
}

func (m *mutant) Leave(ctx context.Context, group, member string) error {
	if m.leave != nil {
		return m.leave(ctx, group, member)
	}
	return m.Memory.Leave(ctx, group, member)
}

func (m *mutant) Members(ctx context.Context, group string) ([]string, error) {
	if m.members != nil {
		return m.members(ctx, group)
	}
	return m.Memory.Members(ctx, group)
}

// TestBrokenStores shows that each case finds the fault it is for.
func TestBrokenStores(t *testing.T) {
	mutants := []struct {
		fault string
		make  func(m *mutant)
		found []string // at least
	}{
		{"folds case", func(m *mutant) {
			m.get = func(ctx context.Context, key string) ([]byte, bool, error) { return m.Memory.Get(ctx, fold(key)) }
			m.put = func(ctx context.Context, key string, value []byte, ttl time.Duration) error {
				return m.Memory.Put(ctx, fold(key), value, ttl)
			}
		}, []string{"Case"}},
		{"cuts keys", func(m *mutant) {
			m.get = func(ctx context.Context, key string) ([]byte, bool, error) { return m.Memory.Get(ctx, cut(key, 60)) }
		}, []string{"Keys"}},
		{"cuts values", func(m *mutant) {
			m.put = func(ctx context.Context, key string, value []byte, ttl time.Duration) error {
				return m.Memory.Put(ctx, key, value[:min(len(value), 65535)], ttl)
			}
		}, []string{"Values"}},
		{"takes an empty value for none", func(m *mutant) {
			m.get = func(ctx context.Context, key string) ([]byte, bool, error) {
				value, found, err := m.Memory.Get(ctx, key)
				return value, found && len(value) > 0, err
			}
		}, []string{"Values"}},
		{"tears values", func(m *mutant) {
			m.put = func(ctx context.Context, key string, value []byte, ttl time.Duration) error {
				if len(value) < 100 {
					return m.Memory.Put(ctx, key, value, ttl)
				}
				old, _, _ := m.Memory.Get(ctx, key)
				runtime.Gosched()
				return m.Memory.Put(ctx, key, append(value[:50:50], old[min(50, len(old)):]...), ttl)
			}
			m.take = m.Memory.Get
		}, []string{"Atomic"}},
		{"never expires", func(m *mutant) {
			m.put = func(ctx context.Context, key string, value []byte, ttl time.Duration) error {
				return m.Memory.Put(ctx, key, value, max(ttl, 1000*hour))
			}
		}, []string{"Expired", "ExpiredRace", "DeadOnArrival", "AddKeeps", "Put", "SwapAbsent"}},
		{"adds without a life", func(m *mutant) {
			m.add = func(ctx context.Context, key string, value []byte, ttl time.Duration) (bool, error) {
				return m.Memory.Add(ctx, key, value, 1000*hour)
			}
		}, []string{"Add", "DeadOnArrival"}},
		{"overflows", func(m *mutant) {
			m.put = func(ctx context.Context, key string, value []byte, ttl time.Duration) error {
				if ttl > 1000*24*hour {
					ttl = -ttl
				}
				return m.Memory.Put(ctx, key, value, ttl)
			}
		}, []string{"LongLife"}},
		{"has an error for a missing entry", func(m *mutant) {
			m.get = func(ctx context.Context, key string) ([]byte, bool, error) {
				value, found, err := m.Memory.Get(ctx, key)
				if !found {
					err = errors.New("no rows")
				}
				return value, found, err
			}
		}, []string{"Missing"}},
		{"finds what is missing", func(m *mutant) {
			m.get = func(ctx context.Context, key string) ([]byte, bool, error) {
				value, _, err := m.Memory.Get(ctx, key)
				return value, true, err
			}
		}, []string{"Missing", "Expired", "Take"}},
		{"ignores the context", func(m *mutant) {
			m.put = func(_ context.Context, key string, value []byte, ttl time.Duration) error {
				return m.Memory.Put(context.Background(), key, value, ttl)
			}
			m.swap = func(_ context.Context, key string, old, value []byte, ttl time.Duration) (bool, error) {
				return m.Memory.Swap(context.Background(), key, old, value, ttl)
			}
			m.join = func(_ context.Context, group, member string, ttl time.Duration) error {
				return m.Memory.Join(context.Background(), group, member, ttl)
			}
		}, []string{"Context", "SwapContext", "GroupRules"}},
		{"keeps what it was given", func(m *mutant) {
			var mu sync.Mutex
			kept := map[string][]byte{}
			m.put = func(ctx context.Context, key string, value []byte, ttl time.Duration) error {
				mu.Lock()
				defer mu.Unlock()
				kept[key] = value
				return m.Memory.Put(ctx, key, value, ttl)
			}
			m.get = func(ctx context.Context, key string) ([]byte, bool, error) {
				mu.Lock()
				defer mu.Unlock()
				value, found, err := m.Memory.Get(ctx, key)
				if v, ok := kept[key]; ok && found {
					value = v
				}
				return value, found, err
			}
		}, []string{"Ownership"}},
		{"checks, then adds", func(m *mutant) {
			m.add = func(ctx context.Context, key string, value []byte, ttl time.Duration) (bool, error) {
				if _, found, err := m.Memory.Get(ctx, key); found || err != nil {
					return false, err
				}
				time.Sleep(time.Millisecond)
				return true, m.Memory.Put(ctx, key, value, ttl)
			}
		}, []string{"AddOnce", "ExpiredRace"}},
		{"adds over an entry", func(m *mutant) {
			m.add = func(ctx context.Context, key string, value []byte, ttl time.Duration) (bool, error) {
				_, found, _ := m.Memory.Get(ctx, key)
				return !found, m.Memory.Put(ctx, key, value, ttl)
			}
		}, []string{"AddKeeps"}},
		{"puts with the first life", func(m *mutant) {
			m.put = func(ctx context.Context, key string, value []byte, ttl time.Duration) error {
				if added, err := m.Memory.Add(ctx, key, value, ttl); added || err != nil {
					return err
				}
				return m.Memory.Put(ctx, key, value, 1000*hour)
			}
		}, []string{"Put"}},
		{"gets once", func(m *mutant) { m.get = m.Memory.Take }, []string{"Get"}},
		{"checks, then takes", func(m *mutant) {
			m.take = func(ctx context.Context, key string) ([]byte, bool, error) {
				value, found, err := m.Memory.Get(ctx, key)
				time.Sleep(time.Millisecond)
				_, _, _ = m.Memory.Take(ctx, key)
				return value, found, err
			}
		}, []string{"TakeOnce"}},
		{"does not take", func(m *mutant) { m.take = m.Memory.Get }, []string{"Take", "TakeOnce", "Add"}},
		{"swaps whatever is there", func(m *mutant) {
			m.swap = func(ctx context.Context, key string, _, value []byte, ttl time.Duration) (bool, error) {
				if _, found, err := m.Memory.Get(ctx, key); !found || err != nil {
					return false, err
				}
				return true, m.Memory.Put(ctx, key, value, ttl)
			}
		}, []string{"Swap", "SwapOnce"}},
		{"swaps what is absent", func(m *mutant) {
			m.swap = func(ctx context.Context, key string, old, value []byte, ttl time.Duration) (bool, error) {
				if added, err := m.Memory.Add(ctx, key, value, ttl); added || err != nil {
					return added, err
				}
				return m.Memory.Swap(ctx, key, old, value, ttl)
			}
		}, []string{"SwapAbsent"}},
		{"says no when nothing changes", func(m *mutant) {
			m.swap = func(ctx context.Context, key string, old, value []byte, ttl time.Duration) (bool, error) {
				swapped, err := m.Memory.Swap(ctx, key, old, value, ttl)
				return swapped && string(old) != string(value), err
			}
		}, []string{"SwapSame"}},
		{"groups share the names of entries", func(m *mutant) {
			m.join = func(ctx context.Context, group, member string, ttl time.Duration) error {
				_ = m.Memory.Put(ctx, group, nil, ttl)
				return m.Memory.Join(ctx, group, member, ttl)
			}
		}, []string{"GroupNames"}},
		{"members never die", func(m *mutant) {
			m.join = func(ctx context.Context, group, member string, ttl time.Duration) error {
				return m.Memory.Join(ctx, group, member, max(ttl, 1000*hour))
			}
		}, []string{"Join", "JoinAgain"}},
		{"a member keeps its first life", func(m *mutant) {
			m.join = func(ctx context.Context, group, member string, ttl time.Duration) error {
				if members, err := m.Memory.Members(ctx, group); err != nil || slices.Contains(members, member) {
					return err
				}
				return m.Memory.Join(ctx, group, member, ttl)
			}
		}, []string{"JoinAgain"}},
		{"nobody leaves", func(m *mutant) {
			m.leave = func(ctx context.Context, _, _ string) error { return ctx.Err() }
		}, []string{"Leave", "GroupRules"}},
		{"only a member can leave", func(m *mutant) {
			m.leave = func(ctx context.Context, group, member string) error {
				if members, _ := m.Memory.Members(ctx, group); !slices.Contains(members, member) {
					return errors.New("no member")
				}
				return m.Memory.Leave(ctx, group, member)
			}
		}, []string{"LeaveNothing"}},
		{"lists twice", func(m *mutant) {
			m.members = func(ctx context.Context, group string) ([]string, error) {
				members, err := m.Memory.Members(ctx, group)
				return append(members, members...), err
			}
		}, []string{"Members", "Join", "Leave"}},
	}
	found := map[string]bool{}
	for _, mu := range mutants {
		t.Run(mu.fault, func(t *testing.T) {
			var now sync.Mutex
			at := time.Unix(1e9, 0)
			names := broken(t, Suite{
				Moment:  time.Minute,
				Advance: func(d time.Duration) { now.Lock(); at = at.Add(d); now.Unlock() },
				Open: func(testing.TB) state.Store {
					m := &mutant{Memory: &state.Memory{Now: func() time.Time { now.Lock(); defer now.Unlock(); return at }}}
					mu.make(m)
					return m
				},
			})
			for _, name := range mu.found {
				if !slices.Contains(names, name) {
					t.Errorf("the case %s does not find it; %q do", name, names)
				}
				found[name] = true
			}
		})
	}
	for _, c := range cases {
		if !found[c.name] {
			t.Errorf("no broken store shows that the case %s can fail; there are %q", c.name, slices.Sorted(maps.Keys(found)))
		}
	}
}

func fold(key string) string       { return strings.ToLower(key) }
func cut(key string, n int) string { return key[:min(n, len(key))] }
