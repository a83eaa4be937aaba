package readme

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// generated are the pages that are printed from code.
var generated = map[string]func() ([]byte, error){
	"docs/op.md":       opPage,
	"docs/rules.md":    rulesPage,
	"docs/services.md": servicesPage,
}

func TestGeneratedPagesAreFresh(t *testing.T) {
	for name, generate := range generated {
		want, err := generate()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		file := filepath.Join(top, filepath.FromSlash(name))
		if *update {
			if err := os.WriteFile(file, want, 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		got, err := os.ReadFile(file)
		if err != nil {
			t.Errorf("%v; run: make docs", err)
			continue
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is stale; run: make docs", name)
		}
	}
}
