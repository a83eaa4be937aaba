package demo

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is how long a process may take to start: machines are busy.
const patience = time.Minute

// A process prints JSON objects, of which the first says that it is ready.
type process struct {
	ready map[string]any
	said  bytes.Buffer
	mu    sync.Mutex
}

func (p *process) Write(text []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.said.Write(text)
}

// start runs a command until the end of the test and waits until it is ready.
func start(t *testing.T, dir string, command ...string) *process {
	t.Helper()
	p := new(process)
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Dir, cmd.Stderr = dir, p
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	first, done := make(chan map[string]any, 1), make(chan struct{})
	go func() {
		defer close(done)
		decoder := json.NewDecoder(bufio.NewReader(stdout))
		var object map[string]any
		if decoder.Decode(&object) == nil {
			first <- object
		}
		close(first)
		_, _ = io.Copy(p, stdout)
	}()
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Process.Signal(syscall.SIGTERM)
		<-done
		_ = cmd.Wait()
		if t.Failed() {
			p.mu.Lock()
			defer p.mu.Unlock()
			t.Logf("%s said:\n%s", filepath.Base(command[0]), p.said.String())
		}
	})
	select {
	case p.ready = <-first:
	case <-time.After(patience):
	}
	if p.ready == nil {
		t.Fatalf("%s is not ready", command[0])
	}
	return p
}

// built is the binary, built once.
var built struct {
	once sync.Once
	file string
	err  error
	out  []byte
}

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "demo")
	if err != nil {
		panic(err)
	}
	built.file = filepath.Join(dir, "oidc")
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

func binary(t *testing.T) string {
	t.Helper()
	built.once.Do(func() {
		build := exec.Command("go", "build", "-o", built.file, "./oidc")
		build.Dir = filepath.Join("..", "..", "..", "cmd")
		built.out, built.err = build.CombinedOutput()
	})
	if built.err != nil {
		t.Fatalf("the binary cannot be built: %v\n%s", built.err, built.out)
	}
	return built.file
}

// A site is a demonstration that runs, and where its certificates are.
type site struct {
	url, issuer, ca string
	foreign         bool // the provider's pages are not ours
}

// serves reports whether what a browser complains of is ours to mend. A complaint without an
// address is.
func (s *site) serves(address string) bool {
	return address == "" || strings.HasPrefix(address, s.url+"/") || !s.foreign && strings.HasPrefix(address, s.issuer+"/")
}

// run starts "oidc demo".
func run(t *testing.T, args ...string) *site {
	t.Helper()
	s := &site{ca: filepath.Join(t.TempDir(), "ca.pem")}
	p := start(t, "", append([]string{binary(t), "demo", "--output", "json", "--listen", "127.0.0.1:0", "--ca-out", s.ca}, args...)...)
	s.url, _ = p.ready["url"].(string)
	s.issuer, _ = p.ready["issuer"].(string)
	return s
}

// runSecure starts it with https, on two sites: what the provider posts crosses from one to
// the other.
func runSecure(t *testing.T) *site {
	t.Helper()
	return run(t, "--provider-listen", "localhost:0")
}
