package main

import (
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// reload has the files read again, and waits for what the log then says.
func (s *served) reload(says string) {
	s.t.Helper()
	before := strings.Count(s.errs.String(), says)
	self, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = self.Signal(syscall.SIGHUP)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	for range 500 {
		if strings.Count(s.errs.String(), says) > before {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	s.t.Fatalf("it was not read again: %s", s.errs)
}

// SIGHUP has users and clients read again; a file that is wrong changes nothing.
func TestOPReload(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there is no such signal")
	}
	s := serve(t, publicClient)
	v := s.visitor()
	v.id = "spa"
	logsIn := func(name string) bool {
		v := s.visitor()
		v.id = "spa"
		return strings.Contains(v.logIn(v.get(v.authorizeURL()), name, "krall").text, `id="consent"`)
	}
	if !logsIn("diana") || logsIn("eve") {
		t.Fatal("before")
	}
	s.write(publicClient + "\nusers: {eve: {password: \"" + cheapHash(t, "krall") + "\"}}")
	s.reload("were read again")
	if logsIn("diana") || !logsIn("eve") {
		t.Error("the users are the old ones")
	}
	s.write("nonsense: 1")
	s.reload("was not read again")
	if !logsIn("eve") {
		t.Error("a wrong file changed something")
	}
	s.write("")
	s.reload("were read again")
	if a := v.get(v.authorizeURL()); a.StatusCode != 400 {
		t.Errorf("a client that is gone: status %d", a.StatusCode)
	}
}

// Who has another password now, or is gone, is logged out; others stay.
func TestOPReloadLogsOut(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there is no such signal")
	}
	user := func(name, word string) string {
		return name + ": {password: \"" + cheapHash(t, word) + "\"}, "
	}
	ann, bob, eve := user("ann", "krall"), user("bob", "krall"), user("eve", "krall")
	s := serve(t, publicClient+"\nusers: {"+ann+bob+eve+"}")
	visitors, tokens := map[string]*visitor{}, map[string]string{}
	for _, name := range []string{"ann", "bob", "eve"} {
		v := s.visitor()
		v.id, visitors[name] = "spa", v
		page := v.logIn(v.get(v.authorizeURL("scope", "openid offline_access", "prompt", "consent")), name, "krall")
		got := v.token(redemption(v.code(v.consent(page)))).object(t, 200)
		tokens[name] = got["refresh_token"].(string)
	}
	s.write(publicClient + "\nusers: {" + ann + user("bob", "another") + "}")
	s.reload("were read again")
	for name, stays := range map[string]bool{"ann": true, "bob": false, "eve": false} {
		v := visitors[name]
		silent := v.get(v.authorizeURL("prompt", "none")).Header.Get("Location")
		if strings.Contains(silent, "error=login_required") == stays {
			t.Errorf("%s: a silent login gives %s", name, silent)
		}
		if a := v.token(refreshing(tokens[name])); (a.StatusCode == 200) != stays {
			t.Errorf("%s: a refresh gives %d %s", name, a.StatusCode, a.text)
		}
	}
}
