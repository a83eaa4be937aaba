package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// A flow is what a test reads of a shipped script.
type flow struct {
	Steps []struct {
		Service  string    `yaml:"service"`
		Answer   yaml.Node `yaml:"answer"`
		Callback yaml.Node `yaml:"callback"`
	} `yaml:"steps"`
}

// talks tells whether the script has no answers of its own: it needs a provider.
func (f *flow) talks() bool {
	for _, s := range f.Steps {
		if !s.Answer.IsZero() || !s.Callback.IsZero() {
			return false
		}
	}
	return true
}

func recording(name string) string {
	return filepath.Join(conversations, "recorded", name+".json")
}

// Every shipped script that talks to the embedded provider has a recording: with nobody
// to talk to, each request of it is made again, byte by byte, and each answer judged
// again, and the login ends as it did.
func TestShippedRecordings(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(conversations, "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var f flow
		if err := yaml.Unmarshal(data, &f); err != nil {
			t.Fatal(err)
		}
		if !f.talks() {
			continue
		}
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		want = append(want, recording(name))
		t.Run(name, func(t *testing.T) {
			exit, o := object(t, "replay", recording(name))
			if exit != 0 && *update { // one that still plays back is kept as it is
				if exit, o := object(t, "walkthrough", "--script", file, "--record", recording(name)); exit != 0 {
					t.Fatalf("exit %d, %s", exit, *o.Error.Message)
				}
				exit, o = object(t, "replay", recording(name))
			}
			if exit != 0 {
				t.Fatalf("exit %d, %s\nif that is meant: go test ./cmd/oidc -run Recordings -update", exit, *o.Error.Message)
			}
			var steps []string
			for _, s := range f.Steps {
				steps = append(steps, s.Service)
			}
			if got := o.services(); !slices.Equal(got, steps) {
				t.Errorf("the recording has the steps %v, the script %v", got, steps)
			}
			if o.IDToken["sub"] != "diana" {
				t.Errorf("the ID Token is %v", o.IDToken)
			}
		})
	}
	have, err := filepath.Glob(recording("*"))
	if err != nil || !slices.Equal(have, want) {
		t.Errorf("the recordings are %v, the scripts need %v (%v)", have, want, err)
	}
}
