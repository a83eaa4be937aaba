package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oidcservice/oidc/cmd/internal/password"
)

// A mortal is a provider in a process of its own that can be killed.
type mortal struct {
	t      *testing.T
	binary string
	config string
	cmd    *exec.Cmd
	errs   *strings.Builder
}

// What a process that is killed at any moment must not lose or let be used twice.
func TestKilled(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "oidc")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for name, test := range map[string]func(t *testing.T, m *mortal, v *visitor){
		"between requests": killedBetweenRequests, "while a code is redeemed": killedWhileACodeIsRedeemed, "while refreshing": killedWhileRefreshing,
	} {
		t.Run(name, func(t *testing.T) {
			m, v := newMortal(t, binary)
			v.register()
			test(t, m, v)
		})
	}
}

// newMortal writes a configuration with a store on disk and starts the process.
func newMortal(t *testing.T, binary string) (*mortal, *visitor) {
	t.Helper()
	dir := t.TempDir()
	m := &mortal{t: t, binary: binary, config: filepath.Join(dir, "op.yaml")}
	ca := writeCertificate(t, dir)
	writeFile(t, filepath.Join(dir, "store.key"), base64.StdEncoding.EncodeToString([]byte(rand.Text()+rand.Text())))
	hash, err := password.New("krall", password.Params{Memory: 64, Time: 1, Threads: 1}, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	address := freeAddress(t)
	writeFile(t, m.config, fmt.Sprintf(`
issuer: https://%[1]s
listen: %[1]s
tls: {certificate: server.pem, key: server.key}
store: {url: "sqlite:op.db", key_file: store.key}
keys: {file: keys.json}
registration: {mode: open}
users: {diana: {password: %[2]q, claims: {email: diana@op.example}}}
`, address, hash))
	t.Cleanup(m.kill)
	m.start()
	return m, newVisitor(t, "https://"+address, ca)
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// start returns when the process listens.
func (m *mortal) start() {
	m.t.Helper()
	m.cmd, m.errs = exec.CommandContext(context.Background(), m.binary, "op", m.config), new(strings.Builder)
	m.cmd.Stderr = m.errs
	out, err := m.cmd.StdoutPipe()
	if err != nil {
		m.t.Fatal(err)
	}
	if err := m.cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); !strings.HasPrefix(line, "issuer ") {
		_ = m.cmd.Wait()
		m.t.Fatalf("it does not start: %q, %v, %s", line, err, m.errs)
	}
}

// kill is SIGKILL: nothing is written or sent any more.
func (m *mortal) kill() {
	if m.cmd != nil && m.cmd.ProcessState == nil {
		_ = m.cmd.Process.Kill()
		_ = m.cmd.Wait()
	}
}

func (m *mortal) restart() {
	m.t.Helper()
	m.kill()
	m.start()
}

// The process is killed after every request of a client and of a browser. Nothing is lost,
// and nothing can be used twice.
func killedBetweenRequests(t *testing.T, m *mortal, v *visitor) {
	m.restart()
	page := v.get(v.authorizeURL())
	m.restart()
	page = v.logIn(page, "diana", "krall")
	m.restart()
	redirect := v.consent(page)
	first := v.code(redirect)
	m.restart()
	tokens := v.token(redemption(first)).object(t, 200)
	m.restart()
	if claims := v.get(v.issuer+"/userinfo", "Authorization", "Bearer "+tokens["access_token"].(string)).object(t, 200); claims["sub"] != "diana" {
		t.Errorf("claims %v", claims)
	}
	m.restart()
	refreshed := v.token(refreshing(tokens["refresh_token"].(string))).object(t, 200)
	m.restart()

	// The session and the consent are there: nobody is asked.
	second := v.code(v.get(v.authorizeURL("prompt", "none")))
	m.restart()
	silent := v.token(redemption(second)).object(t, 200)
	m.restart()
	if got := v.token(redemption(second)).object(t, 400); got["error"] != "invalid_grant" {
		t.Errorf("a code was used twice: %v", got)
	}
	m.restart()
	// What was issued for the code that came twice is good no more (RFC 6749, Section
	// 4.1.2), and what another code gave is.
	if got := v.token(refreshing(silent["refresh_token"].(string))).object(t, 400); got["error"] != "invalid_grant" {
		t.Errorf("the family of a code that came twice: %v", got)
	}
	m.restart()
	last := refreshed["refresh_token"].(string)
	for range 3 {
		last = v.token(refreshing(last)).object(t, 200)["refresh_token"].(string)
		m.restart()
	}
	// The client still manages its registration.
	if got := v.get(v.address, "Authorization", "Bearer "+v.manage).object(t, 200); got["client_id"] != v.id {
		t.Errorf("the registration: %v", got)
	}
	m.restart()
	// A ticket of a page serves once, whatever died in between.
	page = v.get(v.authorizeURL("prompt", "login"))
	m.restart()
	if a := v.logIn(page, "diana", "krall"); a.Header.Get("Location") == "" {
		t.Errorf("status %d: %s", a.StatusCode, a.text)
	}
	m.restart()
	if a := v.logIn(page, "diana", "krall"); a.StatusCode != 400 {
		t.Errorf("a ticket served twice: status %d", a.StatusCode)
	}
}

// The process is killed while a code is redeemed from many sides at once. However far it
// came, one of them at most gets tokens, before and after.
func killedWhileACodeIsRedeemed(t *testing.T, m *mortal, v *visitor) {
	v.code(v.consent(v.logIn(v.get(v.authorizeURL()), "diana", "krall")))
	won, cut := 0, 0
	for round := range 12 {
		code := v.code(v.get(v.authorizeURL("prompt", "none")))
		var mu sync.Mutex
		var group sync.WaitGroup
		got := 0
		redeem := func() {
			a, err := v.tryToken(redemption(code))
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err != nil:
				cut++
			case a.StatusCode == 200:
				got++
			case a.StatusCode != 400 || !strings.Contains(a.text, "invalid_grant"):
				t.Errorf("status %d: %s", a.StatusCode, a.text)
			}
		}
		for range 8 {
			group.Go(redeem)
		}
		time.Sleep(time.Duration(round) * time.Millisecond)
		m.restart()
		group.Wait()
		redeem()
		redeem()
		if got > 1 {
			t.Fatalf("round %d: one code gave tokens %d times", round, got)
		}
		won += got
	}
	if cut == 0 {
		t.Error("no request was cut off: the process was killed too late")
	}
	t.Logf("%d codes gave tokens, %d requests were cut off", won, cut)
}

// A refresh whose answer was lost is repeated: the user stays logged in (the grace of
// rotation), and a token that was replaced for good does not work.
func killedWhileRefreshing(t *testing.T, m *mortal, v *visitor) {
	code := v.code(v.consent(v.logIn(v.get(v.authorizeURL()), "diana", "krall")))
	token := v.token(redemption(code)).object(t, 200)["refresh_token"].(string)
	for round := range 8 {
		var group sync.WaitGroup
		group.Go(func() {
			_, _ = v.tryToken(refreshing(token))
		})
		time.Sleep(time.Duration(round) * time.Millisecond)
		m.restart()
		group.Wait()
		next, ok := v.token(refreshing(token)).object(t, 200)["refresh_token"].(string)
		if !ok {
			t.Fatalf("round %d: no refresh token", round)
		}
		token = next
	}
	if a := v.token(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"never-issued"}}); a.StatusCode != 400 {
		t.Errorf("status %d", a.StatusCode)
	}
}
