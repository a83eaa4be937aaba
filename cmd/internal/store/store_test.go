package store_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/oidcservice/oidc/cmd/internal/store"
	"github.com/oidcservice/oidc/state"
)

func keyFile(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// secret is a key of n bytes that is told apart by c.
func secret(c byte, n int) string {
	return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{c}, n))
}

func open(t *testing.T, url, keys string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), url, keys)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// What one process put in, another that has the key takes out, once; one without does not.
func TestStoresAreShared(t *testing.T) {
	each(t, func(t *testing.T, url string) {
		old, both, other := keyFile(t, secret(1, 32)), keyFile(t, "# the new one\n"+secret(2, 48)+"\n\n"+secret(1, 32)+"\n"), keyFile(t, secret(3, 32))
		ctx := t.Context()
		if err := open(t, url, old).Entries.Put(ctx, "a-key", []byte("the value"), time.Minute); err != nil {
			t.Fatal(err)
		}
		if value, _, _ := open(t, url, "").Entries.Get(ctx, "a-key"); bytes.Contains(value, []byte("the value")) {
			t.Errorf("it can be read without the key: %q", value)
		}
		if _, _, err := open(t, url, other).Entries.Get(ctx, "a-key"); !errors.Is(err, state.ErrSealed) {
			t.Errorf("with another key: %v", err)
		}
		second := open(t, url, both)
		if !second.Shared {
			t.Error("it is not said to outlive the process")
		}
		if value, found, err := second.Entries.Take(ctx, "a-key"); err != nil || !found || string(value) != "the value" {
			t.Errorf("after the rotation: %q, %v, %v", value, found, err)
		}
		if _, found, err := open(t, url, old).Entries.Get(ctx, "a-key"); err != nil || found {
			t.Errorf("taken twice: %v, %v", found, err)
		}
		groups := second.Entries.(state.Grouper)
		if err := groups.Join(ctx, "a-group", "a-member", time.Minute); err != nil {
			t.Fatal(err)
		}
		if members, err := open(t, url, old).Entries.(state.Grouper).Members(ctx, "a-group"); err != nil || len(members) != 1 {
			t.Errorf("members %v, %v", members, err)
		}
	})
}

func TestMemory(t *testing.T) {
	for _, name := range []string{"", "memory"} {
		if s := open(t, name, ""); s.Shared || s.Entries == nil {
			t.Errorf("%q: %+v", name, s)
		}
	}
}

// Bad settings are told without what may be a secret, and without reaching for a server.
func TestFaults(t *testing.T) {
	good := keyFile(t, secret(1, 32))
	for _, tt := range []struct{ url, keys, says string }{
		{"memory:x", "", "no argument"},
		{"memory", good, "not sealed"},
		{"etcd://pass-word@host", "", "unknown store"},
		{"pass-word", "", "unknown store"},
		{"sqlite:", "", "sqlite:FILE"},
		{"redis:pass-word", "", "redis://"},
		{"redis://u:pass-word%@host", "", "percent-encode"},
		{"redis://u:pass-word@host/x", "", "database number"},
		{"rediss://u:pass-word@host?skip_verify=1", "", "skip_verify"},
		{"redis://u:pass-word@host?prefix={a}", "", "prefix"},
		{"postgres:pass-word", "", "postgres://"},
		{"postgres://u:pass-word@host/db?table=a-b", "", "table"},
		{"mysql:pass-word", "", "mysql://"},
		{"mysql://u:pass-word@host/db?tls=skip-verify", "", "tls=true"},
		{"mysql://u:pass-word@host/db?timeout=x", "", "parameter"},
		{"sqlite:x.db", filepath.Join(t.TempDir(), "none"), "no such file"},
		{"sqlite:x.db", keyFile(t, "# nothing\n"), "no key in it"},
		{"sqlite:x.db", keyFile(t, secret(1, 32)+"\n"+secret(1, 31)), "line 2"},
		{"sqlite:x.db", keyFile(t, "pass-word ! "+secret(1, 32)), "line 1"},
	} {
		err := store.Check(tt.url, tt.keys)
		var f *store.SettingError
		if !errors.As(err, &f) || !strings.Contains(f.Text, tt.says) || f.KeyFile != (tt.keys != "") {
			t.Errorf("%s: %v, want %q", tt.url, err, tt.says)
		}
		// The scheme is what stands before the colon; of a name without one that is all of it.
		if err != nil && tt.url != "pass-word" && strings.Contains(err.Error(), "pass-word") {
			t.Errorf("%s: the error shows a secret: %v", tt.url, err)
		}
		if _, opened := store.Open(t.Context(), tt.url, tt.keys); opened == nil || opened.Error() != err.Error() {
			t.Errorf("%s: opened with %v", tt.url, opened)
		}
	}
}

// A server that is not there is an error that does not show the password, and in time.
func TestNobodyListens(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for _, scheme := range []string{"redis", "postgres", "mysql"} {
		url := scheme + "://user:pass-word@" + address + "/0"
		if err := store.Check(url, ""); err != nil {
			t.Errorf("%s: %v", scheme, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		_, err := store.Open(ctx, url, "")
		cancel()
		var f *store.SettingError
		if !errors.As(err, &f) || strings.Contains(err.Error(), "pass-word") || !strings.Contains(err.Error(), "refused") {
			t.Errorf("%s: %v", scheme, err)
		}
	}
}
