package redistest

import (
	"crypto/rand"
	"os"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/oidcservice/oidc/state/redisstate"
)

// A server is one that the tests run on; env holds its URL.
type server struct{ name, env string }

var servers = []server{
	{"Standalone", "STATE_TEST_REDIS"},
	{"Cluster", "STATE_TEST_REDIS_CLUSTER"},
}

// eachServer runs a test on every server that there is.
func eachServer(t *testing.T, test func(t *testing.T, s server)) {
	for _, s := range servers {
		t.Run(s.name, func(t *testing.T) {
			s.url(t)
			test(t, s)
		})
	}
}

// url returns where the server is, or ends the test.
func (s server) url(t testing.TB) string {
	t.Helper()
	url := os.Getenv(s.env)
	if url == "" {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s names no server", s.env)
		}
		t.Skipf("%s names no server", s.env)
	}
	return url
}

func (s server) client(t testing.TB, change func(*rueidis.ClientOption)) rueidis.Client {
	t.Helper()
	option, err := rueidis.ParseURL(s.url(t))
	if err != nil {
		t.Fatal(err)
	}
	option.DisableCache = true
	option.ConnWriteTimeout = 5 * time.Second
	if change != nil {
		change(&option)
	}
	client, err := rueidis.NewClient(option)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// open returns a Store that shares its server with others.
func (s server) open(t testing.TB) *redisstate.Store {
	t.Helper()
	return redisstate.New(s.client(t, nil), redisstate.Options{Prefix: rand.Text() + ":"})
}
