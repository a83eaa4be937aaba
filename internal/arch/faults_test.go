package arch

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// A rule that never finds anything proves nothing: each fault below is put into a
// small tree and must be found.
func TestFaultsAreFound(t *testing.T) {
	const (
		core   = "github.com/oidcservice/oidc/"
		jwx    = "github.com/lestrrat-go/jwx/v2/"
		header = "package p\n"
	)
	cases := []struct {
		name, file, text, want string
	}{
		{"an import against the policy", "message/a.go", header + `import _ "` + core + `keyjar"`, "message may not import keyjar"},
		{"the other side", "service/a.go", header + `import _ "` + core + `endpoint"`, "service may not import endpoint"},
		{"a package of another storey", "state/a.go", header + `import _ "` + core + `message"`, "state may not import message"},
		{"a backend that imports the core", "state/sqlstate/a.go", header + `import _ "` + core + `state"`, "state/sqlstate may not import state"},
		{"a package that the policy does not place", "util/a.go", header, "no line for util"},
		{"a test of such a package", "util/a_test.go", header, "no line for util"},
		{"net/http below rp", "service/a.go", header + `import _ "net/http"`, "may not import net/http"},
		{"net below op", "endpoint/a.go", header + `import _ "net"`, "may not import net"},
		{"os below rp", "state/a.go", header + `import _ "os"`, "may not import os"},
		{"log below rp", "keyjar/a.go", header + `import _ "log"`, "may not import log"},
		{"math/rand below rp", "factory/a.go", header + `import _ "math/rand/v2"`, "may not import math/rand/v2"},
		{"jwx outside keyjar", "service/a.go", header + `import _ "` + jwx + `jws"`, "belongs to keyjar"},
		{"jwx in cmd", "cmd/oidc/a.go", header + `import _ "` + jwx + `jwk"`, "belongs to keyjar"},
		{"go-querystring outside message", "service/a.go", header + `import _ "github.com/google/go-querystring/query"`, "belongs to message"},
		{"a third dependency", "message/a.go", header + `import _ "example.com/x"`, "is a nested module"},
		{"a dependency of tests", "message/a_test.go", header + `import _ "example.com/x"`, "tests use the standard library"},
		{"a clock", "service/a.go", header + "import \"time\"\nvar now = time.Now", "time.Now: the clock is injected"},
		{"a clock by another name", "service/a.go", header + "import t \"time\"\nvar d = t.Since(t.Time{})", "time.Since: the clock is injected"},
		{"a clock beside the endpoint's context", "endpoint/token.go", header + "import \"time\"\nvar now = time.Now", "time.Now: the clock is injected"},
		{"a wait", "service/run.go", header + "import \"time\"\nfunc f() { time.Sleep(1) }", "time.Sleep: the clock is injected"},
		{"randomness", "clientauth/a.go", header + "import \"crypto/rand\"\nvar r = rand.Reader", "rand.Reader: the random source is injected"},
		{"random text", "state/db.go", header + "import \"crypto/rand\"\nvar r = rand.Text()", "rand.Text: the random source is injected"},
		{"jwk.Fetch", "keyjar/a.go", header + "import \"" + jwx + "jwk\"\nvar f = jwk.Fetch", "jwk.Fetch is forbidden"},
		{"jws.WithVerifyAuto", "keyjar/a.go", header + "import \"" + jwx + "jws\"\nvar f = jws.WithVerifyAuto", "jws.WithVerifyAuto is forbidden"},
		{"jwt", "keyjar/a.go", header + `import _ "` + jwx + `jwt"`, "claims are ours"},
		{"a jwx type in a signature", "keyjar/a.go", header + "import \"" + jwx + "jwk\"\nfunc F(k jwk.Key) {}", "exported F shows jwk.Key"},
		{"a jwx type in an exported field", "keyjar/a.go", header + "import \"" + jwx + "jwk\"\ntype T struct { K jwk.Key }", "exported T shows jwk.Key"},
		{"a jwx type embedded", "keyjar/a.go", header + "import \"" + jwx + "jwk\"\ntype T struct { jwk.Key }", "exported T shows jwk.Key"},
		{"a jwx value", "keyjar/a.go", header + "import \"" + jwx + "jwa\"\nvar A = jwa.RS256", "exported A shows jwa.RS256"},
	}
	for _, c := range cases {
		faults := faultsOf(t, fstest.MapFS{c.file: {Data: []byte(c.text)}})
		if !strings.Contains(strings.Join(faults, "\n"), c.want) {
			t.Errorf("%s: got %q, want a fault that says %q", c.name, faults, c.want)
		}
	}
}

func TestNoFaultIsInvented(t *testing.T) {
	const (
		core = "github.com/oidcservice/oidc/"
		jwx  = "github.com/lestrrat-go/jwx/v2/"
	)
	tree := fstest.MapFS{}
	for name, text := range map[string]string{
		"service/a.go":             `import (_ "` + core + `message"; _ "` + core + `state"; _ "log/slog"; _ "net/url"; _ "net/netip")`,
		"factory/a.go":             `import (_ "` + core + `service"; _ "` + core + `servicecontext")`,
		"rp/a.go":                  "import (_ \"net/http\"; \"time\")\nvar now = time.Now",
		"op/optest/a.go":           `import (_ "` + core + `endpoint"; _ "` + core + `op")`,
		"cmd/oidc/a.go":            `import (_ "` + core + `service/transcript"; _ "` + core + `op"; _ "os"; _ "example.com/x")`,
		"cmd/oidc/play/a.go":       `import _ "` + core + `cmd/oidc/show"`,
		"keyjar/a.go":              "import (\"" + jwx + "jwk\"; \"crypto/rand\"; \"io\")\ntype T struct { k jwk.Key }\nfunc (t T) F(r io.Reader) { rand.Int(r, nil); var k jwk.Key; _ = k }",
		"servicecontext/a.go":      "import (\"time\"; \"crypto/rand\")\nvar now, reader = time.Now, rand.Reader",
		"endpoint/context.go":      "import (\"time\"; \"crypto/rand\")\nvar now, reader = time.Now, rand.Reader",
		"state/memory.go":          "import \"time\"\nvar now = time.Now",
		"state/a.go":               "type clock struct{ Now int }\nfunc f() { var time clock; _ = time.Now }",
		"service/a_test.go":        "import (_ \"net/http\"; _ \"" + core + "endpoint\"; \"time\")\nvar now = time.Now",
		"message/testdata/bad.go":  `import _ "net/http"`,
		"state/redisstate/a.go":    `import _ "example.com/redis"`,
		"node_modules/x/ignore.go": `import _ "example.com/x"`,
	} {
		tree[name] = &fstest.MapFile{Data: []byte("package p\n" + text)}
	}
	for _, dir := range []string{"cmd", "state/redisstate"} {
		tree[dir+"/go.mod"] = &fstest.MapFile{Data: []byte("module x\n")}
	}
	for _, fault := range faultsOf(t, tree) {
		t.Errorf("not a fault: %s", fault)
	}
}

func faultsOf(t *testing.T, tree fstest.MapFS) []string {
	t.Helper()
	sources, err := load(tree)
	if err != nil {
		t.Fatalf("%v: %v", slices.Sorted(maps.Keys(tree)), err)
	}
	faults := checkImports(sources, mustPolicy(t))
	faults = append(faults, checkClock(sources)...)
	return append(faults, checkJWX(sources)...)
}
