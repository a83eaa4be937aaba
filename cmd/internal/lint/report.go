package lint

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"
)

// A Report is what was judged and what was found.
type Report struct {
	Documents []*Document
	Findings  []Finding
}

// Count returns how many findings have that severity.
func (r *Report) Count(s Severity) int {
	n := 0
	for _, f := range r.Findings {
		if f.Severity == s {
			n++
		}
	}
	return n
}

// Reaches tells whether a finding is at or above the threshold.
func (r *Report) Reaches(threshold Severity) bool {
	return slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Severity.AtLeast(threshold) })
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// WriteText writes the findings for people, one a line and aligned.
func (r *Report) WriteText(w io.Writer, coloured bool) error {
	paint := func(code, s string) string {
		if !coloured {
			return s
		}
		return "\x1b[" + code + "m" + s + "\x1b[0m"
	}
	colours := map[Severity]string{Error: "31;1", Warning: "33", Note: "36"}
	var b strings.Builder
	for _, d := range r.Documents {
		fmt.Fprintf(&b, "%s %s\n", paint("1", shown(d.Location)), paint("2", "("+string(d.Type)+")"))
		var rows [][4]string
		var found []Finding
		widths := [4]int{}
		for _, f := range r.Findings {
			if f.Location != d.Location {
				continue
			}
			place := ""
			if f.Line > 0 {
				place = fmt.Sprintf("%d:%d", f.Line, f.Column)
			}
			row := [4]string{place, string(f.Severity), f.Member, f.Message()}
			for i := range row {
				widths[i] = max(widths[i], min(utf8.RuneCountInString(row[i]), 60))
			}
			rows, found = append(rows, row), append(found, f)
		}
		for i, row := range rows {
			pad := func(at int) string { return strings.Repeat(" ", max(0, widths[at]-utf8.RuneCountInString(row[at]))+2) }
			fmt.Fprintf(&b, "  %s%s%s%s%s%s%s%s%s\n", paint("2", row[0]), pad(0), paint(colours[found[i].Severity], row[1]), pad(1), row[2], pad(2), row[3], pad(3),
				paint("2", string(found[i].Rule)+": "+found[i].Spec))
		}
		if len(rows) == 0 {
			fmt.Fprintf(&b, "  %s\n", paint("32", "nothing found"))
		}
		b.WriteByte('\n')
	}
	fmt.Fprintf(&b, "%s, %s, %s\n", plural(r.Count(Error), "error"), plural(r.Count(Warning), "warning"), plural(r.Count(Note), "note"))
	_, err := io.WriteString(w, b.String())
	return err
}

// WriteSARIF writes the report as SARIF 2.1.0 (OASIS Standard). Failure, if not
// empty, says why not everything was judged.
func (r *Report) WriteSARIF(w io.Writer, failure string) error {
	rules := Rules()
	described := make([]any, len(rules))
	index := map[string]int{}
	for i, rule := range rules {
		index[string(rule.ID)] = i
		help := rule.Text
		spec := rule.Reference.String()
		if spec != "" {
			help += " (" + spec + ")"
		}
		d := map[string]any{
			"id": rule.ID, "shortDescription": map[string]any{"text": rule.Text},
			"help":                 map[string]any{"text": help},
			"defaultConfiguration": map[string]any{"level": rule.Severity()},
			"properties":           map[string]any{"level": rule.Level.String(), "specification": spec},
		}
		if address := HelpURL(rule.Reference); address != "" {
			d["helpUri"] = address
		}
		described[i] = d
	}
	results := make([]any, len(r.Findings))
	for i, f := range r.Findings {
		results[i] = map[string]any{
			"ruleId": f.Rule, "ruleIndex": index[string(f.Rule)], "level": f.Severity,
			"message":   map[string]any{"text": sentence(f)},
			"locations": []any{f.sarifLocation()},
		}
	}
	invocation := map[string]any{"executionSuccessful": failure == ""}
	if failure != "" {
		invocation["toolExecutionNotifications"] = []any{map[string]any{"level": "error", "message": map[string]any{"text": failure}}}
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(map[string]any{
		"$schema": "https://json.schemastore.org/sarif-2.1.0.json",
		"version": "2.1.0",
		"runs": []any{map[string]any{
			"tool": map[string]any{"driver": map[string]any{
				"name": "oidc lint", "informationUri": "https://github.com/oidcservice/oidc", "rules": described,
			}},
			"columnKind":  "unicodeCodePoints",
			"invocations": []any{invocation},
			"results":     results,
		}},
	})
}

func sentence(f Finding) string {
	text := f.Message()
	if f.Member != "" {
		text = f.Member + ": " + text
	}
	if f.Spec != "" {
		text += " (" + f.Spec + ")"
	}
	return text
}

func (f Finding) sarifLocation() map[string]any {
	physical := map[string]any{"artifactLocation": map[string]any{"uri": reference(f.Location)}}
	if f.Line > 0 {
		physical["region"] = map[string]any{"startLine": f.Line, "startColumn": f.Column}
	}
	location := map[string]any{"physicalLocation": physical}
	if f.Member != "" {
		location["logicalLocations"] = []any{map[string]any{"fullyQualifiedName": f.Member, "kind": "property"}}
	}
	return location
}

// reference makes a URI reference of a location, which may be the name of a file.
func reference(location string) string {
	if strings.HasPrefix(location, "https://") || strings.HasPrefix(location, "http://") {
		if u, err := url.Parse(location); err == nil {
			return u.String()
		}
	}
	if filepath.IsAbs(location) {
		return (&url.URL{Scheme: "file", Path: filepath.ToSlash(location)}).String()
	}
	return (&url.URL{Path: filepath.ToSlash(location)}).String()
}
