package arch

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const modulePath = "github.com/oidcservice/oidc"

// A source is one Go file of the repository.
type source struct {
	name   string // slash-separated path from the top
	pkg    string // its folder, which is its import path less the module's
	module string // folder of the module it belongs to; "." is the root
	test   bool
	file   *ast.File
	set    *token.FileSet
}

func (s *source) at(n ast.Node) string {
	return s.name + ":" + strconv.Itoa(s.set.Position(n.Pos()).Line)
}

// An imported is one import declaration: its path and the name it has in the file.
type imported struct {
	path, name string
	spec       *ast.ImportSpec
}

func (s *source) imports() []imported {
	var out []imported
	for _, spec := range s.file.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue
		}
		name := path.Base(p)
		if strings.HasPrefix(name, "v") && len(name) > 1 && strings.Trim(name[1:], "0123456789") == "" {
			name = path.Base(path.Dir(p))
		}
		if spec.Name != nil {
			name = spec.Name.Name
		}
		out = append(out, imported{p, name, spec})
	}
	return out
}

// uses calls f for each selector X.Sel of a file where X is the given imported package.
func (s *source) uses(importPath string, f func(sel *ast.SelectorExpr)) {
	for _, imp := range s.imports() {
		if imp.path != importPath {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok {
				// A local variable of the same name has an object; a package has none.
				if x, ok := sel.X.(*ast.Ident); ok && x.Name == imp.name && x.Obj == nil {
					f(sel)
				}
			}
			return true
		})
	}
}

// own returns the folder of an import path of this repository.
func own(importPath string) (string, bool) {
	if importPath == modulePath {
		return ".", true
	}
	return strings.CutPrefix(importPath, modulePath+"/")
}

// standard reports whether an import path belongs to the standard library.
func standard(importPath string) bool {
	first, _, _ := strings.Cut(importPath, "/")
	return !strings.Contains(first, ".")
}

// load reads every Go file below the top, whatever its build constraints say.
func load(top fs.FS) ([]*source, error) {
	set := token.NewFileSet()
	modules := map[string]bool{}
	var out []*source
	err := fs.WalkDir(top, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := path.Base(name)
		if d.IsDir() {
			if name != "." && (strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") ||
				base == "testdata" || base == "node_modules" || base == "bin") {
				return fs.SkipDir
			}
			if _, err := fs.Stat(top, path.Join(name, "go.mod")); err == nil {
				modules[name] = true
			}
			return nil
		}
		if path.Ext(name) != ".go" {
			return nil
		}
		text, err := fs.ReadFile(top, name)
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(set, name, text, parser.ParseComments)
		if err != nil {
			return err
		}
		out = append(out, &source{
			name:   name,
			pkg:    path.Dir(name),
			module: moduleOf(modules, path.Dir(name)),
			test:   strings.HasSuffix(name, "_test.go"),
			file:   file,
			set:    set,
		})
		return nil
	})
	return out, err
}

func moduleOf(modules map[string]bool, dir string) string {
	for ; dir != "."; dir = path.Dir(dir) {
		if modules[dir] {
			return dir
		}
	}
	return "."
}

// repository returns the tree this test stands in.
func repository(t *testing.T) fs.FS {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	top := filepath.Join(dir, "..", "..")
	text, err := os.ReadFile(filepath.Join(top, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(text, []byte("module "+modulePath+"\n")) {
		t.Fatalf("%s is not the module %s", top, modulePath)
	}
	return os.DirFS(top)
}

func repositorySources(t *testing.T) []*source {
	t.Helper()
	sources, err := load(repository(t))
	if err != nil {
		t.Fatal(err)
	}
	if len(sources) < 10 {
		t.Fatalf("found %d Go files: the walk is broken", len(sources))
	}
	return sources
}
