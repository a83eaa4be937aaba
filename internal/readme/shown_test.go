package readme

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/oidcservice/oidc/message"
)

// A shown says which Go tests show a rule of the relying party that no vector can, such
// as a property of our own requests, or why the rule cannot apply.
type shown struct {
	Package string `json:"package"` // the folder of both tests
	Keeps   string `json:"keeps"`   // "TestName" or "TestName/subtest": holds the rule
	Breaks  string `json:"breaks"`  // fails if the library breaks the rule; may be the same
	Reason  string `json:"reason"`  // instead of tests
}

// A proof is what shows that a rule is enforced.
type proof struct {
	breaks bool     // there is a vector that does
	tests  []string // "package.TestName"
	reason string   // why the rule cannot apply
}

// how is the proof in one word: "vector", "test", "none" for a rule that cannot apply,
// or "".
func (p proof) how() string {
	switch {
	case p.breaks:
		return "vector"
	case len(p.tests) > 0:
		return "test"
	case p.reason != "":
		return "none"
	}
	return ""
}

// String is the proof as the rule table shows it.
func (p proof) String() string {
	var parts []string
	if p.breaks {
		parts = append(parts, "vector")
	}
	for _, name := range p.tests {
		parts = append(parts, "`"+name+"`")
	}
	if p.reason != "" {
		parts = append(parts, "cannot apply: "+p.reason)
	}
	return strings.Join(parts, ", ")
}

// proofs collects what testdata/rules shows, by rule.
func proofs() (map[message.Rule]proof, error) {
	all := map[message.Rule]proof{}
	dir := filepath.Join(top, "testdata", "rules")
	for _, pattern := range []string{"*.json", "op/*.json", "rs/*.json"} {
		err := each(dir, pattern, func(text []byte) error {
			var vectors []struct {
				Rule  message.Rule    `json:"rule"`
				Break json.RawMessage `json:"break"`
			}
			err := json.Unmarshal(text, &vectors)
			for _, v := range vectors {
				p := all[v.Rule]
				p.breaks = p.breaks || len(v.Break) > 0
				all[v.Rule] = p
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	err := each(dir, "op_shown/*.json", func(text []byte) error {
		var tests map[message.Rule][]string
		err := json.Unmarshal(text, &tests)
		for rule, names := range tests {
			p := all[rule]
			p.tests = append(p.tests, names...)
			all[rule] = p
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	entries, err := shownByTests()
	for rule, s := range entries {
		p := all[rule]
		for _, name := range []string{s.Keeps, s.Breaks} {
			if name = path.Base(s.Package) + "." + name; s.Package != "" && !slices.Contains(p.tests, name) {
				p.tests = append(p.tests, name)
			}
		}
		p.reason = s.Reason
		all[rule] = p
	}
	return all, err
}

// shownByTests reads testdata/rules/shown.
func shownByTests() (map[message.Rule]shown, error) {
	all := map[message.Rule]shown{}
	err := each(filepath.Join(top, "testdata", "rules"), "shown/*.json", func(text []byte) error {
		d := json.NewDecoder(bytes.NewReader(text))
		d.DisallowUnknownFields()
		var some map[message.Rule]shown
		err := d.Decode(&some)
		for rule, s := range some {
			if _, twice := all[rule]; twice {
				return fmt.Errorf("%s stands in two files", rule)
			}
			all[rule] = s
		}
		return err
	})
	return all, err
}

// each calls f with the content of every file of dir that matches.
func each(dir, pattern string, f func([]byte) error) error {
	files, err := filepath.Glob(filepath.Join(dir, filepath.FromSlash(pattern)))
	if err != nil {
		return err
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if err := f(text); err != nil {
			return &os.PathError{Op: "read", Path: file, Err: err}
		}
	}
	return nil
}

// TestEveryRuleIsShown: every rule has vectors that keep and break it, or tests that
// exist, or a reason why it cannot apply.
func TestEveryRuleIsShown(t *testing.T) {
	all, err := proofs()
	if err != nil {
		t.Fatal(err)
	}
	for _, rule := range message.Rules() {
		if all[rule].how() == "" {
			t.Errorf("%s has neither a vector nor a test; see testdata/rules/shown", rule)
		}
	}
	for rule := range all {
		if !rule.Known() {
			t.Errorf("%s is not in the rule table", rule)
		}
	}
	entries, err := shownByTests()
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]map[string][]string{}
	for rule, s := range entries {
		switch {
		case strings.HasPrefix(string(rule), "op_"):
			t.Errorf("%s is a rule of the provider: it belongs into op_shown", rule)
		case s.Reason != "" && (s.Package != "" || s.Keeps != "" || s.Breaks != "" || all[rule].breaks):
			t.Errorf("%s cannot apply and is shown all the same", rule)
		case s.Reason != "":
			continue
		case s.Keeps == "" || s.Breaks == "":
			t.Errorf("%s needs a test that keeps it and one that fails when it is broken", rule)
		}
		if tests[s.Package] == nil {
			tests[s.Package] = testsOf(t, s.Package)
		}
		for _, name := range []string{s.Keeps, s.Breaks} {
			function, sub, _ := strings.Cut(name, "/")
			texts, ok := tests[s.Package][function]
			if !ok {
				t.Errorf("%s: there is no %s in %s", rule, function, s.Package)
			} else if sub != "" && !slices.Contains(texts, sub) {
				t.Errorf("%s: %s of %s has no subtest %q", rule, function, s.Package, sub)
			}
		}
	}
}

// testsOf lists the tests of a package, each with the strings that its function holds,
// among which the names of its subtests are.
func testsOf(t *testing.T, pkg string) map[string][]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(top, filepath.FromSlash(pkg), "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]string{}
	for _, file := range files {
		tree, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range tree.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok || f.Recv != nil || !strings.HasPrefix(f.Name.Name, "Test") {
				continue
			}
			texts := []string{}
			ast.Inspect(f, func(n ast.Node) bool {
				if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
					if text, err := strconv.Unquote(lit.Value); err == nil {
						texts = append(texts, text)
					}
				}
				return true
			})
			all[f.Name.Name] = texts
		}
	}
	return all
}
