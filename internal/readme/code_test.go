package readme

import (
	"bytes"
	"flag"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "copy the code into the documentation and rewrite the generated pages")

// top is where the repository begins, seen from this package.
var top = filepath.Join("..", "..")

// pages returns README.md, the other pages of the top folder, and what stands under docs/.
func pages(t *testing.T) []string {
	t.Helper()
	var out []string
	err := fs.WalkDir(os.DirFS(top), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := path.Base(name)
		if d.IsDir() && name != "." && (strings.HasPrefix(base, ".") || base == "node_modules" || base == "bin") {
			return fs.SkipDir
		}
		if path.Ext(name) == ".md" {
			out = append(out, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// A block is a fenced block of Go code in a page.
type block struct {
	line       int    // of the fence
	source     string // the file it is tied to, "" if none
	names      []string
	begin, end int // what is between the fences
}

var tie = regexp.MustCompile(`^<!-- code: (\S+)((?: \S+)+) -->$`)

// blocks finds the Go blocks of a page.
func blocks(page string) []block {
	var out []block
	var open *block
	var tied []string
	offset, fenced := 0, false
	number := 0
	for line := range strings.Lines(page) {
		number++
		text := strings.TrimRight(line, "\n")
		switch {
		case open != nil && text == "```":
			open.end = offset
			out = append(out, *open)
			open = nil
		case open != nil:
		case fenced:
			fenced = text != "```"
		case text == "```go":
			open = &block{line: number, begin: offset + len(line)}
			if tied != nil {
				open.source, open.names = tied[1], strings.Fields(tied[2])
			}
		case strings.HasPrefix(text, "```"):
			fenced = true
		}
		if text != "" {
			tied = tie.FindStringSubmatch(text)
		}
		offset += len(line)
	}
	return out
}

// code returns what a block must hold.
func code(file string, names []string) (string, error) {
	text, err := os.ReadFile(filepath.Join(top, filepath.FromSlash(file)))
	if err != nil {
		return "", err
	}
	set := token.NewFileSet()
	parsed, err := parser.ParseFile(set, file, text, parser.ParseComments)
	if err != nil {
		return "", err
	}
	at := func(p token.Pos) int { return set.Position(p).Offset }
	var parts []string
	for _, name := range names {
		part := ""
		for _, decl := range parsed.Decls {
			doc, found := declares(decl, name)
			if !found {
				continue
			}
			if f, ok := decl.(*ast.FuncDecl); ok && strings.HasPrefix(name, "Example") {
				part, err = body(f, parsed.Comments, text, at)
				if err != nil {
					return "", fmt.Errorf("%s: %w", file, err)
				}
				break
			}
			begin := decl.Pos()
			if doc != nil {
				begin = doc.Pos()
			}
			part = string(text[at(begin):at(decl.End())])
		}
		if part == "" {
			return "", fmt.Errorf("%s declares no %s", file, name)
		}
		parts = append(parts, strings.TrimRight(part, "\n")+"\n")
	}
	// Methods that stood below each other are aligned with each other no longer.
	joined, err := format.Source([]byte(strings.Join(parts, "\n")))
	return string(joined), err
}

// declares reports whether decl declares name: a function, a method written
// Type.Method, a type, a variable or a constant.
func declares(decl ast.Decl, name string) (*ast.CommentGroup, bool) {
	switch d := decl.(type) {
	case *ast.FuncDecl:
		full := d.Name.Name
		if d.Recv != nil {
			kind := d.Recv.List[0].Type
			if star, ok := kind.(*ast.StarExpr); ok {
				kind = star.X
			}
			if id, ok := kind.(*ast.Ident); ok {
				full = id.Name + "." + full
			}
		}
		return d.Doc, full == name
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				if s.Name.Name == name {
					return d.Doc, true
				}
			case *ast.ValueSpec:
				for _, id := range s.Names {
					if id.Name == name {
						return d.Doc, true
					}
				}
			}
		}
	}
	return nil, false
}

// body returns the statements of an example function, without the comment that
// holds its output and less one tab.
func body(f *ast.FuncDecl, comments []*ast.CommentGroup, text []byte, at func(token.Pos) int) (string, error) {
	end := at(f.Body.Rbrace)
	ran := false
	for _, c := range comments {
		if c.Pos() > f.Body.Lbrace && c.End() <= f.Body.Rbrace && strings.Contains(strings.ToLower(c.Text()), "output:") {
			end, ran = at(c.Pos()), true
		}
	}
	if !ran {
		return "", fmt.Errorf("%s has no output, so it is compiled but never run", f.Name.Name)
	}
	lines := strings.SplitAfter(string(text[at(f.Body.Lbrace)+1:end]), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimPrefix(line, "\t")
	}
	return strings.TrimSpace(strings.Join(lines, "")) + "\n", nil
}

func TestCodeIsCompiledCode(t *testing.T) {
	found := 0
	for _, name := range pages(t) {
		file := filepath.Join(top, filepath.FromSlash(name))
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		page := string(text)
		var out bytes.Buffer
		copied := 0
		for _, b := range blocks(page) {
			found++
			if b.source == "" {
				t.Errorf("%s:%d: this Go code is tied to no source, so nothing compiles it", name, b.line)
				continue
			}
			want, err := code(b.source, b.names)
			if err != nil {
				t.Errorf("%s:%d: %v", name, b.line, err)
				continue
			}
			if got := page[b.begin:b.end]; got != want && !*update {
				t.Errorf("%s:%d: the code is not that of %s; run: go test ./internal/readme -update\ngot:\n%s\nwant:\n%s", name, b.line, b.source, got, want)
			}
			out.WriteString(page[copied:b.begin])
			out.WriteString(want)
			copied = b.end
		}
		out.WriteString(page[copied:])
		if *update && out.String() != page {
			if err := os.WriteFile(file, out.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	if found == 0 {
		t.Error("the documentation shows no code: the search is broken")
	}
}

func TestBlocksAreFound(t *testing.T) {
	const page = "text\n```go\nloose\n```\n\n<!-- code: a/b_test.go ExampleX T.M -->\n\n```go\ntied\n```\n```text\n```go is not opened in here\n```\n<!-- code: a.go X -->\nprose between\n```go\nx\n```\n"
	got := blocks(page)
	if len(got) != 3 {
		t.Fatalf("found %d blocks: %+v", len(got), got)
	}
	if got[0].source != "" || page[got[0].begin:got[0].end] != "loose\n" {
		t.Errorf("the loose block: %+v", got[0])
	}
	if got[1].source != "a/b_test.go" || strings.Join(got[1].names, " ") != "ExampleX T.M" || page[got[1].begin:got[1].end] != "tied\n" {
		t.Errorf("the tied block: %+v", got[1])
	}
	if got[2].source != "" {
		t.Errorf("a tie holds for the next line only: %+v", got[2])
	}
}
