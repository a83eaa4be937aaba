package outage

import (
	"bufio"
	"context"
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
)

// A Process is the test program run again: it opens the store that its
// environment names, sealed, and does what it is told line by line.
type Process struct {
	t       testing.TB
	in      io.Writer
	answers *bufio.Scanner
}

const processEnv = "STATE_TEST_PROCESS"

// Main is what TestMain of a package with processes does. It runs the tests, or
// is a process, which opens the store that where names as open says.
func Main(m *testing.M, open func(where string) (store state.Store, done func(), err error)) {
	where := os.Getenv(processEnv)
	if where == "" {
		os.Exit(m.Run())
	}
	if err := beProcess(os.Stdin, os.Stdout, func() (state.Store, func(), error) { return open(where) }); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// beProcess answers "begin STATE", "claim STATE", "session STATE" and "end
// STATE" with "ok VERIFIER", "unknown", "exists" or another error, and "fill"
// and "drain", which begin and claim many logins at once, with how many it did.
func beProcess(in io.Reader, out io.Writer, open func() (state.Store, func(), error)) error {
	store, done, err := open()
	if err != nil {
		return err
	}
	defer done()
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
		if many := map[string]func(*state.DB, string) (int, error){"fill": fill, "drain": drain}[verb]; many != nil {
			var n int
			n, err = many(db, name)
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

// fill begins the logins of a number, every step-th from the first on.
func fill(db *state.DB, what string) (int, error) {
	var first, step, n int
	if _, err := fmt.Sscanf(what, "%d %d %d", &first, &step, &n); err != nil {
		return 0, err
	}
	return many(first, step, n, func(ctx context.Context, name string) (bool, error) {
		err := db.Begin(ctx, state.NewRecord(name, "https://op.example.com"))
		return err == nil, err
	})
}

// drain claims the logins of a number, and returns how many it got.
func drain(db *state.DB, what string) (int, error) {
	n, err := strconv.Atoi(what)
	if err != nil {
		return 0, err
	}
	return many(0, 1, n, func(ctx context.Context, name string) (bool, error) {
		_, err := db.Claim(ctx, name)
		if errors.Is(err, state.ErrUnknown) {
			return false, nil
		}
		return err == nil, err
	})
}

// many does something with logins, 16 at a time, and counts.
func many(first, step, n int, do func(ctx context.Context, name string) (bool, error)) (int, error) {
	var did, next atomic.Int64
	next.Store(int64(first - step))
	errs := make([]error, 16)
	var wg sync.WaitGroup
	for w := range errs {
		wg.Go(func() {
			for i := next.Add(int64(step)); i < int64(n) && errs[w] == nil; i = next.Add(int64(step)) {
				ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
				ok, err := do(ctx, fmt.Sprint("many", i))
				cancel()
				errs[w] = err
				if ok {
					did.Add(1)
				}
			}
		})
	}
	wg.Wait()
	return int(did.Load()), errors.Join(errs...)
}

// StartProcess starts a process on the store that where names, until the test
// ends.
func StartProcess(t testing.TB, where string) *Process {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command(program)
	command.Env = append(os.Environ(), processEnv+"="+where)
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
	return &Process{t, in, bufio.NewScanner(out)}
}

// Tell lets the process do something, without waiting for the answer.
func (p *Process) Tell(verb, name string) {
	p.t.Helper()
	if _, err := fmt.Fprintln(p.in, verb, name); err != nil {
		p.t.Fatal(err)
	}
}

// Answer waits for the answer to what the process was told.
func (p *Process) Answer() string {
	p.t.Helper()
	if !p.answers.Scan() {
		p.t.Fatal("the process gave no answer: ", p.answers.Err())
	}
	return p.answers.Text()
}

// Do tells and compares the answer with what it must be.
func (p *Process) Do(verb, name, want string) {
	p.t.Helper()
	p.Tell(verb, name)
	if got := p.Answer(); got != want {
		p.t.Fatalf("%s %s: %q, not %q", verb, name, got, want)
	}
}
