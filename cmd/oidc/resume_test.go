package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// sharedStore is a store that several runs share.
func sharedStore(t *testing.T) []string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "logins.db")
	t.Cleanup(func() {
		if info, err := os.Stat(file); err == nil && info.Mode().Perm() != 0o600 {
			t.Errorf("the store can be read by others: %v", info.Mode())
		}
	})
	return []string{"--store", "sqlite:" + file}
}

func gone(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

// A provider goes away between two steps. A second process goes on where that is
// safe, and says to start again where it is not.
func TestResume(t *testing.T) {
	for _, tt := range []struct {
		name  string
		path  string // where the provider goes away
		exit  int    // of the second run
		rule  string
		steps []string // of the second run
	}{
		{"at the authorization endpoint", "/authorize", 0, "", []string{"authorization", "accesstoken", "jwks", "userinfo"}},
		{"at the token endpoint", "/token", 5, "token_request_code_once", nil},
		{"at the keys, when the code is spent", "/jwks", 5, "token_request_code_once", nil},
		{"at UserInfo", "/userinfo", 0, "", []string{"userinfo"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFake(t)
			store := sharedStore(t)
			f.over[tt.path] = gone
			exit, o := object(t, f.at(store...)...)
			if exit != 3 || len(o.States) != 1 {
				t.Fatalf("first: exit %d, states %v, %v", exit, o.States, o.Error)
			}
			f.mu.Lock()
			f.over[tt.path] = nil
			f.mu.Unlock()
			exit, again := object(t, append([]string{"walkthrough", "--resume", o.States[0], "--ca-file", f.ca}, store...)...)
			if exit != tt.exit || again.rule() != tt.rule || !slices.Equal(again.services(), tt.steps) {
				t.Fatalf("second: exit %d by %q, steps %v, %v", exit, again.rule(), again.services(), again.Error)
			}
			if exit == 0 && (!slices.Equal(again.StateRecord, basicRecord) || again.UserInfo["sub"] != "ann" || *again.ClientID != "client 1") {
				t.Errorf("second: %+v", again)
			}
			if exit != 0 && !strings.Contains(*again.Error.Message, "start the login again") {
				t.Errorf("the user is not told to start again: %s", *again.Error.Message)
			}
		})
	}
}

func TestResumeAfterUntil(t *testing.T) {
	f := newFake(t)
	store := sharedStore(t)
	_, o := object(t, f.at(append(store, "--until", "authorization")...)...)
	if len(o.States) != 1 || !slices.Equal(o.StateRecord, []string{"iss", "auth_request", "auth_response"}) {
		t.Fatalf("first: %+v", o)
	}
	resume := append([]string{"walkthrough", "--issuer", f.URL, "--resume", o.States[0], "--ca-file", f.ca, "--refresh"}, store...)
	exit, again := object(t, resume...)
	if exit != 0 || !slices.Equal(again.services(), []string{"accesstoken", "jwks", "userinfo", "refresh_token"}) {
		t.Errorf("second: exit %d, %v, %v", exit, again.services(), again.Error)
	}
	if exit, o := object(t, append([]string{"walkthrough", "--resume", strings.Repeat("x", 43)}, store...)...); exit != 5 || o.rule() != "authz_response_state" || !strings.Contains(*o.Error.Message, "authorization: state: ") {
		t.Errorf("an unknown state: exit %d, %v", exit, o.Error)
	}
	if exit, o := object(t, append([]string{"walkthrough", "--issuer", "https://op.example", "--resume", again.States[0]}, store...)...); exit != 2 {
		t.Errorf("another issuer: exit %d, %v", exit, o.Error)
	}
	if exit, _ := object(t, "walkthrough", "--resume", o.States[0]); exit != 2 {
		t.Errorf("without a store: exit %d", exit)
	}
	if exit, _ := object(t, "walkthrough", "--store", "sqlite:"+t.TempDir()); exit != 2 {
		t.Errorf("a store that is a folder: exit %d", exit)
	}
}

// Two processes get the same callback: one redeems the code.
func TestResumeTwiceAtOnce(t *testing.T) {
	f := newFake(t)
	store := sharedStore(t)
	exit, stdout, stderr := oidcWith(t, "", f.at(append(store, "--user-agent", "print", "--output", "json")...)...)
	o := parseObject(t, exit, stdout, stderr)
	if exit != 6 || len(o.States) != 1 {
		t.Fatalf("begin: exit %d, %+v", exit, o)
	}
	f.nonce = nonceOf(o.Steps[len(o.Steps)-1].Request.URL)
	callback := "https://rp.example/callback?code=" + fakeCode + "&state=" + o.States[0] + "&iss=" + f.URL + "\n"
	var wg sync.WaitGroup
	exits := make([]int, 4)
	outs := make([]string, len(exits))
	for i := range exits {
		wg.Go(func() {
			var out, errs bytes.Buffer
			args := append([]string{"walkthrough", "--resume", o.States[0], "--ca-file", f.ca, "--user-agent", "print", "--output", "json"}, store...)
			exits[i] = run(context.Background(), args, strings.NewReader(callback), &out, &errs)
			outs[i] = out.String() + errs.String()
		})
	}
	wg.Wait()
	won := 0
	for i, exit := range exits {
		switch exit {
		case 0:
			won++
		case 5:
		default:
			t.Errorf("exit %d: %s", exit, outs[i])
		}
	}
	redeemed := 0
	for _, path := range f.asked() {
		if path == "/token" {
			redeemed++
		}
	}
	if won == 0 || redeemed != 1 {
		t.Errorf("%d won, the code was sent %d times: %v", won, redeemed, exits)
	}
}

func nonceOf(target string) string {
	_, rest, _ := strings.Cut(target, "nonce=")
	nonce, _, _ := strings.Cut(rest, "&")
	return nonce
}

// A login that was begun with a sealed store goes on in a process that has the key, and only
// there. The other stores are tested with the package that opens them; one stands here for
// those with a server.
func TestResumeWithSealedStore(t *testing.T) {
	for name, url := range map[string]func(t *testing.T) string{
		"sqlite": func(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "logins.db") },
		"redis": func(t *testing.T) string {
			server := os.Getenv("STATE_TEST_REDIS")
			if server == "" {
				if os.Getenv("CI") == "true" {
					t.Fatal("STATE_TEST_REDIS names no server")
				}
				t.Skip("STATE_TEST_REDIS names no server")
			}
			return server + "?prefix=" + rand.Text() + ":"
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			f.over["/userinfo"] = gone
			store := url(t)
			keys := [2]string{}
			for i := range keys {
				keys[i] = filepath.Join(t.TempDir(), "keys")
				if err := os.WriteFile(keys[i], []byte(base64.StdEncoding.EncodeToString([]byte(rand.Text()+rand.Text()))), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			exit, o := object(t, f.at("--store", store, "--store-key-file", keys[0])...)
			if exit != 3 || len(o.States) != 1 {
				t.Fatalf("first: exit %d, states %v, %v", exit, o.States, o.Error)
			}
			f.mu.Lock()
			f.over["/userinfo"] = nil
			f.mu.Unlock()
			again := []string{"walkthrough", "--resume", o.States[0], "--ca-file", f.ca, "--store", store}
			for _, wrong := range [][]string{nil, {"--store-key-file", keys[1]}} {
				if exit, o := object(t, append(again, wrong...)...); exit != 2 || *o.Error.Param != "store-key-file" {
					t.Errorf("with %v: exit %d, %v", wrong, exit, o.Error)
				}
			}
			if exit, o := object(t, append(again, "--store-key-file", keys[0])...); exit != 0 || o.UserInfo["sub"] != "ann" {
				t.Errorf("with the key: exit %d, %v", exit, o.Error)
			}
		})
	}
}
