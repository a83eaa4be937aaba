//go:build unix

package compare

import (
	"bytes"
	"net/http"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/oidcservice/oidc/state"
)

// A party is an application whose users log in.
type party struct {
	name            string
	login, callback http.HandlerFunc
	db              *state.DB // where it remembers logins, nil if it does not
}

func parties(tb testing.TB, p *provider) []*party {
	return []*party{newCoreOS(tb, p), newRP(tb, p), newServices(tb, p)}
}

// logIn is one whole login of the party.
func (x *party) logIn(tb testing.TB, p *provider) *visit {
	tb.Helper()
	v := newVisit(tb)
	x.login(&v.began, v.begin)
	v.authorize(tb, p)
	p.next = v.user
	x.callback(&v.ended, v.finish)
	return v
}

// TestLogin shows that what is measured are logins: each party accepts the provider's
// token, and refuses it with a byte of the signature changed, or with another's nonce.
func TestLogin(t *testing.T) {
	p := newProvider(t)
	for _, x := range parties(t, p) {
		t.Run(x.name, func(t *testing.T) {
			if v := x.logIn(t, p); v.ended.status != http.StatusSeeOther {
				t.Fatalf("the login ends with %d: %s", v.ended.status, v.ended.body.String())
			}
			other := newProvider(t) // with another key of the same name
			for name, token := range map[string]func(v *visit) *user{
				"nonce": func(*visit) *user { return p.user(t, "the nonce of another login, of another user") },
				"key": func(v *visit) *user {
					there, err := (&http.Response{Header: v.began.header}).Location()
					if err != nil {
						t.Fatal(err)
					}
					return other.user(t, there.Query().Get("nonce"))
				},
				"at_hash": func(v *visit) *user {
					return &user{bytes.Replace(v.user.token, []byte(`"`+accessToken), []byte(`"A`+accessToken), 1), v.user.info}
				},
				"sub": func(v *visit) *user {
					return &user{v.user.token, bytes.Replace(v.user.info, []byte(`"sub":"0`), []byte(`"sub":"1`), 1)}
				},
			} {
				v := newVisit(t)
				x.login(&v.began, v.begin)
				v.authorize(t, p)
				p.next = token(v)
				x.callback(&v.ended, v.finish)
				if v.ended.status < 400 {
					t.Errorf("%s: the login ends with %d", name, v.ended.status)
				}
			}
		})
	}
}

// cpu is what this process has used, on all its threads: the collector's part counts,
// and other programs of the machine do not.
func cpu(tb testing.TB) time.Duration {
	tb.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// batch is how many logins lie between two readings of the clock: enough that neither
// its resolution nor a run of the collector decides.
const batch = 100

// spend returns what a batch of logins costs the party. The provider's work lies between
// the two measured parts.
func (x *party) spend(b *testing.B, p *provider) time.Duration {
	b.Helper()
	visits := make([]*visit, batch)
	for i := range visits {
		visits[i] = newVisit(b)
	}
	runtime.GC()
	start := cpu(b)
	for _, v := range visits {
		x.login(&v.began, v.begin)
	}
	spent := cpu(b) - start
	for _, v := range visits {
		v.authorize(b, p)
	}
	runtime.GC()
	start = cpu(b)
	for _, v := range visits {
		p.next = v.user
		x.callback(&v.ended, v.finish)
	}
	spent += cpu(b) - start
	for _, v := range visits {
		if v.ended.status != http.StatusSeeOther {
			b.Fatalf("%s: %d: %s", x.name, v.ended.status, v.ended.body.String())
		}
		if x.db != nil {
			if err := x.db.End(b.Context(), v.finish.URL.Query().Get("state")); err != nil {
				b.Fatal(err)
			}
		}
	}
	return spent
}

// BenchmarkLogin logs users in with each party in turn, and reports what a login costs
// each, and the ratio to go-oidc with x/oauth2. An operation is a batch for each.
func BenchmarkLogin(b *testing.B) {
	p := newProvider(b)
	all := parties(b, p)
	for _, x := range all {
		x.spend(b, p)
	}
	spent := make([][]time.Duration, len(all))
	for round := 0; b.Loop(); round++ {
		for i := range all {
			k := (i + round) % len(all)
			spent[k] = append(spent[k], all[k].spend(b, p))
		}
	}
	theirs := float64(median(spent[0]))
	for i, x := range all {
		ours := float64(median(spent[i]))
		b.ReportMetric(ours/batch/1000, x.name+"-µs/login")
		if i > 0 {
			b.ReportMetric(ours/theirs, x.name+"/coreos")
		}
	}
	b.ReportMetric(0, "ns/op") // a batch for each says nothing
}

func median(all []time.Duration) time.Duration {
	slices.Sort(all)
	return all[len(all)/2]
}

// BenchmarkParty is each party's login by itself, for a profile; the provider's
// signature and the verification of nothing else are in it.
func BenchmarkParty(b *testing.B) {
	p := newProvider(b)
	for _, x := range parties(b, p) {
		b.Run(x.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if v := x.logIn(b, p); v.ended.status != http.StatusSeeOther {
					b.Fatal(v.ended.status)
				} else if x.db != nil {
					_ = x.db.End(b.Context(), v.finish.URL.Query().Get("state"))
				}
			}
		})
	}
}
