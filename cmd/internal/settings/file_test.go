package settings

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oidcservice/oidc/message"
)

type inner struct {
	Name string   `yaml:"name"`
	List []string `yaml:"list"`
}

type sample struct {
	Text     string            `yaml:"text"`
	Yes      bool              `yaml:"yes_or_no"`
	Number   int               `yaml:"number"`
	Life     time.Duration     `yaml:"life"`
	Secret   message.Secret    `yaml:"secret"`
	Inner    inner             `yaml:"inner"`
	Pointer  *inner            `yaml:"pointer"`
	Many     []inner           `yaml:"many"`
	ByName   map[string]inner  `yaml:"by_name"`
	Anything map[string]any    `yaml:"anything"`
	Later    []Member          `yaml:"later"`
	Secrets  []message.Secret  `yaml:"secrets"`
	Words    map[string]string `yaml:"words"`
}

func TestEverythingIsRead(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "pass"), []byte("from a file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SETTINGS_TEST", "from the environment")
	for name, text := range map[string]string{
		"a.yaml": `
text: "1"
yes_or_no: true
number: -7
life: 30d
secret: {file: pass}
inner: {name: a, list: [x, y]}
pointer: {name: b}
many:
  - name: c
  - {}
by_name:
  d: {name: e}
anything: {born: 1964-11-16, deep: {n: 1, f: 1.5, none: null, list: [true, no]}}
later: [{known: k, other: [1]}]
secrets: [plain, {env: SETTINGS_TEST}]
`,
		"a.json": "{\t\"text\": \"1\",\n\t\"yes_or_no\": true, \"number\": -7, \"life\": \"720h\", \"secret\": {\"file\": \"pass\"},\n" +
			`"inner": {"name": "a", "list": ["x", "y"]}, "pointer": {"name": "b"}, "many": [{"name": "c"}, {}], "by_name": {"d": {"name": "e"}},` + "\n" +
			`"anything": {"born": "1964-11-16", "deep": {"n": 1, "f": 1.5, "none": null, "list": [true, "no"]}}, "later": [{"known": "k", "other": [1]}], "secrets": ["plain", {"env": "SETTINGS_TEST"}]}`,
	} {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		var s sample
		f := Read(file, &s)
		if err := f.Err(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		switch {
		case s.Text != "1", !s.Yes, s.Number != -7, s.Life != 30*24*time.Hour, s.Secret != "from a file":
			t.Errorf("%s: %+v", name, s)
		case s.Inner.Name != "a", !slices.Equal(s.Inner.List, []string{"x", "y"}), s.Pointer == nil, s.Pointer.Name != "b":
			t.Errorf("%s: %+v", name, s)
		case len(s.Many) != 2, s.Many[0].Name != "c", s.ByName["d"].Name != "e", s.Secrets[0] != "plain", s.Secrets[1] != "from the environment":
			t.Errorf("%s: %+v", name, s)
		}
		deep := s.Anything["deep"].(map[string]any)
		if s.Anything["born"] != "1964-11-16" || deep["n"] != 1 || deep["f"] != 1.5 || deep["none"] != nil || deep["list"].([]any)[1] != "no" {
			t.Errorf("%s: %v", name, s.Anything)
		}
		var known struct {
			Known string `yaml:"known"`
		}
		rest := f.Fields(s.Later[0], &known)
		if known.Known != "k" || len(rest) != 1 || rest["other"].Path != "later[0].other" || rest["other"].Value().([]any)[0] != 1 {
			t.Errorf("%s: %+v, %v", name, known, rest)
		}
	}
}

// Every fault is told, with its line and path, and none shows a value.
func TestFaultsAreTold(t *testing.T) {
	text := `text: 1
yes_or_no: "hidden"
number: hidden
life: 10
secret: [hidden]
inner:
  name: x
  nome: hidden
  name: hidden
pointer: [hidden]
many: {hidden: x}
by_name: {d: {name: true}}
secrets:
  - {file: not-there}
  - {env: SETTINGS_TEST_NOT_SET}
  - {}
  - {file: a, env: b}
text2: hidden
`
	var s sample
	f := Parse("x.yaml", []byte(text), &s)
	want := []string{
		"x.yaml:1: text: want text, got a number, which as text needs quotes",
		"x.yaml:2: yes_or_no: want true or false, got text",
		"x.yaml:3: number: want a number, got text",
		"x.yaml:4: life: want a duration such as 90s, 15m, 12h or 30d, got a number, which as text needs quotes",
		"x.yaml:5: secret: want text, {file: NAME} or {env: NAME}, got a list",
		"x.yaml:8: inner.nome: unknown; known are list, name",
		"x.yaml:9: inner.name: stands twice",
		"x.yaml:10: pointer: want an object, got a list",
		"x.yaml:11: many: want a list, got an object",
		"x.yaml:12: by_name.d.name: want text, got true or false, which as text needs quotes",
		"x.yaml:14: secrets[0].file: open not-there: no such file or directory",
		"x.yaml:15: secrets[1].env: the variable SETTINGS_TEST_NOT_SET is not set",
		"x.yaml:16: secrets[2]: want text, {file: NAME} or {env: NAME}",
		"x.yaml:17: secrets[3]: want text, {file: NAME} or {env: NAME}",
	}
	got := strings.Split(f.Err().Error(), "\n")
	for i, line := range want {
		if i >= len(got) || got[i] != line {
			t.Fatalf("fault %d\n got %s\nwant %s", i, strings.Join(got[min(i, len(got)):], "\n     "), line)
		}
	}
	if len(got) != len(want)+1 || !strings.HasPrefix(got[len(want)], "x.yaml:18: text2: unknown; known are ") {
		t.Errorf("got %v", got[len(want):])
	}
	if strings.Contains(f.Err().Error(), "hidden") {
		t.Errorf("a value is shown: %v", f.Err())
	}
}

func TestNoDocument(t *testing.T) {
	var s sample
	for text, says := range map[string]string{
		"a: [": "neither YAML nor JSON", "text: a\n---\ntext: b\n": "one document", "- a\n": "want an object, got a list",
		"a: &a {b: *a}": "unknown", "anything: &a {b: *a}": "", "<<: {text: a}": "names of members", strings.Repeat(" ", maxFile+1): "bytes",
	} {
		f := Parse("x.yaml", []byte(text), &s)
		if says == "" && f.Err() == nil {
			continue
		}
		if err := f.Err(); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%.20q: %v, want %q", text, err, says)
		}
	}
	for _, text := range []string{"", "# nothing\n", "{}"} {
		if err := Parse("x.yaml", []byte(text), &s).Err(); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
	if err := Read(filepath.Join(t.TempDir(), "none.yaml"), &s).Err(); err == nil || !strings.HasSuffix(err.Error(), "none.yaml: no such file or directory") {
		t.Errorf("no file: %v", err)
	}
}

func TestBeside(t *testing.T) {
	f := &File{Name: filepath.FromSlash("/etc/oidc/op.yaml")}
	for name, want := range map[string]string{"": "", "a.pem": "/etc/oidc/a.pem", "../b": "/etc/b", "/c": "/c"} {
		if got := f.Beside(name); got != filepath.FromSlash(want) {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
}
