//go:build unix

package compare

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/base64"
	"math/big"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/oidcservice/oidc/keyjar"
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

// verify is the least that a login costs everybody: the bare verification of a signature
// of the provider, with the library that all of them call in the end.
func (p *provider) verify(b *testing.B) time.Duration {
	b.Helper()
	public, ok := p.key.PublicKey().(*ecdsa.PublicKey)
	if !ok {
		b.Fatal("no P-256 key")
	}
	signer, err := p.key.Sign(keyjar.Header{Algorithm: "ES256", KeyID: "k1"}, []byte("{}"), nil)
	if err != nil {
		b.Fatal(err)
	}
	at := strings.LastIndexByte(signer, '.')
	signature, err := base64.RawURLEncoding.DecodeString(signer[at+1:])
	if err != nil {
		b.Fatal(err)
	}
	sum := sha256.Sum256([]byte(signer[:at]))
	x, y := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
	start := cpu(b)
	for range batch {
		if !ecdsa.Verify(public, sum[:], x, y) {
			b.Fatal("refused")
		}
	}
	return cpu(b) - start
}

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
		x.forget(b, v)
	}
	return spent
}

// forget ends a login, so that the number of those who are logged in stays what it is.
func (x *party) forget(b *testing.B, v *visit) {
	b.Helper()
	if x.db == nil {
		return
	}
	if err := x.db.End(b.Context(), v.finish.URL.Query().Get("state")); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkLogin logs users in with each party in turn, and reports what a login costs
// each, and the ratio to go-oidc with x/oauth2. An operation is a batch for each.
func BenchmarkLogin(b *testing.B) {
	p := newProvider(b)
	all := parties(b, p)
	for _, x := range all {
		x.spend(b, p)
	}
	spent, bare := make([][]time.Duration, len(all)), []time.Duration(nil)
	for round := 0; b.Loop(); round++ {
		bare = append(bare, p.verify(b))
		for i := range all {
			k := (i + round) % len(all)
			spent[k] = append(spent[k], all[k].spend(b, p))
		}
	}
	theirs := float64(quartile(spent[0]))
	b.ReportMetric(float64(quartile(bare))/batch/1000, "verification-µs/login")
	for i, x := range all {
		ours := float64(quartile(spent[i]))
		b.ReportMetric(ours/batch/1000, x.name+"-µs/login")
		if i > 0 {
			b.ReportMetric(ours/theirs, x.name+"/coreos")
		}
	}
	b.ReportMetric(0, "ns/op") // a batch for each says nothing
}

// quartile returns the lower one: what else the machine does can make a batch dearer and
// never cheaper.
func quartile(all []time.Duration) time.Duration {
	slices.Sort(all)
	return all[len(all)/4]
}

// BenchmarkParty is each party's login by itself, for a profile. What the provider signs
// and what the browser does are in it, so its numbers are no ratio.
func BenchmarkParty(b *testing.B) {
	p := newProvider(b)
	for _, x := range parties(b, p) {
		b.Run(x.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				v := x.logIn(b, p)
				if v.ended.status != http.StatusSeeOther {
					b.Fatal(v.ended.status)
				}
				x.forget(b, v)
			}
		})
	}
}
