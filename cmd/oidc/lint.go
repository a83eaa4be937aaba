package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/oidcservice/oidc/cmd/internal/conversation"
	"github.com/oidcservice/oidc/cmd/internal/lint"
	"github.com/oidcservice/oidc/cmd/internal/report"
)

// outcomeFindings is the outcome of a run with findings at or above the threshold.
const outcomeFindings = "findings"

// maxLintFile bounds the file that is read.
const maxLintFile = 4 << 20

// lintFlags are the flags of lint.
type lintFlags struct {
	kind      string
	threshold string
	caFile    string
	allowHTTP bool
	private   bool
	timeout   time.Duration
	deadline  time.Duration
}

// linted is what lint prints as JSON.
type linted struct {
	Outcome   string                `json:"outcome"`
	Error     *report.Problem       `json:"error,omitempty"`
	Threshold lint.Severity         `json:"threshold"`
	Documents []*lint.Document      `json:"documents"`
	Summary   map[lint.Severity]int `json:"summary"`
	Findings  []lint.Finding        `json:"findings"`
}

func (c *command) lint() *cobra.Command {
	f := &lintFlags{}
	cmd := &cobra.Command{
		Use:   "lint ISSUER-OR-FILE",
		Short: "Check provider metadata, JWK Sets and client metadata",
		Long: `Checks provider metadata (OpenID Connect Discovery 1.0, RFC 8414), JWK Sets and client
metadata, and reports everything it finds with the section of the specification. An issuer
is asked for its metadata and its keys; a file ("-" is stdin) is read, and nothing is sent.

--output is text, json or sarif. The exit code is 7 when a finding is at or above
--threshold.`,
		Args: cobra.ExactArgs(1),
		PersistentPreRunE: func(*cobra.Command, []string) error {
			if err := c.only("text", "json", "sarif"); err != nil {
				return err
			}
			if f.kind != "" && !slices.Contains(lint.Types(), lint.Type(f.kind)) {
				return &conversation.SettingError{Flag: "type", Text: fmt.Sprintf("unknown value %q; known are provider, jwks, client", f.kind)}
			}
			if !slices.Contains(lint.Severities(), lint.Severity(f.threshold)) {
				return &conversation.SettingError{Flag: "threshold", Text: fmt.Sprintf("unknown value %q; known are error, warning, note", f.threshold)}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			r := &lint.Report{}
			var err error
			if isIssuer(args[0]) {
				err = c.lintIssuer(cmd.Context(), f, args[0], r)
			} else {
				err = c.lintFile(f, args[0], r)
			}
			var setting *conversation.SettingError
			if errors.As(err, &setting) {
				return err
			}
			return c.writeLint(f, r, err)
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&f.kind, "type", "", "what it is: provider, jwks, client (default: told by the content)")
	fs.StringVar(&f.threshold, "threshold", string(lint.Error), "the least severity that makes exit code 7: error, warning, note")
	fs.StringVar(&f.caFile, "ca-file", "", "a file with further trust roots, PEM")
	fs.BoolVar(&f.allowHTTP, "insecure-allow-http", false, "accept http addresses, with a note; safe on a loopback interface only")
	fs.BoolVar(&f.private, "insecure-allow-private", false, "let URLs that the provider supplied lead to private addresses")
	fs.DurationVar(&f.timeout, "timeout", 10*time.Second, "the time limit of each request")
	fs.DurationVar(&f.deadline, "deadline", 0, "the time limit of the whole run")
	return cmd
}

// lintFile judges a file.
func (c *command) lintFile(f *lintFlags, name string, r *lint.Report) error {
	d := &lint.Document{Location: name, Type: lint.Type(f.kind), AllowHTTP: f.allowHTTP}
	in := c.in
	if name == "-" {
		d.Location = "stdin"
	} else {
		file, err := os.Open(name)
		if err != nil {
			return &conversation.SettingError{Text: err.Error()}
		}
		defer func() { _ = file.Close() }()
		in = file
	}
	data, err := io.ReadAll(io.LimitReader(in, maxLintFile+1))
	switch {
	case err != nil:
		return &conversation.SettingError{Text: name + ": " + err.Error()}
	case len(data) > maxLintFile:
		return &conversation.SettingError{Text: fmt.Sprintf("%s: more than %d bytes", name, maxLintFile)}
	}
	d.Data = data
	if d.Type == "" {
		d.Type = lint.Guess(data)
	}
	findings := lint.Check(d)
	if d.Type == "" && len(findings) == 0 {
		return &conversation.SettingError{Flag: "type", Text: "the content does not tell what it is: give --type provider, jwks or client"}
	}
	r.Documents, r.Findings = append(r.Documents, d), append(r.Findings, findings...)
	return nil
}

// writeLint prints the report; failure is why it is not complete.
func (c *command) writeLint(f *lintFlags, r *lint.Report, failure error) error {
	c.spoken = true
	problem := conversation.ProblemOf(failure, false)
	out := &linted{Outcome: report.OK, Error: problem, Threshold: lint.Severity(f.threshold), Documents: r.Documents, Findings: r.Findings, Summary: map[lint.Severity]int{}}
	for _, s := range lint.Severities() {
		out.Summary[s] = r.Count(s)
	}
	switch {
	case problem != nil:
		out.Outcome, c.exit = problem.Kind, problem.ExitCode()
	case r.Reaches(out.Threshold):
		out.Outcome, c.exit = outcomeFindings, report.ExitLint
	}
	if out.Documents == nil {
		out.Documents = []*lint.Document{}
	}
	if out.Findings == nil {
		out.Findings = []lint.Finding{}
	}
	c.complain(&report.Report{Problem: problem})
	switch c.output {
	case "json":
		return c.json(out)
	case "sarif":
		text := ""
		if problem != nil {
			text = strings.ToValidUTF8(problem.Message, "")
		}
		return r.WriteSARIF(c.out, text)
	}
	return r.WriteText(c.out, c.coloured())
}
