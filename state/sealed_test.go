package state

import (
	"bytes"
	"context"
	"crypto/aes"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

func sealKeyOf(b byte) []byte { return bytes.Repeat([]byte{b}, MinSealKey) }

func mustSeal(t *testing.T, s Store, keys ...[]byte) Store {
	t.Helper()
	sealed, err := Sealed(s, keys...)
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

// The test vectors of c2sp.org/XAES-256-GCM: one for each value of the most
// significant bit of the block that the subkey is made of.
func TestXAES256GCM(t *testing.T) {
	const nonce = "ABCDEFGHIJKLMNOPQRSTUVWX"
	for _, v := range []struct{ key, aad, want string }{
		{strings.Repeat("\x01", 32), "", "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271"},
		{strings.Repeat("\x03", 32), "c2sp.org/XAES-256-GCM", "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d"},
	} {
		block, err := aes.NewCipher([]byte(v.key))
		if err != nil {
			t.Fatal(err)
		}
		aead, err := xaes(block, cmacSubkey(block), []byte(nonce))
		if err != nil {
			t.Fatal(err)
		}
		got := aead.Seal(nil, []byte(nonce[12:]), []byte("XAES-256-GCM"), []byte(v.aad))
		if hex.EncodeToString(got) != v.want {
			t.Errorf("%x, not %s", got, v.want)
		}
	}
}

func TestSealedHides(t *testing.T) {
	ctx := t.Context()
	var m Memory
	s := mustSeal(t, &m, sealKeyOf(1))
	secret := []byte(strings.Repeat("secret ", 20))
	if err := s.Put(ctx, "a", secret, time.Hour); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Add(ctx, "b", secret, time.Hour); err != nil {
		t.Fatal(err)
	}
	a, _, _ := m.Get(ctx, "a")
	b, _, _ := m.Get(ctx, "b")
	if bytes.Contains(a, secret[:6]) || bytes.Equal(a, b) || bytes.Equal(a[sealHead:], b[sealHead:]) {
		t.Error("a value shows, or that two are equal")
	}
	if len(a) != len(secret)+sealHead+sealTag {
		t.Errorf("%d bytes became %d", len(secret), len(a))
	}
	if shown := fmt.Sprintf("%v %+v %#v %s", s, s, s, s); strings.Contains(shown, "0x") || strings.Contains(shown, "[1 1") {
		t.Errorf("a sealed store is printed as %s", shown)
	}
}

func TestSealedRefuses(t *testing.T) {
	ctx := t.Context()
	var m Memory
	s := mustSeal(t, &m, sealKeyOf(1))
	if err := s.Put(ctx, "k", []byte("value"), time.Hour); err != nil {
		t.Fatal(err)
	}
	raw, _, err := m.Get(ctx, "k")
	if err != nil {
		t.Fatal(err)
	}
	refused := func(what, key string, value []byte) {
		t.Helper()
		if err := m.Put(ctx, key, value, time.Hour); err != nil {
			t.Fatal(err)
		}
		if got, found, err := s.Get(ctx, key); found || len(got) > 0 || !errors.Is(err, ErrSealed) {
			t.Errorf("%s: %v, %v", what, found, err)
		}
		if got, found, err := s.Take(ctx, key); found || len(got) > 0 || !errors.Is(err, ErrSealed) {
			t.Errorf("%s, taken: %v, %v", what, found, err)
		}
	}
	refused("moved to another key", "other", raw)
	for i := range raw {
		altered := bytes.Clone(raw)
		altered[i] ^= 1
		refused(fmt.Sprintf("byte %d altered", i), "k", altered)
		refused(fmt.Sprintf("cut at %d", i), "k", raw[:i])
	}
	refused("one byte more", "k", append(bytes.Clone(raw), 0))
	refused("in the clear", "k", []byte(strings.Repeat("value", 20)))
	stranger := mustSeal(t, &m, sealKeyOf(2))
	if err := m.Put(ctx, "k", raw, time.Hour); err != nil {
		t.Fatal(err)
	}
	if _, found, err := stranger.Get(ctx, "k"); found || !errors.Is(err, ErrSealed) {
		t.Errorf("opened with another key: %v, %v", found, err)
	}
}

func TestSealedRotation(t *testing.T) {
	ctx := t.Context()
	var m Memory
	first := &DB{Store: mustSeal(t, &m, sealKeyOf(1))}
	second := &DB{Store: mustSeal(t, &m, sealKeyOf(2), sealKeyOf(1))}
	third := &DB{Store: mustSeal(t, &m, sealKeyOf(3), sealKeyOf(2))}
	for _, name := range []string{"S", "T"} {
		if err := first.Begin(ctx, NewRecord(name, "i")); err != nil {
			t.Fatal(err)
		}
		if _, err := first.Claim(ctx, name); err != nil {
			t.Fatal(err)
		}
	}
	r, err := second.Session(ctx, "S")
	if err != nil {
		t.Fatal(err)
	}
	r.Keep("x", "1")
	// The swap finds a value that the old key sealed, and seals with the new.
	if err := second.Save(ctx, r); err != nil {
		t.Fatal(err)
	}
	if got, err := third.Session(ctx, "S"); err != nil || got.Kept("x") != "1" {
		t.Errorf("sealed anew: %v", err)
	}
	if _, err := third.Session(ctx, "T"); !errors.Is(err, ErrSealed) {
		t.Errorf("sealed with a key that was dropped: %v", err)
	}
	if err := third.End(ctx, "T"); !errors.Is(err, ErrSealed) {
		t.Errorf("ended with a key that was dropped: %v", err)
	}
	if _, err := third.Session(ctx, "T"); !errors.Is(err, ErrUnknown) {
		t.Errorf("what cannot be opened cannot be ended: %v", err)
	}
}

func TestSealedKeys(t *testing.T) {
	for name, keys := range map[string][][]byte{
		"none": nil, "short": {make([]byte, MinSealKey-1)}, "a short one behind": {sealKeyOf(1), nil},
	} {
		if s, err := Sealed(new(Memory), keys...); err == nil || s != nil {
			t.Errorf("%s: %v, %v", name, s, err)
		}
	}
	long := mustSeal(t, new(Memory), make([]byte, 1000))
	if err := long.Put(context.Background(), "k", nil, time.Hour); err != nil {
		t.Error(err)
	}
}
