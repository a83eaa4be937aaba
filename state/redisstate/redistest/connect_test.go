package redistest

import (
	"crypto/tls"
	"crypto/x509"
	"time"

	"github.com/redis/rueidis"
)

// overTLS connects to one server as the user of the rules above, with a
// certificate of our own where the server asks for one.
func overTLS(address, password string, roots *x509.CertPool, own ...tls.Certificate) rueidis.ClientOption {
	return rueidis.ClientOption{
		InitAddress:      []string{address},
		TLSConfig:        &tls.Config{RootCAs: roots, Certificates: own, MinVersion: tls.VersionTLS13},
		Username:         "rp",
		Password:         password,
		ConnWriteTimeout: 2 * time.Second, // how long a server may be silent
		DisableCache:     true,
	}
}

// behindSentinels asks sentinels for the primary, and follows it after a
// failover. Sentinels that want a password get it in SentinelOption.
func behindSentinels(sentinels []string, primary string) rueidis.ClientOption {
	return rueidis.ClientOption{
		InitAddress:      sentinels,
		Sentinel:         rueidis.SentinelOption{MasterSet: primary},
		ConnWriteTimeout: 2 * time.Second,
		DisableCache:     true,
	}
}
