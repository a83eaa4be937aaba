package outage

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// A Server is a process that the test may kill and stop as it likes.
type Server struct {
	t       testing.TB
	path    string
	args    []string
	account *syscall.Credential
	ready   func() error
	address string

	mu      sync.Mutex
	command *exec.Cmd
	output  *bytes.Buffer
}

// starting is how long a server may take until it answers.
const starting = 60 * time.Second

// start starts the process and waits until it is ready.
func (s *Server) start() {
	s.t.Helper()
	s.mu.Lock()
	s.output = new(bytes.Buffer)
	s.command = exec.Command(s.path, s.args...)
	s.command.Stdout, s.command.Stderr = s.output, s.output
	s.command.Dir = os.TempDir()
	// The process dies with the test, also when that is killed.
	s.command.SysProcAttr = &syscall.SysProcAttr{Credential: s.account, Pdeathsig: syscall.SIGKILL}
	err := s.command.Start()
	s.mu.Unlock()
	if err != nil {
		s.t.Fatal(err)
	}
	began := time.Now()
	for {
		if err = s.ready(); err == nil {
			return
		}
		if gone := defunct(s.command.Process.Pid); gone || time.Since(began) > starting {
			s.Kill()
			s.t.Fatalf("%s does not start: %v\n%s", filepath.Base(s.path), err, s.output)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// Address is where the server listens.
func (s *Server) Address() string { return s.address }

// Port is the port of the address.
func (s *Server) Port() string {
	_, port, _ := net.SplitHostPort(s.address)
	return port
}

// Kill kills the server and the processes that it started with SIGKILL, and
// waits until they are gone.
func (s *Server) Kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.command == nil {
		return
	}
	family := s.family()
	signal(family, syscall.SIGKILL)
	_ = s.command.Wait()
	for _, pid := range family {
		for syscall.Kill(pid, 0) == nil && !defunct(pid) {
			time.Sleep(5 * time.Millisecond)
		}
	}
	s.command = nil
}

// Restart starts a server that was killed, with the data that it left.
func (s *Server) Restart() {
	s.t.Helper()
	s.start()
}

// Stop lets the server and its processes stand still, by SIGSTOP.
func (s *Server) Stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	signal(s.family(), syscall.SIGSTOP)
}

// Continue ends Stop.
func (s *Server) Continue() {
	s.mu.Lock()
	defer s.mu.Unlock()
	signal(s.family(), syscall.SIGCONT)
}

func signal(pids []int, what syscall.Signal) {
	for _, pid := range pids {
		_ = syscall.Kill(pid, what)
	}
}

// family lists the process and those below it: a database has a process a
// connection, each a group of its own.
func (s *Server) family() []int {
	all := []int{s.command.Process.Pid}
	parents := map[int]int{}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, name := range stats {
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(name)))
		if fields := statOf(pid); len(fields) > 1 {
			parents[pid], _ = strconv.Atoi(fields[1])
		}
	}
	for i := 0; i < len(all); i++ {
		for pid, parent := range parents {
			if parent == all[i] && !slices.Contains(all, pid) {
				all = append(all, pid)
			}
		}
	}
	return all
}

// statOf returns the state, the parent and so on of a process: what comes after
// its name in parentheses.
func statOf(pid int) []string {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil
	}
	return strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
}

// defunct tells whether a process is dead and only waited for.
func defunct(pid int) bool {
	fields := statOf(pid)
	return len(fields) == 0 || fields[0] == "Z" || fields[0] == "X"
}

// find returns a program of PATH or of a folder that the patterns match, the
// last one first, and ends the test if there is none.
func find(t testing.TB, name string, patterns ...string) string {
	t.Helper()
	for _, pattern := range patterns {
		found, _ := filepath.Glob(filepath.Join(pattern, name))
		if len(found) > 0 {
			return found[len(found)-1]
		}
	}
	path, err := exec.LookPath(name)
	if err == nil {
		return path
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is not installed", name)
	}
	t.Skipf("%s is not installed", name)
	return ""
}

// folder makes a folder that belongs to an account, until the test ends.
func folder(t testing.TB, account *syscall.Credential) string {
	t.Helper()
	name, err := os.MkdirTemp("", "outage")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(name) })
	if account != nil {
		if err := os.Chown(name, int(account.Uid), int(account.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	return name
}

// account is the system's account of a name, nil if the test is not of root:
// databases refuse to run as root.
func account(t testing.TB, name string) *syscall.Credential {
	t.Helper()
	if os.Getuid() != 0 {
		return nil
	}
	who, err := user.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	uid, _ := strconv.ParseUint(who.Uid, 10, 32)
	gid, _ := strconv.ParseUint(who.Gid, 10, 32)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

// run runs a program that prepares a server.
func run(t testing.TB, who *syscall.Credential, path string, args ...string) {
	t.Helper()
	command := exec.Command(path, args...)
	command.Dir = os.TempDir()
	command.SysProcAttr = &syscall.SysProcAttr{Credential: who}
	if output, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", filepath.Base(path), err, output)
	}
}

// FreeAddress is an address of loopback that nobody listens on.
func FreeAddress(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().String()
}
