package report

import (
	"fmt"
	"io"
	"net/url"
	"strings"
)

func writeMermaid(w io.Writer, r *Report, m *masker) error {
	var b strings.Builder
	b.WriteString("sequenceDiagram\n    participant B as Browser\n    participant R as Relying party\n")
	fmt.Fprintf(&b, "    participant P as %s\n", label4(r.Issuer))
	for i, s := range r.Steps {
		from, to := "R", "P"
		if s.Front {
			from = "B"
			fmt.Fprintf(&b, "    R->>B: %d. %s\n", i+1, s.Service)
		}
		if s.Request != nil {
			fmt.Fprintf(&b, "    %s->>%s: %s %s\n", from, to, escape(s.Request.Method), escape(pathOf(m.url(s.Request.URL))))
		}
		switch {
		case s.Front && s.Response != nil:
			fmt.Fprintf(&b, "    P-->>B: %s\n    B->>R: %s\n", status(s.Response.Status), escape(brought(s, m)))
		case s.Response != nil:
			fmt.Fprintf(&b, "    P-->>R: %s\n", status(s.Response.Status))
		default:
			fmt.Fprintf(&b, "    P--x%s: no answer\n", from)
		}
		passed, failed := 0, ""
		for _, c := range s.Checks {
			switch c.Verdict {
			case "passed":
				passed++
			case "failed":
				failed = c.Rule
			}
		}
		note := fmt.Sprintf("%s: %d checks passed", s.Service, passed)
		if failed != "" {
			note += ", " + failed + " failed"
		} else if s.Err != "" {
			note += ", then refused"
		}
		fmt.Fprintf(&b, "    Note over R: %s\n", escape(note))
	}
	end := r.Outcome()
	if r.Problem != nil && r.FailedStep != "" {
		end += " at " + r.FailedStep
	}
	fmt.Fprintf(&b, "    Note over B,P: %s\n", escape(end))
	_, err := io.WriteString(w, b.String())
	return err
}

func status(code int) string {
	if code == 0 {
		return "back to the redirect URI"
	}
	return fmt.Sprint(code)
}

// brought names the parameters of the callback, not their values.
func brought(s *Step, m *masker) string {
	text := s.Response.Body
	if location := s.Response.Header["Location"]; len(location) > 0 {
		rest, fragment, _ := strings.Cut(location[0], "#")
		_, text, _ = strings.Cut(rest, "?")
		if text == "" {
			text = fragment
		}
	}
	values, _ := url.ParseQuery(m.pairs(text))
	var names []string
	for _, part := range strings.Split(text, "&") {
		name, _, _ := strings.Cut(part, "=")
		if values.Has(name) {
			names = append(names, name)
		}
	}
	return strings.Join(names, " ")
}

func pathOf(target string) string {
	u, err := url.Parse(target)
	if err != nil {
		return "?"
	}
	names := []string{}
	for _, part := range strings.Split(u.RawQuery, "&") {
		if name, _, _ := strings.Cut(part, "="); name != "" {
			names = append(names, name)
		}
	}
	if len(names) > 0 {
		return u.Path + " (" + strings.Join(names, " ") + ")"
	}
	return u.Path
}

// escape keeps text from being read as Mermaid's own.
func escape(s string) string {
	s = strings.Join(strings.Fields(printable(s)), " ")
	return strings.NewReplacer("#", "#35;", ";", "#59;", "<", "#60;", ">", "#62;", "%", "#37;").Replace(s)
}

func label4(issuer string) string {
	if issuer == "" {
		return "Provider"
	}
	return escape(issuer)
}
