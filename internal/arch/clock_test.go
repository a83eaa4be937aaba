package arch

import (
	"go/ast"
	"slices"
	"testing"
)

// What reads the clock or the system's randomness. A function that is handed its
// reader, as rand.Int is, draws nothing by itself.
var (
	clockReads  = []string{"Now", "Since", "Until", "After", "AfterFunc", "NewTicker", "NewTimer", "Sleep", "Tick"}
	randomReads = []string{"Reader", "Read", "Text"}
)

// mayReadClock holds the places where the defaults of an injected clock and random
// source are. statetest waits in real time, because the stores it tests do.
func mayReadClock(s *source) bool {
	switch s.pkg {
	case "servicecontext", "state/statetest":
		return true
	case "endpoint":
		return s.name == "endpoint/context.go"
	case "state":
		return s.name == "state/memory.go"
	case "state/cookiestate":
		return s.name == "state/cookiestate/store.go"
	}
	return slices.Contains(transports, s.pkg)
}

func checkClock(sources []*source) []string {
	var faults []string
	for _, s := range sources {
		if s.test || s.module != "." || mayReadClock(s) {
			continue
		}
		s.uses("time", func(sel *ast.SelectorExpr) {
			if slices.Contains(clockReads, sel.Sel.Name) {
				faults = append(faults, s.at(sel)+": time."+sel.Sel.Name+": the clock is injected")
			}
		})
		s.uses("crypto/rand", func(sel *ast.SelectorExpr) {
			if slices.Contains(randomReads, sel.Sel.Name) {
				faults = append(faults, s.at(sel)+": rand."+sel.Sel.Name+": the random source is injected")
			}
		})
	}
	return faults
}

func TestClockAndRandomnessAreInjected(t *testing.T) {
	for _, fault := range checkClock(repositorySources(t)) {
		t.Error(fault)
	}
}
