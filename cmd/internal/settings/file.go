// Package settings reads configuration files in YAML or JSON strictly: a member that is not
// known, stands twice or has another type is a fault with its file, line and path, and all
// faults are told at once.
package settings

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"
)

// A FaultError is one thing that is wrong in a file.
type FaultError struct {
	File string
	Line int    // 0 if there is no such line
	Path string // of the member, such as clients[0].redirect_uris
	Text string // what is expected, never a secret
}

// Error names file, line and member and says what is expected.
func (f *FaultError) Error() string {
	var b strings.Builder
	b.WriteString(f.File)
	if f.Line > 0 {
		fmt.Fprintf(&b, ":%d", f.Line)
	}
	b.WriteString(": ")
	if f.Path != "" {
		b.WriteString(f.Path + ": ")
	}
	b.WriteString(f.Text)
	return b.String()
}

// FaultErrors are the things that are wrong, in the order of the file where it is known.
type FaultErrors []*FaultError

// Error tells all of them, one a line.
func (f FaultErrors) Error() string {
	lines := make([]string, len(f))
	for i, one := range f {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "\n")
}

// A File is a file that was read, and what is wrong in it.
type File struct {
	Name   string
	Faults FaultErrors

	lines map[string]int // by path
}

// maxFile bounds a configuration file.
const maxFile = 8 << 20

// Read reads a file into a pointer to a struct or map, whose fields are named by their yaml
// tags. What is wrong stands in File.Faults.
func Read(name string, into any) *File {
	data, err := os.ReadFile(name)
	if err != nil {
		f := &File{Name: name}
		var cause *os.PathError
		if errors.As(err, &cause) {
			err = cause.Err
		}
		f.Add("", "%v", err)
		return f
	}
	return Parse(name, data, into)
}

// Parse is Read for what was read already.
func Parse(name string, data []byte, into any) *File {
	f := &File{Name: name, lines: map[string]int{}}
	if len(data) > maxFile {
		f.Add("", "the file has more than %d bytes", maxFile)
		return f
	}
	decoder := yaml.NewDecoder(bytes.NewReader(spaced(data)))
	var document, second yaml.Node
	switch err := decoder.Decode(&document); {
	case errors.Is(err, io.EOF):
		return f // empty
	case err != nil:
		f.Add("", "neither YAML nor JSON: %s", strings.TrimPrefix(err.Error(), "yaml: "))
		return f
	}
	if err := decoder.Decode(&second); !errors.Is(err, io.EOF) {
		f.Add("", "want one document")
		return f
	}
	f.decode("", document.Content[0], into)
	return f
}

// spaced replaces the tabs between the tokens of JSON, which YAML does not take.
func spaced(data []byte) []byte {
	if !bytes.ContainsRune(data, '\t') || !json.Valid(data) {
		return data
	}
	out := bytes.Clone(data)
	quoted := false
	for i := 0; i < len(out); i++ {
		switch {
		case quoted && out[i] == '\\':
			i++
		case out[i] == '"':
			quoted = !quoted
		case !quoted && out[i] == '\t':
			out[i] = ' '
		}
	}
	return out
}

// Add notes a fault of the member at a path.
func (f *File) Add(path, format string, args ...any) {
	f.Faults = append(f.Faults, &FaultError{File: f.Name, Line: f.line(path), Path: path, Text: fmt.Sprintf(format, args...)})
}

// line is where the member at a path stands, or what it should stand in.
func (f *File) line(path string) int {
	for path != "" {
		if line, ok := f.lines[path]; ok {
			return line
		}
		path = path[:max(0, strings.LastIndexAny(path, ".["))]
	}
	return 0
}

// Has reports whether a member is in the file.
func (f *File) Has(path string) bool {
	_, ok := f.lines[path]
	return ok
}

// Beside returns the name of a file that the file names: what is relative is relative to
// its folder, wherever the process runs.
func (f *File) Beside(name string) string {
	if name == "" || filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(filepath.Dir(f.Name), name)
}

// Err returns the faults as an error, nil if there are none.
func (f *File) Err() error {
	if len(f.Faults) == 0 {
		return nil
	}
	return f.Faults
}
