package cookiestate_test

import (
	"strings"
	"testing"
	"time"

	"github.com/oidcservice/oidc/state/cookiestate"
)

// FuzzOpen: whatever a browser brings, a login is found only if its cookie was
// brought once and as it was set, and a new login can begin.
func FuzzOpen(f *testing.F) {
	now := time.Unix(1_700_000_000, 0)
	store := newStore(f, cookiestate.Options{Now: func() time.Time { return now }, MaxBytes: 1 << 20})
	ctx, setCookies := store.Open(f.Context(), nil)
	if added, err := store.Add(ctx, "p-S", []byte("value"), time.Hour); !added || err != nil {
		f.Fatal(added, err)
	}
	genuine, _, _ := strings.Cut(setCookies(false)[0], ";")
	name, value, _ := strings.Cut(genuine, "=")
	for _, header := range []string{
		"@", "a=b; @", "@; @", " @ ;;", "@x", "@; " + name + "=", name + "x=" + value, name, name + "=" + value[1:],
		"__Host-oidc-pending-=; __Host-oidc-pending-", "=;=", "\x00;\xff=@",
	} {
		f.Add(header)
	}
	f.Fuzz(func(t *testing.T, header string) {
		header = strings.ReplaceAll(header, "@", genuine) // the genuine cookie is the "@" of the corpus
		times, whole := 0, false
		for pair := range strings.SplitSeq(header, ";") {
			if got, value, _ := strings.Cut(strings.TrimSpace(pair), "="); got == name {
				times++
				whole = name+"="+value == genuine
			}
		}
		ctx, setCookies := store.Open(t.Context(), []string{header})
		got, found, err := store.Get(ctx, "p-S")
		if err != nil || found != (times == 1 && whole) || found && string(got) != "value" {
			t.Fatalf("%q: %q, %v, %v", header, got, found, err)
		}
		if added, err := store.Add(ctx, "p-T", nil, time.Hour); !added || err != nil {
			t.Fatalf("%q: no login can begin: %v", header, err)
		}
		if fields := setCookies(false); !strings.Contains(strings.Join(fields, "\n"), "__Host-oidc-pending-T=") {
			t.Fatalf("%q: %q", header, fields)
		}
	})
}
