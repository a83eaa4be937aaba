package arch

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// policy says who may import whom, as text. "a, b < c, d" lets c and d import a and
// b, and whatever a and b may import. NONE stands for nothing of this repository.
//
// It is a statement of policy: do not change it to fix a build. A package that is
// not named here may not exist.
const policy = `
	# The pane between the two mirrors: what travels, keys, memory.
	NONE                                               < message, state
	message                                            < keyjar
	message, keyjar                                    < servicecontext, clientauth
	state                                              < state/statetest, state/cookiestate

	# Addresses that a peer may not lead either side to.
	NONE                                               < internal/specialuse
	internal/specialuse                                < rp, op

	# The relying party.
	message, keyjar, state, servicecontext, clientauth < service
	service                                            < factory, service/transcript
	# What an API needs; rp gives it a transport.
	message, keyjar, state                             < resource
	factory, resource                                  < rp

	# The provider.
	message, keyjar, state, clientauth                 < endpoint
	endpoint                                           < op
	op                                                 < op/optest

	# A storage backend knows its driver and nothing of ours: the Store interface
	# uses built-in types only. Its tests are a module of their own.
	NONE                                               < state/sqlstate, state/redisstate
	state                                              < state/internal/outage
	state/internal/outage                              < state/sqlstate/sqltest, state/redisstate/redistest

	# Both sides meet in the binary and in the tests, nowhere else. The provider that
	# the binary embeds is the one for tests and demonstrations (ADR 11).
	rp, op/optest, service/transcript                  < cmd
	state/sqlstate, state/redisstate                   < cmd
	service, endpoint                                  < internal/pair
	op                                                 < internal/load

	# What is told to OpenTelemetry: an adapter for each side, so that neither links the other.
	NONE                                               < otel, otel/internal/instrument
	otel/internal/instrument, rp                       < otel/rpotel
	otel/internal/instrument, op                       < otel/opotel
	otel/internal/instrument, state                    < otel/stateotel

	# The examples of docs/recipes. The one for fasthttp stands on the services, and has no
	# net/http.
	NONE                                               < docs/recipes
	rp                                                 < docs/recipes/nethttp, docs/recipes/chi, docs/recipes/gin, docs/recipes/echo
	rp                                                 < docs/recipes/lambda, docs/recipes/grpc
	factory                                            < docs/recipes/fiber
	rp, state/redisstate                               < docs/recipes/redis
	rp, op/optest                                      < docs/recipes/internal/sitetest

	# What a login costs, beside other libraries.
	rp                                                 < internal/compare
	NONE                                               < internal/arch, internal/golden, internal/interop, internal/readme

	# Those whom nobody here wrote: the tests of these folders are modules of their own.
	op/optest                                          < internal/visitor
	NONE                                               < internal/interop/openid-client, internal/interop/coreos, internal/interop/apache
	NONE                                               < internal/interop/zitadel, internal/interop/demo, internal/interop/browser
	NONE                                               < internal/interop/zitadel/party
`

// transports are the packages that own a transport. Everything else of the root
// module stands below them and has no I/O of its own.
var transports = []string{"rp", "op", "op/optest", "internal/pair", "internal/load", "internal/visitor"}

// ownerOf names the one package that may import a module which is not ours.
var ownerOf = map[string]string{
	"github.com/lestrrat-go/jwx/v2":    "keyjar",
	"github.com/google/go-querystring": "message",
}

// A table maps a package to all that it may import, with the closure made.
type table map[string]map[string]bool

func parsePolicy(text string) (table, error) {
	t := table{}
	for i, line := range strings.Split(text, "\n") {
		line, _, _ = strings.Cut(line, "#")
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		left, right, ok := strings.Cut(line, "<")
		if !ok {
			return nil, fmt.Errorf("line %d: no '<' in %q", i+1, line)
		}
		for _, importer := range names(right) {
			if t[importer] == nil {
				t[importer] = map[string]bool{}
			}
			for _, imported := range names(left) {
				if imported == "NONE" {
					continue
				}
				if t[imported] == nil {
					return nil, fmt.Errorf("line %d: %s is imported before it is placed", i+1, imported)
				}
				t[importer][imported] = true
				maps.Copy(t[importer], t[imported])
			}
			if t[importer][importer] {
				return nil, fmt.Errorf("line %d: %s stands below itself", i+1, importer)
			}
		}
	}
	return t, nil
}

func names(list string) []string {
	var out []string
	for name := range strings.SplitSeq(list, ",") {
		if name = strings.TrimSpace(name); name != "" {
			out = append(out, name)
		}
	}
	return out
}

// allows reports whether importer may import imported. What stands below cmd shares its line.
func (t table) allows(importer, imported string) (allowed, placed bool) {
	line, placed := t[importer]
	if !placed && strings.HasPrefix(importer, "cmd/") {
		line, placed = t["cmd"]
		if imported == "cmd" || strings.HasPrefix(imported, "cmd/") {
			return true, placed
		}
	}
	return line[imported], placed
}

func mustPolicy(t *testing.T) table {
	t.Helper()
	p, err := parsePolicy(policy)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPolicyKeepsTheSidesApart(t *testing.T) {
	p := mustPolicy(t)
	sides := []string{"service", "endpoint", "resource"}
	for _, a := range sides {
		for _, b := range sides {
			if a != b && p[a][b] {
				t.Errorf("the policy lets %s import %s", a, b)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(p)) {
		for imported := range p[name] {
			if p[imported][name] {
				t.Errorf("%s and %s may import each other", name, imported)
			}
		}
	}
}

func TestPolicyReader(t *testing.T) {
	for name, text := range map[string]string{
		"no relation":      "message",
		"used too early":   "keyjar < service",
		"below itself":     "NONE < a\na < b\nb < a",
		"itself, at once":  "NONE < a\na < a",
		"a chain, closing": "NONE < a\na < b\nb < c\nc < a",
	} {
		if _, err := parsePolicy(text); err == nil {
			t.Errorf("%s: the policy %q was read without an error", name, text)
		}
	}
	p, err := parsePolicy("NONE < a\na < b # a comment\nb < c")
	if err != nil {
		t.Fatal(err)
	}
	if !p["c"]["a"] {
		t.Error("c may import b and b may import a, yet c may not import a")
	}
	if p["a"]["c"] {
		t.Error("a may import c")
	}
}
