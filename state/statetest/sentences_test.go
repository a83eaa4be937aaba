package statetest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strings"
	"testing"
)

// What the documentation says beside the rules.
var notRules = []string{
	"A Store is a key-value store whose entries expire.",
	"It uses no type of this module, so a backend need not import it.",
	"Package statetest checks an implementation against these rules.",
	"A Swapper is a Store that can compare and swap.",
	"DB.Save uses it, so that two processes that change one login do not undo each other's work and a login that was ended does not come back.",
	"Without it DB.Save and DB.End take turns with a lock entry that lives for five seconds: a process that is paused for longer in the middle of a Save may then overwrite what was saved meanwhile.",
	"A Grouper is a Store that also keeps sets of names: the logins of a subject.",
	"Without it DB keeps a group in pages of entries: a look-up reads eight entries for every eight logins of the subject, started, and a subject has at most 1,024 logins at a time (ErrFull).",
	// No test can tell.
	"After an error it is unknown whether the call took effect.",
}

// TestSentences compares the cases with the documentation they are the cases
// of, in both directions.
func TestSentences(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "../store.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	var documented []string
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GenDecl:
			if len(n.Specs) == 1 {
				if spec, ok := n.Specs[0].(*ast.TypeSpec); ok {
					if _, ok := spec.Type.(*ast.InterfaceType); ok {
						documented = append(documented, sentences(n.Doc.Text())...)
					}
				}
			}
		case *ast.InterfaceType:
			for _, method := range n.Methods.List {
				documented = append(documented, sentences(method.Doc.Text())...)
			}
		}
		return true
	})
	if len(documented) < 20 {
		t.Fatalf("only %d sentences were found", len(documented))
	}
	checked := Sentences()
	for _, s := range documented {
		if !slices.Contains(checked, s) && !slices.Contains(notRules, s) {
			t.Errorf("no case for %q", s)
		}
	}
	for _, s := range append(checked, notRules...) {
		if !slices.Contains(documented, s) {
			t.Errorf("not in the documentation: %q", s)
		}
	}
}

func sentences(doc string) (all []string) {
	text := strings.Join(strings.Fields(doc), " ")
	for text != "" {
		end := strings.Index(text, ". ")
		if end < 0 {
			return append(all, text)
		}
		all = append(all, text[:end+1])
		text = text[end+2:]
	}
	return all
}
