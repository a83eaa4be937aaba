package outage

import (
	"os/exec"
	"path/filepath"
	"testing"
)

// PostgreSQL starts a PostgreSQL of the test's own, with the user and the
// database "postgres".
func PostgreSQL(t testing.TB) *Server {
	t.Helper()
	const debian = "/usr/lib/postgresql/*/bin"
	initdb, ready := find(t, "initdb", debian), find(t, "pg_isready", debian)
	s := &Server{t: t, path: find(t, "postgres", debian), account: account(t, "postgres"), address: FreeAddress(t)}
	data := folder(t, s.account)
	run(t, s.account, initdb, "-D", data, "-U", "postgres", "-A", "trust", "--no-sync")
	s.args = []string{
		"-D", data, "-p", s.Port(), "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=" + data,
		// What a killed process has written is safe with the system; only the
		// death of the machine would lose it.
		"-c", "fsync=off", "-c", "max_connections=200",
	}
	s.ready = func() error { return exec.Command(ready, "-q", "-h", "127.0.0.1", "-p", s.Port()).Run() }
	t.Cleanup(s.Kill)
	s.start()
	return s
}

// MariaDB starts a MariaDB of the test's own, with the user "state", the
// password "state" and the database "state".
func MariaDB(t testing.TB) *Server {
	t.Helper()
	const debian = "/usr/sbin"
	install, client := find(t, "mariadb-install-db"), find(t, "mariadb")
	s := &Server{t: t, path: find(t, "mariadbd", debian), account: account(t, "mysql"), address: FreeAddress(t)}
	data := folder(t, s.account)
	socket := filepath.Join(data, "socket")
	run(t, s.account, install, "--no-defaults", "--datadir="+data, "--auth-root-authentication-method=normal", "--skip-test-db")
	s.args = []string{
		"--no-defaults", "--datadir=" + data, "--socket=" + socket, "--bind-address=127.0.0.1", "--port=" + s.Port(),
		"--innodb-flush-log-at-trx-commit=2", "--max-connections=200",
	}
	ask := func(text string) error {
		return exec.Command(client, "--no-defaults", "--socket="+socket, "--user=root", "-e", text).Run()
	}
	s.ready = func() error { return ask("SELECT 1") }
	t.Cleanup(s.Kill)
	s.start()
	if err := ask("CREATE DATABASE state; CREATE USER state@127.0.0.1 IDENTIFIED BY 'state'; GRANT ALL ON state.* TO state@127.0.0.1"); err != nil {
		t.Fatal(err)
	}
	return s
}
