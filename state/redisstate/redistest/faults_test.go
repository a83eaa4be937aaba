package redistest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/oidcservice/oidc/state"
	"github.com/oidcservice/oidc/state/internal/outage"
	"github.com/oidcservice/oidc/state/redisstate"
	"github.com/oidcservice/oidc/state/statetest"
)

// TestServerFails lets a thousand logins run while the server dies and comes
// back, stands still, answers slowly, or is full.
func TestServerFails(t *testing.T) {
	for name, fault := range map[string]func(t *testing.T, p *outage.Proxy, admin rueidis.Client){
		"Dies": func(_ *testing.T, p *outage.Proxy, _ rueidis.Client) { p.Die(); time.Sleep(500 * time.Millisecond) },
		"Cut":  func(_ *testing.T, p *outage.Proxy, _ rueidis.Client) { p.Cut() },
		"Stops": func(_ *testing.T, p *outage.Proxy, _ rueidis.Client) {
			p.Stop()
			time.Sleep(outage.Patience + time.Second)
		},
		"StopsBrief": func(_ *testing.T, p *outage.Proxy, _ rueidis.Client) { p.Stop(); time.Sleep(300 * time.Millisecond) },
		"Slow": func(_ *testing.T, p *outage.Proxy, _ rueidis.Client) {
			p.Slow(50 * time.Millisecond)
			time.Sleep(time.Second)
		},
		"Full": func(t *testing.T, _ *outage.Proxy, admin rueidis.Client) {
			limit := func(bytes string) {
				err := admin.Do(context.Background(), admin.B().ConfigSet().ParameterValue().ParameterValue("maxmemory", bytes).Build()).Error()
				if err != nil {
					t.Error(err)
				}
			}
			limit("1")
			time.Sleep(300 * time.Millisecond)
			limit("0")
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := servers[0]
			target, err := url.Parse(s.url(t))
			if err != nil {
				t.Fatal(err)
			}
			p := outage.NewProxy(t, target.Host)
			client := s.client(t, func(o *rueidis.ClientOption) {
				o.InitAddress = []string{p.Address()}
				o.ConnWriteTimeout = outage.Patience
				o.ForceSingleClient = true
			})
			store := redisstate.New(client, redisstate.Options{Prefix: fmt.Sprintf("fault%d:", time.Now().UnixNano())})
			outage.Load{DB: loaded(store), Fault: func() {
				fault(t, p, s.client(t, nil))
				p.Flow()
			}}.Run(t)
		})
	}
}

// loaded is the database of the logins that a fault meets.
func loaded(store state.Store) *state.DB {
	return &state.DB{Store: store, PendingTTL: time.Minute, SessionTTL: time.Minute}
}

// connect makes a client of servers that a test started, as an application
// would: none of its calls waits for longer than its caller.
func connect(t testing.TB, option rueidis.ClientOption) rueidis.Client {
	t.Helper()
	option.DisableCache = true
	option.ConnWriteTimeout = outage.Patience
	client, err := rueidis.NewClient(option)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// processFaults are what happens to a process.
var processFaults = map[string]func(*outage.Server){
	"Killed":         func(s *outage.Server) { s.Kill(); time.Sleep(300 * time.Millisecond); s.Restart() },
	"Stopped":        func(s *outage.Server) { s.Stop(); time.Sleep(outage.Patience + time.Second); s.Continue() },
	"StoppedShortly": func(s *outage.Server) { s.Stop(); time.Sleep(300 * time.Millisecond); s.Continue() },
}

// TestServerDies lets a thousand logins run while a server of the test's own is
// killed and comes back with what it had, or stands still.
func TestServerDies(t *testing.T) {
	for name, fault := range processFaults {
		t.Run(name, func(t *testing.T) {
			server := outage.Redis(t)
			client := connect(t, rueidis.ClientOption{InitAddress: []string{server.Address()}, ForceSingleClient: true})
			store := redisstate.New(client, redisstate.Options{})
			outage.Load{DB: loaded(store), Fault: func() { fault(server) }}.Run(t)
		})
	}
}

// TestServerForgets is the same with a server that keeps nothing in a file: the
// logins that it held are over, which their users are told, and none is
// completed twice.
func TestServerForgets(t *testing.T) {
	server := outage.Redis(t, "--appendonly", "no")
	client := connect(t, rueidis.ClientOption{InitAddress: []string{server.Address()}, ForceSingleClient: true})
	store := redisstate.New(client, redisstate.Options{})
	outage.Load{DB: loaded(store), Forgets: true, Fault: func() { processFaults["Killed"](server) }}.Run(t)
}

// TestServerFillsUp lets the logins themselves fill a server up to its limit.
// Nothing is thrown away for them: what it holds stays, and what does not fit
// is refused.
func TestServerFillsUp(t *testing.T) {
	server := outage.Redis(t, "--maxmemory", "4mb")
	client := connect(t, rueidis.ClientOption{InitAddress: []string{server.Address()}, ForceSingleClient: true})
	store := redisstate.New(client, redisstate.Options{})
	ballast := []byte(strings.Repeat("x", 10_000))
	var kept []string
	outage.Load{DB: loaded(store), Fault: func() {
		for i := 0; ; i++ {
			name := fmt.Sprint("ballast", i)
			added, err := store.Add(context.Background(), name, ballast, time.Minute)
			if err != nil {
				if !strings.Contains(err.Error(), "OOM") {
					t.Error(err)
				}
				break
			}
			if added {
				kept = append(kept, name)
			}
		}
		time.Sleep(300 * time.Millisecond)
		for _, name := range kept {
			if _, found, err := store.Take(context.Background(), name); !found || err != nil {
				t.Errorf("%s is gone: %v", name, err)
			}
		}
	}}.Run(t)
}

// TestClusterNodeDies does to one node of a cluster what happens to servers.
func TestClusterNodeDies(t *testing.T) {
	nodes := outage.RedisCluster(t)
	var addresses []string
	for _, node := range nodes {
		addresses = append(addresses, node.Address())
	}
	for name, fault := range processFaults {
		t.Run(name, func(t *testing.T) {
			client := connect(t, rueidis.ClientOption{InitAddress: addresses})
			store := redisstate.New(client, redisstate.Options{Prefix: name + ":"})
			outage.Load{DB: loaded(store), Fault: func() { fault(nodes[1]) }}.Run(t)
		})
	}
}

// TestClusterNodeHoldsUpNobody stops one node. Whoever needs only the others is
// answered as always.
func TestClusterNodeHoldsUpNobody(t *testing.T) {
	nodes := outage.RedisCluster(t)
	client := connect(t, rueidis.ClientOption{InitAddress: []string{nodes[0].Address(), nodes[1].Address(), nodes[2].Address()}})
	store := redisstate.New(client, redisstate.Options{})
	// What the stopped node answers for is known from who is asked.
	onStopped := func(key string) bool {
		slot, err := client.Do(t.Context(), client.B().ClusterKeyslot().Key(redisstate.DefaultPrefix+key).Build()).AsInt64()
		if err != nil {
			t.Fatal(err)
		}
		return slot > 5460 && slot <= 10922 // the second third, as redis-cli deals them out
	}
	var there []string
	for i := range 300 {
		if key := fmt.Sprint("k", i); !onStopped(key) {
			there = append(there, key)
		}
	}
	nodes[1].Stop()
	defer nodes[1].Continue()
	// Some callers wait for the node that stands still.
	for i := range 300 {
		go func() {
			ctx, cancel := context.WithTimeout(context.Background(), outage.Patience)
			defer cancel()
			_, _, _ = store.Get(ctx, fmt.Sprint("k", i))
		}()
	}
	start := time.Now()
	for _, key := range there {
		if err := store.Put(t.Context(), key, nil, time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	if took := time.Since(start); len(there) < 100 || took > outage.Patience/2 {
		t.Errorf("%d calls of other nodes took %v", len(there), took)
	}
}

// TestReplicas: a claim or a mark that no replica knows of is not acknowledged,
// so that a failover cannot undo it.
func TestReplicas(t *testing.T) {
	_, replica, sentinels := outage.RedisSentinel(t)
	client := connect(t, behindSentinels([]string{sentinels[0].Address()}, "primary"))
	store := redisstate.New(client, redisstate.Options{Replicas: 1, ReplicasWait: 300 * time.Millisecond})
	statetest.Run(t, statetest.Suite{Open: func(testing.TB) state.Store { return store }})
	ctx, db := t.Context(), loaded(store)
	for _, name := range []string{"S", "T"} {
		if err := db.Begin(ctx, state.NewRecord(name, "i")); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := db.Claim(ctx, "S"); err != nil {
		t.Fatal(err)
	}
	replica.Stop()
	if _, err := db.Claim(ctx, "T"); err == nil || !strings.Contains(err.Error(), "0 of 1 replicas") {
		t.Errorf("a claim that only the primary knows: %v", err)
	}
	if seen, err := db.Seen(ctx, state.KindJWTID, "j", time.Hour); !seen || err == nil {
		t.Errorf("a mark that only the primary knows: %v, %v", seen, err)
	}
	replica.Continue()
	if _, err := db.Claim(ctx, "T"); !errors.Is(err, state.ErrUnknown) {
		t.Errorf("what may have been claimed is claimed again: %v", err)
	}
	if seen, err := db.Seen(ctx, state.KindJWTID, "k", time.Hour); seen || err != nil {
		t.Errorf("%v, %v", seen, err)
	}
}

// TestFailoverForgetsNothing kills a primary whose claims and marks wait for the
// replica. Until the old primary is back as the replica of the new one, nothing
// is acknowledged.
func TestFailoverForgetsNothing(t *testing.T) {
	primary, _, sentinels := outage.RedisSentinel(t)
	client := connect(t, behindSentinels([]string{sentinels[0].Address(), sentinels[1].Address()}, "primary"))
	store := redisstate.New(client, redisstate.Options{Replicas: 1})
	outage.Load{DB: loaded(store), Recovery: time.Minute, Fault: func() {
		primary.Kill()
		time.Sleep(2 * time.Second)
		primary.Restart()
	}}.Run(t)
}

// The nodes of a cluster without replicas have nobody to wait for.
func TestReplicasOfCluster(t *testing.T) {
	s := servers[1]
	store := redisstate.New(s.client(t, nil), redisstate.Options{Prefix: "replicas:", Replicas: 1, ReplicasWait: 20 * time.Millisecond})
	for i := range 10 {
		if _, err := store.Add(t.Context(), fmt.Sprint("k", i), nil, time.Second); err == nil || !strings.Contains(err.Error(), "0 of 1 replicas") {
			t.Errorf("%v", err)
		}
	}
}

// TestFailover kills the primary that sentinels watch over. Its replica takes
// its place, and the same client goes on there.
func TestFailover(t *testing.T) {
	primary, _, sentinels := outage.RedisSentinel(t)
	var addresses []string
	for _, s := range sentinels {
		addresses = append(addresses, s.Address())
	}
	store := redisstate.New(connect(t, behindSentinels(addresses, "primary")), redisstate.Options{})
	if err := store.Check(t.Context()); err != nil {
		t.Error(err)
	}
	// What was acknowledged before the failover and copied is known after it.
	ctx := t.Context()
	db := loaded(store)
	if err := db.Begin(ctx, state.NewRecord("before", "i")); err != nil {
		t.Fatal(err)
	}
	if seen, err := db.Seen(ctx, state.KindJWTID, "before", time.Hour); seen || err != nil {
		t.Fatal(seen, err)
	}
	outage.Load{DB: db, Fault: primary.Kill, Forgets: true}.Run(t)
	if _, err := db.Claim(ctx, "before"); err != nil {
		t.Errorf("a login that was begun before: %v", err)
	}
	if _, err := db.Claim(ctx, "before"); !errors.Is(err, state.ErrUnknown) {
		t.Errorf("it is claimed again: %v", err)
	}
	if seen, err := db.Seen(ctx, state.KindJWTID, "before", time.Hour); !seen || err != nil {
		t.Errorf("a mark of before is fresh: %v", err)
	}
}
