package outage

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Redis starts a Redis of the test's own, with further options. It writes what
// it was told to a file before it answers, so that a killed one comes back with
// all it had; "--appendonly", "no" turns that off.
func Redis(t testing.TB, options ...string) *Server {
	t.Helper()
	s := &Server{t: t, path: find(t, "redis-server"), address: FreeAddress(t)}
	s.args = append([]string{
		"--port", s.Port(), "--bind", "127.0.0.1", "--dir", folder(t, nil), "--save", "", "--appendonly", "yes",
		"--maxmemory-policy", "noeviction", "--repl-diskless-sync-delay", "0",
	}, options...)
	s.ready = func() error { return ping(s.address) }
	t.Cleanup(s.Kill)
	s.start()
	return s
}

// ping asks a Redis whether it answers.
func ping(address string) error {
	conn, err := net.DialTimeout("tcp", address, time.Second)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(time.Second)); err != nil {
		return err
	}
	if _, err := conn.Write([]byte("PING\r\n")); err != nil {
		return err
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	// One that wants a password or a certificate is up as well.
	if err == nil && !strings.HasPrefix(line, "+PONG") && !strings.HasPrefix(line, "-NOAUTH") {
		err = fmt.Errorf("it answers %q", line)
	}
	return err
}

// RedisCluster starts a cluster of three nodes.
func RedisCluster(t testing.TB) []*Server {
	t.Helper()
	client := find(t, "redis-cli")
	var nodes []*Server
	create := []string{"--cluster", "create"}
	for range 3 {
		_, bus, _ := net.SplitHostPort(FreeAddress(t))
		node := Redis(t, "--cluster-enabled", "yes", "--cluster-port", bus, "--cluster-node-timeout", "2000")
		nodes = append(nodes, node)
		create = append(create, node.Address())
	}
	run(t, nil, client, append(create, "--cluster-yes")...)
	for _, node := range nodes {
		await(t, "the cluster forms", func() bool {
			info, _ := exec.Command(client, "-p", node.Port(), "cluster", "info").Output()
			return strings.Contains(string(info), "cluster_state:ok")
		})
	}
	return nodes
}

// RedisSentinel starts a primary with a replica, and three sentinels that watch
// over them under the name "primary".
func RedisSentinel(t testing.TB) (primary, replica *Server, sentinels []*Server) {
	t.Helper()
	client := find(t, "redis-cli")
	primary = Redis(t)
	replica = Redis(t, "--replicaof", "127.0.0.1 "+primary.Port())
	await(t, "the replica follows", func() bool {
		info, _ := exec.Command(client, "-p", replica.Port(), "info", "replication").Output()
		return strings.Contains(string(info), "master_link_status:up")
	})
	for range 3 {
		s := &Server{t: t, path: find(t, "redis-server"), address: FreeAddress(t)}
		config := filepath.Join(folder(t, nil), "sentinel.conf")
		text := fmt.Sprintf("port %s\nbind 127.0.0.1\ndir %s\nsentinel monitor primary 127.0.0.1 %s 2\n"+
			"sentinel down-after-milliseconds primary 500\nsentinel failover-timeout primary 3000\n",
			s.Port(), filepath.Dir(config), primary.Port())
		if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		s.args = []string{config, "--sentinel"}
		s.ready = func() error { return ping(s.address) }
		t.Cleanup(s.Kill)
		s.start()
		sentinels = append(sentinels, s)
	}
	for _, s := range sentinels {
		await(t, "the sentinels know each other and the replica", func() bool {
			info, _ := exec.Command(client, "-p", s.Port(), "info", "sentinel").Output()
			return strings.Contains(string(info), "slaves=1,sentinels=3")
		})
	}
	return primary, replica, sentinels
}

// await waits for what has to happen.
func await(t testing.TB, what string, happened func() bool) {
	t.Helper()
	for began := time.Now(); !happened(); time.Sleep(50 * time.Millisecond) {
		if time.Since(began) > starting {
			t.Fatalf("in vain: %s", what)
		}
	}
}
