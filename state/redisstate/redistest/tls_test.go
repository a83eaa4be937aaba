package redistest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/oidcservice/oidc/state"
	"github.com/oidcservice/oidc/state/internal/outage"
	"github.com/oidcservice/oidc/state/redisstate"
	"github.com/oidcservice/oidc/state/statetest"
)

// An authority issues certificates.
type authority struct {
	t    testing.TB
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t testing.TB) *authority {
	t.Helper()
	a := &authority{t: t}
	a.cert, a.key = a.issue(&x509.Certificate{
		Subject: pkix.Name{CommonName: "an authority"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	})
	return a
}

// issue signs a certificate: itself, as long as there is no authority.
func (a *authority) issue(template *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		a.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return cert, key
}

// leaf issues a certificate for a server on loopback, or for a client.
func (a *authority) leaf(usage x509.ExtKeyUsage) tls.Certificate {
	a.t.Helper()
	cert, key := a.issue(&x509.Certificate{
		Subject: pkix.Name{CommonName: "redis.example"}, DNSNames: []string{"redis.example"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{usage},
	})
	return tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key, Leaf: cert}
}

func (a *authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}

// write writes what a server reads, and returns its options.
func (a *authority) write() []string {
	a.t.Helper()
	dir := a.t.TempDir()
	server := a.leaf(x509.ExtKeyUsageServerAuth)
	key, err := x509.MarshalPKCS8PrivateKey(server.PrivateKey)
	if err != nil {
		a.t.Fatal(err)
	}
	var options []string
	for option, block := range map[string]*pem.Block{
		"--tls-ca-cert-file": {Type: "CERTIFICATE", Bytes: a.cert.Raw},
		"--tls-cert-file":    {Type: "CERTIFICATE", Bytes: server.Certificate[0]},
		"--tls-key-file":     {Type: "PRIVATE KEY", Bytes: key},
	} {
		name := filepath.Join(dir, strings.TrimPrefix(option, "--"))
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			a.t.Fatal(err)
		}
		options = append(options, option, name)
	}
	return options
}

// rules are those of the package's documentation for a user.
const rules = "~oidc:* resetchannels -@all +set +get +getdel +del +exists +zrem +evalsha +eval " +
	"+time +zadd +zremrangebyscore +zrange +zrangebyscore +pexpireat +info +ping +cluster|slots"

// A Store works over TLS 1.3 with a certificate of its own and a user who may
// do no more than it needs. Whoever has another authority, no certificate,
// another password or no TLS is refused.
func TestTLS(t *testing.T) {
	ours, theirs := newAuthority(t), newAuthority(t)
	address := outage.FreeAddress(t)
	_, port, _ := net.SplitHostPort(address)
	options := append(ours.write(), "--tls-port", port, "--tls-auth-clients", "yes", "--tls-protocols", "TLSv1.3")
	options = append(options, "--user", "default", "off", "--user", "rp", "on", ">secret")
	outage.Redis(t, append(options, strings.Fields(rules)...)...)
	option := func(roots *x509.CertPool, own ...tls.Certificate) rueidis.ClientOption {
		o := overTLS(address, "secret", roots, own...)
		o.ForceSingleClient, o.DisableRetry = true, true
		return o
	}
	mine := ours.leaf(x509.ExtKeyUsageClientAuth)
	store := redisstate.New(connect(t, option(ours.pool(), mine)), redisstate.Options{})
	if err := store.Check(t.Context()); err != nil {
		t.Error(err)
	}
	statetest.Run(t, statetest.Suite{Open: func(testing.TB) state.Store { return store }})

	plain, wrong, named := option(nil), option(ours.pool(), mine), option(ours.pool(), mine)
	plain.TLSConfig = nil
	wrong.Password = "guessed"
	named.TLSConfig.ServerName = "other.example"
	for name, o := range map[string]rueidis.ClientOption{
		"another authority":     option(theirs.pool(), mine),
		"another name":          named,
		"no certificate":        option(ours.pool()),
		"a foreign certificate": option(ours.pool(), theirs.leaf(x509.ExtKeyUsageClientAuth)),
		"another password":      wrong,
		"no TLS":                plain,
	} {
		client, err := rueidis.NewClient(o)
		if err == nil {
			err = redisstate.New(client, redisstate.Options{}).Put(t.Context(), "k", nil, time.Second)
			client.Close()
		}
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// Each command of the documented rules is needed: without it a verb fails, or
// the client does not connect.
func TestUserNeedsEachCommand(t *testing.T) {
	server := outage.Redis(t)
	admin := connect(t, rueidis.ClientOption{InitAddress: []string{server.Address()}, ForceSingleClient: true})
	tryAll := func() error {
		client, err := rueidis.NewClient(rueidis.ClientOption{
			InitAddress: []string{server.Address()}, ForceSingleClient: true, DisableCache: true,
			Username: "rp", Password: "secret", ConnWriteTimeout: outage.Patience,
		})
		if err != nil {
			return err
		}
		defer client.Close()
		store := redisstate.New(client, redisstate.Options{})
		ctx := t.Context()
		_, add := store.Add(ctx, "k", nil, time.Minute)
		_, dead := store.Add(ctx, "dead", nil, 0)
		_, _, get := store.Get(ctx, "k")
		_, swap := store.Swap(ctx, "k", nil, nil, time.Minute)
		_, _, take := store.Take(ctx, "k")
		_, members := store.Members(ctx, "g")
		for _, err := range []error{
			add, dead, get, swap, take, members, store.Put(ctx, "k", nil, 0), store.Put(ctx, "k", nil, time.Minute),
			store.Join(ctx, "g", "m", time.Minute), store.Leave(ctx, "g", "m"), store.Check(ctx),
		} {
			if err != nil {
				return err
			}
		}
		return nil
	}
	allow := func(without string) {
		t.Helper()
		command := admin.B().AclSetuser().Username("rp").Rule("reset", "on", ">secret")
		for _, rule := range strings.Fields(rules) {
			if rule != without {
				command = command.Rule(rule)
			}
		}
		if err := admin.Do(t.Context(), command.Build()).Error(); err != nil {
			t.Fatal(err)
		}
		// A script that is not known is sent once more, by EVAL.
		if err := admin.Do(t.Context(), admin.B().ScriptFlush().Build()).Error(); err != nil {
			t.Fatal(err)
		}
	}
	allow("")
	if err := tryAll(); err != nil {
		t.Fatal(err)
	}
	for _, rule := range strings.Fields(rules) {
		// Clusters are asked for their slots; a client asks whether a server
		// that is silent is still there.
		if !strings.HasPrefix(rule, "+") || rule == "+cluster|slots" || rule == "+ping" {
			continue
		}
		allow(rule)
		if err := tryAll(); err == nil {
			t.Errorf("%s is not needed", rule)
		}
	}
}
