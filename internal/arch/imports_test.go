package arch

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// withoutTransport are the packages of the standard library that nothing below rp
// and op may import. log/slog, net/url and net/netip are values and stay allowed.
var withoutTransport = []string{"net", "net/http", "os", "log", "math/rand", "math/rand/v2"}

// checkImports compares the direct imports with the policy. jwx links net/http by
// itself, so what is imported indirectly cannot be looked at.
func checkImports(sources []*source, p table) []string {
	var faults []string
	fault := func(s *source, imp imported, format string, args ...any) {
		faults = append(faults, s.at(imp.spec)+": "+fmt.Sprintf(format, args...))
	}
	for _, s := range sources {
		if _, placed := p.allows(s.pkg, ""); !placed {
			// Tests of an unplaced package count as that package: it may not exist.
			faults = append(faults, s.name+": the policy has no line for "+s.pkg)
			continue
		}
		for _, imp := range s.imports() {
			dir, ours := own(imp.path)
			switch {
			case s.test:
				// A test may see both sides, but brings no module that its module does not need.
				if !ours && !standard(imp.path) && s.module == "." {
					if owner, known := owner(imp.path); !known || owner != s.pkg {
						fault(s, imp, "a test of the root module imports %s: tests use the standard library", imp.path)
					}
				}
			case ours:
				if allowed, _ := p.allows(s.pkg, dir); !allowed && dir != s.pkg {
					fault(s, imp, "%s may not import %s", s.pkg, dir)
				}
			case standard(imp.path):
				if s.module == "." && !slices.Contains(transports, s.pkg) && slices.Contains(withoutTransport, imp.path) {
					fault(s, imp, "%s stands below rp and op and may not import %s", s.pkg, imp.path)
				}
			default:
				owner, known := owner(imp.path)
				if known && owner != s.pkg {
					fault(s, imp, "%s belongs to %s; %s may not import it", imp.path, owner, s.pkg)
				} else if !known && s.module == "." {
					fault(s, imp, "%s imports %s: whatever brings another dependency is a nested module", s.pkg, imp.path)
				}
			}
		}
	}
	return faults
}

func owner(importPath string) (string, bool) {
	for module, pkg := range ownerOf {
		if importPath == module || strings.HasPrefix(importPath, module+"/") {
			return pkg, true
		}
	}
	return "", false
}

func TestImports(t *testing.T) {
	for _, fault := range checkImports(repositorySources(t), mustPolicy(t)) {
		t.Error(fault)
	}
}
