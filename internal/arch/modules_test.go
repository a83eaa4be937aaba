package arch

import (
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"
)

// A goMod is what the tests need of a go.mod file.
type goMod struct {
	module  string
	direct  []string // required modules without the "// indirect" mark
	require []string // all required modules
	replace []string // replaced modules
}

// parseGoMod reads the directives that matter here: module, require and replace, as
// single lines and as blocks.
func parseGoMod(text string) goMod {
	var m goMod
	block := ""
	for line := range strings.Lines(text) {
		code, comment, _ := strings.Cut(line, "//")
		words := strings.Fields(code)
		if len(words) == 0 {
			continue
		}
		if block == "" {
			if len(words) == 2 && words[1] == "(" {
				block = words[0]
				continue
			}
			m.add(words[0], words[1:], comment)
			continue
		}
		if words[0] == ")" {
			block = ""
			continue
		}
		m.add(block, words, comment)
	}
	return m
}

func (m *goMod) add(directive string, words []string, comment string) {
	if len(words) == 0 {
		return
	}
	switch directive {
	case "module":
		m.module = words[0]
	case "require":
		m.require = append(m.require, words[0])
		if strings.TrimSpace(comment) != "indirect" {
			m.direct = append(m.direct, words[0])
		}
	case "replace":
		m.replace = append(m.replace, words[0])
	}
}

// modules returns the go.mod of each module folder of the tree.
func modules(t *testing.T, top fs.FS) map[string]goMod {
	t.Helper()
	out := map[string]goMod{}
	err := fs.WalkDir(top, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := path.Base(name)
		if d.IsDir() && name != "." && (strings.HasPrefix(base, ".") || base == "node_modules" || base == "testdata" || base == "bin") {
			return fs.SkipDir
		}
		if base == "go.mod" {
			text, err := fs.ReadFile(top, name)
			if err != nil {
				return err
			}
			out[path.Dir(name)] = parseGoMod(string(text))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestRootRequiresTwoModules(t *testing.T) {
	for _, direct := range modules(t, repository(t))["."].direct {
		if _, ok := ownerOf[direct]; !ok {
			t.Errorf("the root go.mod requires %s directly: whatever brings another dependency is a nested module", direct)
		}
	}
}

func TestModulePathsFollowFolders(t *testing.T) {
	for dir, m := range modules(t, repository(t)) {
		want := modulePath
		if dir != "." {
			want = path.Join(modulePath, dir)
		}
		if m.module != want {
			t.Errorf("%s/go.mod says module %s, want %s", dir, m.module, want)
		}
	}
}

// Until the first tag a nested module finds the others of this repository by
// replace lines, so that each module builds alone as well as in the workspace.
func TestNestedModulesReplaceOurs(t *testing.T) {
	for dir, m := range modules(t, repository(t)) {
		for _, required := range m.require {
			if _, ours := own(required); ours && !slices.Contains(m.replace, required) {
				t.Errorf("%s/go.mod requires %s without a replace line", dir, required)
			}
		}
	}
}

func TestWorkspaceJoinsAllModules(t *testing.T) {
	top := repository(t)
	text, err := fs.ReadFile(top, "go.work")
	if err != nil {
		t.Fatal(err)
	}
	var used []string
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(strings.TrimPrefix(strings.TrimSpace(line), "use "))
		if len(words) == 1 && strings.HasPrefix(words[0], ".") {
			used = append(used, path.Clean(words[0]))
		}
	}
	have := slices.Sorted(maps.Keys(modules(t, top)))
	slices.Sort(used)
	if !slices.Equal(used, have) {
		t.Errorf("go.work joins %v, the tree has %v", used, have)
	}
}

func TestGoModReader(t *testing.T) {
	m := parseGoMod(`module example.com/a // the module

go 1.26

require example.com/single v1.0.0

require (
	example.com/direct v1.2.3
	example.com/indirect v1.0.0 // indirect
)

replace example.com/direct => ../direct
`)
	if m.module != "example.com/a" {
		t.Errorf("module: %q", m.module)
	}
	if want := []string{"example.com/single", "example.com/direct"}; !slices.Equal(m.direct, want) {
		t.Errorf("direct: got %v, want %v", m.direct, want)
	}
	if len(m.require) != 3 {
		t.Errorf("require: %v", m.require)
	}
	if want := []string{"example.com/direct"}; !slices.Equal(m.replace, want) {
		t.Errorf("replace: got %v, want %v", m.replace, want)
	}
}
