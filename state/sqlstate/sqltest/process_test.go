package sqltest

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oidcservice/oidc/state"
	"github.com/oidcservice/oidc/state/sqlstate"
)

// A process is this test program run again: it opens the database that its
// environment names, sealed, and does what it is told line by line.
const processEnv = "STATE_TEST_PROCESS"

func TestMain(m *testing.M) {
	if os.Getenv(processEnv) != "" {
		if err := beProcess(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// beProcess answers "begin STATE", "claim STATE", "session STATE" and "end
// STATE" with "ok VERIFIER", "unknown", "exists" or another error, and "fill N"
// and "drain N", which begin and claim N logins at once, with how many it did.
func beProcess(in io.Reader, out io.Writer) error {
	var driver, dialect, table, dsn string
	if _, err := fmt.Sscanf(os.Getenv(processEnv), "%s %s %s %s", &driver, &dialect, &table, &dsn); err != nil {
		return err
	}
	pool, err := sql.Open(driver, dsn)
	if err != nil {
		return err
	}
	defer func() { _ = pool.Close() }()
	store, err := sqlstate.New(pool, sqlstate.Dialect(dialect), sqlstate.Options{Table: table})
	if err != nil {
		return err
	}
	defer func() { _ = store.Close() }()
	sealed, err := state.Sealed(store, []byte("a key that both processes have, 32+"))
	if err != nil {
		return err
	}
	db := &state.DB{Store: sealed}
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		verb, name, _ := strings.Cut(lines.Text(), " ")
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		var r state.Record
		switch verb {
		case "begin":
			r = state.NewRecord(name, "https://op.example.com")
			r.Keep(state.KeptCodeVerifier, "verifier of "+name)
			err = db.Begin(ctx, r)
		case "claim":
			r, err = db.Claim(ctx, name)
		case "session":
			r, err = db.Session(ctx, name)
		case "end":
			err = db.End(ctx, name)
		}
		cancel()
		answer := "ok " + r.Kept(state.KeptCodeVerifier)
		if verb == "fill" || verb == "drain" {
			var n int
			n, err = many(db, verb, name)
			answer = fmt.Sprint("did ", n)
		}
		switch {
		case errors.Is(err, state.ErrUnknown):
			answer = "unknown"
		case errors.Is(err, state.ErrExists):
			answer = "exists"
		case err != nil:
			answer = "error " + err.Error()
		}
		if _, err := fmt.Fprintln(out, answer); err != nil {
			return err
		}
	}
	return lines.Err()
}

// many begins or claims logins, some at a time, and returns how many it did.
func many(db *state.DB, verb, number string) (int, error) {
	n, err := strconv.Atoi(number)
	if err != nil {
		return 0, err
	}
	var did, next atomic.Int64
	errs := make([]error, 16)
	var wg sync.WaitGroup
	for w := range errs {
		wg.Go(func() {
			for i := next.Add(1); i <= int64(n) && errs[w] == nil; i = next.Add(1) {
				ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
				name := fmt.Sprint("many", i)
				var err error
				if verb == "fill" {
					err = db.Begin(ctx, state.NewRecord(name, "https://op.example.com"))
				} else if _, err = db.Claim(ctx, name); errors.Is(err, state.ErrUnknown) {
					did.Add(-1)
					err = nil
				}
				cancel()
				errs[w] = err
				did.Add(1)
			}
		})
	}
	wg.Wait()
	return int(did.Load()), errors.Join(errs...)
}

type process struct {
	t       testing.TB
	in      io.Writer
	answers *bufio.Scanner
}

func startProcess(t testing.TB, d database, table string) *process {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command(program)
	command.Env = append(os.Environ(), fmt.Sprintf("%s=%s %s %s %s", processEnv, d.driver, d.dialect, table, d.dsn))
	command.Stderr = os.Stderr
	in, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		if err := command.Wait(); err != nil {
			t.Error(err)
		}
	})
	return &process{t, in, bufio.NewScanner(out)}
}

func (p *process) tell(verb, name string) {
	p.t.Helper()
	if _, err := fmt.Fprintln(p.in, verb, name); err != nil {
		p.t.Fatal(err)
	}
}

func (p *process) answer() string {
	p.t.Helper()
	if !p.answers.Scan() {
		p.t.Fatal("the process gave no answer: ", p.answers.Err())
	}
	return p.answers.Text()
}

func (p *process) do(verb, name, want string) {
	p.t.Helper()
	p.tell(verb, name)
	if got := p.answer(); got != want {
		p.t.Fatalf("%s %s: %q, not %q", verb, name, got, want)
	}
}

// Begun in one process, finished in another, over a store that they share
// sealed; of two callbacks at the same time exactly one gets the login, and the
// other gets state.ErrUnknown.
func TestTwoProcesses(t *testing.T) {
	eachServer(t, func(t *testing.T, d database) {
		table := fmt.Sprintf("p%d", time.Now().UnixNano())
		d.openTable(t, d.pool(t), sqlstate.Options{Table: table})
		a, b := startProcess(t, d, table), startProcess(t, d, table)

		a.do("begin", "S", "ok verifier of S")
		b.do("begin", "S", "exists")
		b.do("claim", "S", "ok verifier of S")
		a.do("claim", "S", "unknown")
		a.do("session", "S", "ok verifier of S")
		b.do("end", "S", "ok ")
		a.do("session", "S", "unknown")

		logins := 200
		if testing.Short() {
			logins = 20
		}
		for i := range logins {
			name := fmt.Sprint("S", i)
			beginner, other := a, b
			if i%2 == 1 {
				beginner, other = b, a
			}
			beginner.do("begin", name, "ok verifier of "+name)
			beginner.tell("claim", name)
			other.tell("claim", name)
			first, second := beginner.answer(), other.answer()
			won := "ok verifier of " + name
			if !(first == won && second == "unknown" || first == "unknown" && second == won) {
				t.Fatalf("%s: %q and %q", name, first, second)
			}
		}
	})
}

// Two processes finish each other's logins under load, none twice.
func TestTwoProcessesUnderLoad(t *testing.T) {
	eachServer(t, func(t *testing.T, d database) {
		logins := 1000
		if os.Getenv("CI") == "true" && d.dialect != sqlstate.MySQL { // MariaDB once more
			logins = 10_000
		}
		table := fmt.Sprintf("l%d", time.Now().UnixNano())
		d.openTable(t, d.pool(t), sqlstate.Options{Table: table})
		a, b := startProcess(t, d, table), startProcess(t, d, table)
		start := time.Now()
		a.do("fill", fmt.Sprint(logins), fmt.Sprint("did ", logins))
		filled := time.Since(start)
		a.tell("drain", fmt.Sprint(logins))
		b.tell("drain", fmt.Sprint(logins))
		var first, second int
		if _, err := fmt.Sscanf(a.answer()+" "+b.answer(), "did %d did %d", &first, &second); err != nil {
			t.Fatal(err)
		}
		if first+second != logins {
			t.Errorf("of %d logins %d and %d were claimed", logins, first, second)
		}
		t.Logf("%d logins begun in %v, claimed by two, %d and %d, in %v", logins, filled, first, second, time.Since(start)-filled)
	})
}
