package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// recorded runs a walkthrough and returns the file of its recording.
func recorded(t *testing.T, args ...string) (file string, exit int, o *outcome) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "record.json")
	exit, o = object(t, append(args, "--record", file)...)
	return file, exit, o
}

// A recording plays back to the same bytes with the provider gone, and to the same
// end, whatever it was.
func TestReplay(t *testing.T) {
	good := newFake(t)
	refused := newFake(t)
	refused.claims = func(c map[string]any) { c["iss"] = "https://evil.example" }
	broken := newFake(t)
	broken.answer("/token", 500, "text/html", "<html>")
	slow := newFake(t)
	slow.over["/token"] = hang
	for name, args := range map[string][]string{
		"embedded":        {"walkthrough", "--logins", "2", "--refresh", "--logout"},
		"all":             good.at("--refresh", "--logout", "--logins", "2"),
		"private_key_jwt": good.at("--token-endpoint-auth-method", "private_key_jwt"),
		"refused":         refused.at(),
		"broken":          broken.at(),
		"slow":            slow.at("--timeout", "200ms"),
		"script":          {"walkthrough", "--script", script("conversation-2018")},
	} {
		t.Run(name, func(t *testing.T) {
			file, exit, was := recorded(t, args...)
			again, is := object(t, "replay", file)
			if again != exit || is.Outcome != was.Outcome || is.rule() != was.rule() || is.FailedStep != was.FailedStep {
				t.Fatalf("recorded: %d %s %s at %s; replayed: %d %s %s at %s (%v)", exit, was.Outcome, was.rule(), was.FailedStep, again, is.Outcome, is.rule(), is.FailedStep, is.Error)
			}
			if strings.Join(was.services(), " ") != strings.Join(is.services(), " ") || strings.Join(was.States, " ") != strings.Join(is.States, " ") {
				t.Errorf("recorded %v, replayed %v", was.services(), is.services())
			}
			for i := range was.Steps {
				if was.Steps[i].Request.URL != is.Steps[i].Request.URL || was.Steps[i].Request.Body != is.Steps[i].Request.Body {
					t.Errorf("step %d differs", i)
				}
			}
		})
	}
}

func TestReplayFindsAnyByte(t *testing.T) {
	f := newFake(t)
	file, exit, _ := recorded(t, f.at()...)
	if exit != 0 {
		t.Fatalf("exit %d", exit)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(map[string]any){
		"a request": func(m map[string]any) {
			q := m["exchanges"].([]any)[1].(map[string]any)["request"].(map[string]any)
			q["body"] = strings.Replace(q["body"].(string), "rp.example", "rp.exampl3", 1)
		},
		"the settings": func(m map[string]any) { m["settings"].(map[string]any)["scope"] = "openid phone" },
		"randomness":   func(m map[string]any) { m["random"] = "AAAA" + m["random"].(string)[4:] },
		"the clock":    func(m map[string]any) { m["clock"] = m["clock"].([]any)[:3] },
	} {
		t.Run(name, func(t *testing.T) {
			var m map[string]any
			if err := json.Unmarshal(data, &m); err != nil {
				t.Fatal(err)
			}
			change(m)
			changed, err := json.Marshal(m)
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(t.TempDir(), "changed.json")
			if err := os.WriteFile(file, changed, 0o600); err != nil {
				t.Fatal(err)
			}
			exit, o := object(t, "replay", file)
			if exit != 5 || !strings.Contains(*o.Error.Message, "differs from the recording") {
				t.Errorf("exit %d, %v", exit, o.Error)
			}
		})
	}
}
