package password

import (
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"
)

// cheap parameters, for tests.
var cheap = Params{Memory: 64, Time: 1, Threads: 1}

func TestArgon2id(t *testing.T) {
	h, err := New("krall", cheap, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Parse(h.String())
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range []Hash{h, again} {
		if !one.Verify("krall") || one.Verify("Krall") || one.Verify("") {
			t.Errorf("%s does not tell passwords apart", one)
		}
		if one.Cost() != "argon2id m=64,t=1,p=1" {
			t.Errorf("cost %s", one.Cost())
		}
		if d := one.Decoy(); d.Verify("krall") || d.Cost() != one.Cost() {
			t.Error("a decoy lets somebody in")
		}
	}
	if other, _ := New("krall", cheap, rand.Reader); other.String() == h.String() {
		t.Error("two hashes have one salt")
	}
}

// Hashes that other programs made.
func TestHashesOfOthers(t *testing.T) {
	for _, c := range []struct{ hash, password string }{
		// The reference implementation of Argon2.
		{"$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4", "password"},
		{"$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc", "password"},
		// The reference implementation of bcrypt for crypt(3).
		{"$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U"},
		{"$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U"},
	} {
		h, err := Parse(c.hash)
		if err != nil || !h.Verify(c.password) || h.Verify(c.password+"x") {
			t.Errorf("%s: %v", c.hash, err)
		}
	}
}

func TestBcrypt(t *testing.T) {
	text, err := bcrypt.GenerateFromPassword([]byte("krall"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	h, err := Parse(string(text))
	if err != nil || !h.Verify("krall") || h.Verify("x") || h.Cost() != "bcrypt 4" || h.Decoy().Verify("krall") || h.String() != string(text) {
		t.Errorf("%v, %v", h, err)
	}
}

func TestBadHashes(t *testing.T) {
	for _, text := range []string{
		"", "krall", "$1$abc$def", "$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
		"$argon2id$v=16$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
		"$argon2id$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
		"$argon2id$v=19$m=256,t=0,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
		"$argon2id$v=19$m=256,t=2,p=0$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
		"$argon2id$v=19$m=256,t=2,p=256$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
		"$argon2id$v=19$m=4,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
		"$argon2id$v=19$m=4194305,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
		"$argon2id$v=19$t=2,m=256,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
		"$argon2id$v=19$m=256,t=2,p=1$c29t$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
		"$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65",
		"$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$!!",
		"$2b$05$CCCCCCCCCCCCCCCCCCCCC", "$2b$99$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
	} {
		if h, err := Parse(text); err == nil || text != "" && strings.Contains(err.Error(), text) {
			t.Errorf("%q is %v, %v", text, h, err)
		}
	}
}

// A decoy takes the time that a hash takes. The bound is wide: what it would miss is a decoy
// that does nothing, which takes a thousandth.
func TestDecoyTakesItsTime(t *testing.T) {
	h, err := New("krall", Params{Memory: 8 << 10, Time: 2, Threads: 1}, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	fastest := func(h Hash) time.Duration {
		best := time.Hour
		for range 5 {
			start := time.Now()
			h.Verify("wrong")
			best = min(best, time.Since(start))
		}
		return best
	}
	if known, nobody := fastest(h), fastest(h.Decoy()); nobody < known/4 {
		t.Errorf("a user takes %s, nobody %s", known, nobody)
	}
}
