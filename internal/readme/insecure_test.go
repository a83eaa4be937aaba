package readme

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

// insecure returns every exported declaration and field of the root module whose name
// begins with Insecure, with the package it stands in.
func insecure(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	set := token.NewFileSet()
	root := os.DirFS(top)
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			_, nested := fs.Stat(root, path.Join(name, "go.mod"))
			if name != "." && (nested == nil || strings.HasPrefix(name, ".") || name == "internal" || path.Base(name) == "testdata") {
				return fs.SkipDir
			}
			return nil
		}
		if path.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(set, filepath.Join(top, name), nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		note := func(id *ast.Ident) {
			if strings.HasPrefix(id.Name, "Insecure") {
				found[id.Name] = path.Dir(name)
			}
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.StructType:
				for _, f := range n.Fields.List {
					for _, id := range f.Names {
						note(id)
					}
				}
			case *ast.FuncDecl:
				note(n.Name)
			case *ast.ValueSpec:
				for _, id := range n.Names {
					note(id)
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestInsecureSwitchesAreListed(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(top, "docs", "security.md"))
	if err != nil {
		t.Fatal(err)
	}
	found := insecure(t)
	if len(found) < 3 {
		t.Errorf("found %v: the search is broken", found)
	}
	for name, pkg := range found {
		if !strings.Contains(string(text), "."+name+"`") {
			t.Errorf("docs/security.md does not list %s of package %s", name, pkg)
		}
	}
}
