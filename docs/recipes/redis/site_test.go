package site

import (
	"crypto/rand"
	"net/http"
	"os"
	"sync/atomic"
	"testing"

	"github.com/oidcservice/oidc/docs/recipes/internal/sitetest"
	"github.com/oidcservice/oidc/op/optest"
)

// Each request of a browser may meet another process.
func TestSite(t *testing.T) {
	address := os.Getenv("STATE_TEST_REDIS")
	if address == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal("STATE_TEST_REDIS names no server")
		}
		t.Skip("STATE_TEST_REDIS names no server")
	}
	key := make([]byte, 32)
	_, _ = rand.Read(key) // it never fails
	provider := sitetest.Provider(t)
	var processes [2]http.Handler
	for i := range processes {
		site, err := New(address, key, sitetest.Options(provider))
		if err != nil {
			t.Fatal(err)
		}
		processes[i] = site
	}
	var turn atomic.Int32
	sitetest.Check(t, provider, &optest.Transport{Host: "app.example", Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		processes[turn.Add(1)%2].ServeHTTP(w, r)
	})})
}

func TestNoServer(t *testing.T) {
	for _, address := range []string{"", "redis://127.0.0.1:1/0"} {
		if _, err := New(address, make([]byte, 32), sitetest.Options(sitetest.Provider(t))); err == nil {
			t.Errorf("%q is a server", address)
		}
	}
}
