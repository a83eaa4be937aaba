package message

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// ruleConstants returns the values of the constants of type Rule in the sources.
func ruleConstants(t *testing.T, file string) map[string]string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	constants := map[string]string{}
	ast.Inspect(f, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 {
			return true
		}
		if typ, ok := spec.Type.(*ast.Ident); ok && typ.Name == "Rule" {
			value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			constants[spec.Names[0].Name] = value
		}
		return true
	})
	return constants
}

// Each rule constant stands in the table once, with a text, a level and, unless it is
// a hardening, a place in a specification.
func TestRules(t *testing.T) {
	constants := map[string]string{}
	for _, file := range []string{"rules_rp.go", "rules_op.go", "rules_rs.go"} {
		for name, value := range ruleConstants(t, file) {
			constants[value] = name
		}
	}
	seen := map[Rule]bool{}
	name := regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)+$`)
	for _, r := range Rules() {
		if seen[r] {
			t.Errorf("%s stands in the table twice", r)
		}
		seen[r] = true
		if constants[string(r)] == "" {
			t.Errorf("%s has no constant", r)
		}
		if !name.MatchString(string(r)) || r.Error() != string(r) || !r.Known() {
			t.Errorf("%s is no name", r)
		}
		if text := r.Text(); !strings.HasSuffix(text, ".") {
			t.Errorf("%s: %q is no sentence", r, text)
		}
		if level := r.Level().String(); level != "MUST" && level != "SHOULD" && level != "HARDENING" {
			t.Errorf("%s: level %q", r, level)
		}
		if r.Level() != Hardening && (r.Document() == "" || len(r.References()) == 0) {
			t.Errorf("%s: no reference", r)
		}
		want := r.Document()
		if strings.HasPrefix(r.Section(), "Appendix ") {
			want += ", " + r.Section()
		} else if r.Section() != "" {
			want += ", Section " + r.Section()
		}
		if r.Spec() != want {
			t.Errorf("%s: %q", r, r.Spec())
		}
	}
	if len(seen) != len(constants) {
		t.Errorf("%d rules, %d constants", len(seen), len(constants))
	}
	none := Rule("none")
	if none.Known() || none.Text()+none.Document()+none.Section()+none.Spec()+none.Level().String() != "" || none.References() != nil {
		t.Error("an unknown rule is known")
	}
}

func TestViolation(t *testing.T) {
	cause := &Violation{Rule: RuleJOSEAlg, Got: "none"}
	for _, test := range []struct {
		v    *Violation
		want string
	}{
		{&Violation{Rule: RuleIDTokenAud, Param: "aud", Got: "a\n", Want: "b"}, `aud: got "a\n", want b [idtoken_aud; OpenID Connect Core 1.0, Section 3.1.3.7]`},
		{&Violation{Rule: RuleIDTokenAud, Param: "aud", Got: "a"}, `aud: got "a" [idtoken_aud; OpenID Connect Core 1.0, Section 3.1.3.7]`},
		{&Violation{Rule: RuleIDTokenAud, Want: "b"}, `want b [idtoken_aud; OpenID Connect Core 1.0, Section 3.1.3.7]`},
		{&Violation{Rule: "none", Err: errors.New("cause")}, `: cause [none]`},
	} {
		if test.v.Error() != test.want {
			t.Errorf("got %s, want %s", test.v, test.want)
		}
	}
	v := &Violation{Rule: RuleIDTokenAlg, Err: cause}
	if !errors.Is(v, RuleIDTokenAlg) || !errors.Is(v, RuleJOSEAlg) || errors.Is(v, RuleIDTokenAud) || errors.Is(v, errors.New("other")) {
		t.Error("errors.Is is wrong")
	}
	if !strings.Contains(v.Error(), RuleIDTokenAlg.Text()) {
		t.Error(v)
	}
}

func TestError(t *testing.T) {
	e := &Error{Code: InvalidGrant, Description: "too late", Status: 400}
	if e.Error() != "invalid_grant: too late (status 400)" || (&Error{Code: InvalidGrant}).Error() != "invalid_grant" {
		t.Error(e)
	}
	if !errors.Is(e, InvalidGrant) || errors.Is(e, InvalidClient) || errors.Is(e, errors.New("invalid_grant")) || InvalidGrant.Error() != "invalid_grant" {
		t.Error("errors.Is is wrong")
	}
}

// TestExcerpt: a long value is shown by its beginning, and no letter by a part of it.
func TestExcerpt(t *testing.T) {
	for value, want := range map[string]string{
		"":                                    "",
		strings.Repeat("x", 200):              strings.Repeat("x", 200),
		strings.Repeat("x", 201):              strings.Repeat("x", 200) + "…",
		strings.Repeat("x", 199) + "ü and on": strings.Repeat("x", 199) + "…",
		strings.Repeat("\xbf", 300):           "…",
	} {
		if got := Excerpt(value); got != want {
			t.Errorf("%q is shown as %q", value, got)
		}
	}
}
