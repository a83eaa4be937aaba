package report

import (
	"io"
	"slices"
	"strings"
)

func writeCurl(w io.Writer, r *Report, m *masker, caFile func(string) string) error {
	var b strings.Builder
	b.WriteString("#!/bin/sh\n# The requests of a conversation, to repeat by hand.\n")
	if !m.show {
		b.WriteString("# Secrets are replaced by " + Masked + ".\n")
	}
	for _, s := range r.Steps {
		if s.Request == nil {
			continue
		}
		b.WriteString("\n# " + s.Service + "\n")
		if s.Front {
			b.WriteString("# open in a browser: " + comment(m.url(s.Request.URL)) + "\n")
			continue
		}
		ca := ""
		if caFile != nil {
			ca = caFile(s.Request.URL)
		}
		b.WriteString(Curl(m.request(s.Request), ca) + "\n")
	}
	b.WriteString("\n# outcome: " + comment(r.Outcome()) + "\n")
	if r.Problem != nil {
		b.WriteString("# " + comment(r.FailedStep+": "+m.text(r.Problem.Message)) + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Curl returns the command that repeats a request, as it is given: see Shown. caFile names
// the authority of the server's certificate; it is empty where the system knows it.
func Curl(r *Request, caFile string) string {
	var b strings.Builder
	b.WriteString("curl --silent --show-error")
	if caFile != "" {
		b.WriteString(" --cacert " + quote(caFile))
	}
	if strings.ContainsAny(r.URL, "[]{}") {
		b.WriteString(" --globoff") // curl makes several requests of {a,b} and [1-9]
	}
	if r.Method != "GET" {
		b.WriteString(" --request " + quote(r.Method))
	}
	names := make([]string, 0, len(r.Header))
	for name := range r.Header {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		for _, value := range r.Header[name] {
			b.WriteString(" \\\n  --header " + quote(name+": "+value))
		}
	}
	if r.Body != "" {
		b.WriteString(" \\\n  --data-raw " + quote(r.Body))
	}
	b.WriteString(" \\\n  " + quote(r.URL))
	return b.String()
}

// quote makes s one word of a POSIX shell, whatever it holds.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// comment keeps s on its line.
func comment(s string) string { return strings.Join(strings.Fields(printable(s)), " ") }
