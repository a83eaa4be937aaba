package store

import (
	"context"
	"net/url"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/oidcservice/oidc/state/redisstate"
)

func checkRedis(_ string, u *url.URL) error {
	if u == nil {
		return fault("want redis://USER:PASSWORD@HOST:PORT/NUMBER; further nodes of a cluster as ?addr=HOST:PORT&addr=…, the name of a Sentinel's set as ?master_set=NAME")
	}
	_, _, err := redisOption(u)
	return err
}

// redisOption turns a URL into what the client takes. One with further addresses is a
// cluster, one with a master_set leads to its sentinels.
func redisOption(u *url.URL) (rueidis.ClientOption, string, error) {
	prefix, rest := take(u, "prefix")
	if strings.ContainsAny(prefix, "{}") {
		// Redis would put all keys with one hash tag on one node of a cluster.
		return rueidis.ClientOption{}, "", fault("prefix: a prefix has no braces")
	}
	if rest.Query().Has("skip_verify") {
		return rueidis.ClientOption{}, "", fault("skip_verify does not look whose certificate it is; add the authority to the system's (SSL_CERT_FILE)")
	}
	option, err := rueidis.ParseURL(rest.String())
	if err != nil {
		return option, "", fault("%v", err)
	}
	if option.Sentinel.MasterSet != "" {
		option.Sentinel.TLSConfig, option.Sentinel.Dialer = option.TLSConfig, option.Dialer
	}
	option.DisableCache = true
	if option.ConnWriteTimeout == 0 {
		option.ConnWriteTimeout = 2 * time.Second
	}
	return option, prefix, nil
}

func openRedis(ctx context.Context, s *Store, _ string, u *url.URL) error {
	option, prefix, err := redisOption(u)
	if err != nil {
		return err
	}
	client, err := rueidis.NewClient(option)
	if err != nil {
		return unreachable("Redis", err)
	}
	s.close = append(s.close, client.Close)
	store := redisstate.New(client, redisstate.Options{Prefix: prefix})
	if err := store.Check(ctx); err != nil {
		return unreachable("Redis", err)
	}
	s.Entries = store
	return nil
}
