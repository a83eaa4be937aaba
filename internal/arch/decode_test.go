package arch

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A listed is what "go list" says of a package.
type listed struct {
	Dir        string
	ImportPath string
	Export     string // the file of its compiled types
	GoFiles    []string
	Standard   bool
}

// compiled lists packages and all that they import, with the files of their compiled types.
func compiled(t *testing.T, patterns ...string) []listed {
	t.Helper()
	list := exec.Command("go", append([]string{"list", "-export", "-deps", "-json=Dir,ImportPath,Export,GoFiles,Standard"}, patterns...)...)
	list.Dir = filepath.Join("..", "..")
	var stderr bytes.Buffer
	list.Stderr = &stderr
	out, err := list.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s", list.Args, err, stderr.String())
	}
	var packages []listed
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
}

// imports returns an importer of the compiled types.
func imports(set *token.FileSet, packages []listed) types.Importer {
	return importer.ForCompiler(set, "gc", func(path string) (io.ReadCloser, error) {
		for _, p := range packages {
			if p.ImportPath == path {
				return os.Open(p.Export)
			}
		}
		return nil, fs.ErrNotExist
	})
}

// Package message reads messages by exact name and refuses what is said twice;
// encoding/json does neither. So nothing else may put JSON into a message.
func TestMessagesAreDecodedStrictly(t *testing.T) {
	packages := compiled(t, "./...")
	set := token.NewFileSet()
	config := types.Config{Importer: imports(set, packages)}
	looked := 0
	for _, p := range packages {
		dir, ours := own(p.ImportPath)
		if !ours || dir == "message" || len(p.GoFiles) == 0 {
			continue
		}
		var files []*ast.File
		for _, name := range p.GoFiles {
			file, err := parser.ParseFile(set, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, file)
		}
		info := &types.Info{Uses: map[*ast.Ident]types.Object{}, Types: map[ast.Expr]types.TypeAndValue{}}
		if _, err := config.Check(p.ImportPath, set, files, info); err != nil {
			t.Errorf("%s: %v", dir, err)
			continue
		}
		looked++
		for _, file := range files {
			for _, fault := range looseDecoding(file, info) {
				at := set.Position(fault.call.Pos())
				t.Errorf("%s/%s:%d: encoding/json decodes into %s; use message.DecodeJSON", dir, filepath.Base(at.Filename), at.Line, fault.into)
			}
		}
	}
	if looked < 3 {
		t.Errorf("looked at %d packages: the search is broken", looked)
	}
}

type loose struct {
	call *ast.CallExpr
	into string
}

// looseDecoding finds json.Unmarshal and Decoder.Decode into a message.
func looseDecoding(file *ast.File, info *types.Info) []loose {
	var found []loose
	ast.Inspect(file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || len(call.Args) == 0 {
			return true
		}
		sel, ok := call.Fun.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		f, ok := info.Uses[sel.Sel].(*types.Func)
		if !ok || f.Pkg() == nil || f.Pkg().Path() != "encoding/json" || f.Name() != "Unmarshal" && f.Name() != "Decode" {
			return true
		}
		into := info.Types[call.Args[len(call.Args)-1]].Type
		if isMessage(into) {
			found = append(found, loose{call, into.String()})
		}
		return true
	})
	return found
}

// isMessage reports whether t is, or points to, a struct that keeps unknown members.
func isMessage(t types.Type) bool {
	if p, ok := t.Underlying().(*types.Pointer); ok {
		t = p.Elem()
	}
	s, ok := t.Underlying().(*types.Struct)
	if !ok {
		return false
	}
	for f := range s.Fields() {
		if named, ok := f.Type().(*types.Named); ok && f.Name() == "Extra" && strings.HasSuffix(named.String(), modulePath+"/message.Extra") {
			return true
		}
		if f.Embedded() && isMessage(f.Type()) {
			return true
		}
	}
	return false
}

func TestLooseDecodingIsFound(t *testing.T) {
	const text = `package p
import "encoding/json"
type extra []string
type kept struct { Extra extra }
type other struct { A string }
func f(d *json.Decoder, b []byte) {
	var k kept; var o other
	_ = json.Unmarshal(b, &k)
	_ = d.Decode(&k)
	_ = json.Unmarshal(b, &o)
	_, _ = json.Marshal(k)
}`
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, "p.go", strings.ReplaceAll(text, "extra", "Extra"), 0)
	if err != nil {
		t.Fatal(err)
	}
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}, Types: map[ast.Expr]types.TypeAndValue{}}
	config := types.Config{Importer: imports(set, compiled(t, "encoding/json"))}
	// The package stands for package message, whose Extra is the mark of a message.
	if _, err := config.Check(modulePath+"/message", set, []*ast.File{file}, info); err != nil {
		t.Fatal(err)
	}
	var lines []int
	for _, fault := range looseDecoding(file, info) {
		lines = append(lines, set.Position(fault.call.Pos()).Line)
	}
	if len(lines) != 2 || lines[0] != 8 || lines[1] != 9 {
		t.Errorf("found loose decoding in lines %v, want 8 and 9", lines)
	}
}
