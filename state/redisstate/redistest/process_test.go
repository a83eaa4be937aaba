package redistest

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/oidcservice/oidc/state"
	"github.com/oidcservice/oidc/state/internal/outage"
	"github.com/oidcservice/oidc/state/redisstate"
)

func TestMain(m *testing.M) {
	outage.Main(m, func(where string) (state.Store, func(), error) {
		var url, prefix string
		if _, err := fmt.Sscanf(where, "%s %s", &url, &prefix); err != nil {
			return nil, nil, err
		}
		option, err := rueidis.ParseURL(url)
		if err != nil {
			return nil, nil, err
		}
		option.DisableCache = true
		client, err := rueidis.NewClient(option)
		if err != nil {
			return nil, nil, err
		}
		return redisstate.New(client, redisstate.Options{Prefix: prefix}), client.Close, nil
	})
}

// where tells a process which keys to use.
func (s server) where(t testing.TB) string {
	return fmt.Sprintf("%s processes%d:", s.url(t), time.Now().UnixNano())
}

func TestTwoProcesses(t *testing.T) {
	eachServer(t, func(t *testing.T, s server) { outage.TwoProcesses(t, s.where(t)) })
}

func TestTwoProcessesUnderLoad(t *testing.T) {
	logins := 1000
	if os.Getenv("CI") == "true" {
		logins = 10_000
	}
	eachServer(t, func(t *testing.T, s server) { outage.TwoProcessesUnderLoad(t, s.where(t), logins) })
}
