package arch

import (
	"go/ast"
	"slices"
	"strings"
	"testing"
)

// jwxForbidden are the functions of jwx that open connections, start goroutines,
// change settings of the whole process, or let the token choose its key.
var jwxForbidden = map[string][]string{
	"github.com/lestrrat-go/jwx/v2":     {"Settings", "RegisterFormat", "DecoderSettings"},
	"github.com/lestrrat-go/jwx/v2/jwk": {"Fetch", "NewCache", "NewCachedSet", "NewFetcher", "PublicSetOf", "RegisterCustomField", "Settings"},
	"github.com/lestrrat-go/jwx/v2/jws": {"WithVerifyAuto", "RegisterCustomField", "Settings"},
	"github.com/lestrrat-go/jwx/v2/jwe": {"RegisterCustomField", "Settings"},
}

// jwtPackage serialises claims and checks them by rules that are not ours.
const jwtPackage = "github.com/lestrrat-go/jwx/v2/jwt"

func checkJWX(sources []*source) []string {
	var faults []string
	for _, s := range sources {
		for _, imp := range s.imports() {
			if imp.path == jwtPackage && !s.test {
				faults = append(faults, s.at(imp.spec)+": "+jwtPackage+" is not used: claims are ours to read and to write")
			}
		}
		for path, forbidden := range jwxForbidden {
			s.uses(path, func(sel *ast.SelectorExpr) {
				if slices.Contains(forbidden, sel.Sel.Name) && !s.test {
					faults = append(faults, s.at(sel)+": "+sel.X.(*ast.Ident).Name+"."+sel.Sel.Name+" is forbidden")
				}
			})
		}
		if !s.test {
			faults = append(faults, exportedJWX(s)...)
		}
	}
	return faults
}

// exportedJWX finds types of jwx in exported declarations: the move to a later
// major version must stay a change of one package.
func exportedJWX(s *source) []string {
	local := map[string]bool{}
	for _, imp := range s.imports() {
		if strings.HasPrefix(imp.path, "github.com/lestrrat-go/jwx/") {
			local[imp.name] = true
		}
	}
	if len(local) == 0 {
		return nil
	}
	var faults []string
	look := func(name string, n ast.Node) {
		ast.Inspect(n, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.BlockStmt:
				return false
			case *ast.StructType:
				for _, f := range n.Fields.List {
					if len(f.Names) > 0 && !slices.ContainsFunc(f.Names, (*ast.Ident).IsExported) {
						continue
					}
					ast.Inspect(f.Type, func(n ast.Node) bool {
						if bad := jwxSelector(n, local); bad != "" {
							faults = append(faults, s.at(n)+": exported "+name+" shows "+bad)
						}
						return true
					})
				}
				return false
			}
			if bad := jwxSelector(n, local); bad != "" {
				faults = append(faults, s.at(n)+": exported "+name+" shows "+bad)
			}
			return true
		})
	}
	for _, decl := range s.file.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			if d.Name.IsExported() && exportedReceiver(d) {
				look(d.Name.Name, d.Type)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch spec := spec.(type) {
				case *ast.TypeSpec:
					if spec.Name.IsExported() {
						look(spec.Name.Name, spec.Type)
					}
				case *ast.ValueSpec:
					for _, name := range spec.Names {
						if name.IsExported() {
							look(name.Name, spec)
						}
					}
				}
			}
		}
	}
	return faults
}

func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	exported := false
	ast.Inspect(d.Recv.List[0].Type, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && id.IsExported() {
			exported = true
		}
		return true
	})
	return exported
}

func jwxSelector(n ast.Node, local map[string]bool) string {
	if sel, ok := n.(*ast.SelectorExpr); ok {
		if x, ok := sel.X.(*ast.Ident); ok && local[x.Name] {
			return x.Name + "." + sel.Sel.Name
		}
	}
	return ""
}

func TestJWXStaysInsideKeyjar(t *testing.T) {
	for _, fault := range checkJWX(repositorySources(t)) {
		t.Error(fault)
	}
}
