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

// insecure returns every field of the root module's exported structs whose name begins
// with Insecure, as package.Type.Field, and every other declaration that does.
func insecure(t *testing.T) []string {
	t.Helper()
	var found []string
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
		note := func(id *ast.Ident, of ...string) {
			if strings.HasPrefix(id.Name, "Insecure") {
				found = append(found, strings.Join(append(append([]string{file.Name.Name}, of...), id.Name), "."))
			}
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.TypeSpec:
				if fields, ok := n.Type.(*ast.StructType); ok && n.Name.IsExported() {
					for _, f := range fields.Fields.List {
						for _, id := range f.Names {
							note(id, n.Name.Name)
						}
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
	for _, name := range found {
		// A Snapshot repeats what its Config says.
		if name != "servicecontext.Snapshot.InsecureAllowHTTP" && !strings.Contains(string(text), "`"+name+"`") {
			t.Errorf("docs/security.md does not list %s", name)
		}
	}
}
