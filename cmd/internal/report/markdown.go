package report

import (
	"fmt"
	"io"
	"strings"
)

func writeMarkdown(w io.Writer, r *Report, m *masker) error {
	var b strings.Builder
	title := "A conversation"
	if r.Title != "" {
		title = r.Title
	} else if r.Issuer != "" {
		title += " with " + r.Issuer
	}
	fmt.Fprintf(&b, "# %s\n", inline(title))
	for i, s := range r.Steps {
		markdownStep(&b, i+1, s, m)
	}
	b.WriteString("\n## The end\n\n")
	if r.Problem != nil {
		fmt.Fprintf(&b, "**%s**", r.Problem.Kind)
		if r.FailedStep != "" {
			fmt.Fprintf(&b, " at `%s`", r.FailedStep)
		}
		fmt.Fprintf(&b, ": %s\n\n", inline(m.text(r.Problem.Message)))
	} else if r.Expected != nil {
		fmt.Fprintf(&b, "Refused, as it must be: %s\n\n", inline(m.text(r.Expected.Message)))
	} else {
		b.WriteString("Everything was verified.\n\n")
	}
	if len(r.IDToken) > 0 {
		b.WriteString("The verified ID Token (`verified_id_token`):\n\n" + fence("json", compact(string(r.IDToken))))
	}
	if len(r.UserInfo) > 0 {
		b.WriteString("The verified claims about the user:\n\n" + fence("json", compact(string(r.UserInfo))))
	}
	if len(r.StateRecord) > 0 {
		fmt.Fprintf(&b, "The state record holds `%s`.\n", strings.Join(r.StateRecord, "`, `"))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func markdownStep(b *strings.Builder, n int, s *Step, m *masker) {
	e := Explain(s.Service)
	fmt.Fprintf(b, "\n## %d. %s: %s\n\n", n, s.Service, e.Title)
	if e.Why != "" {
		fmt.Fprintf(b, "%s (%s)\n\n", e.Why, e.Section)
	}
	if s.Request != nil {
		where := "The request:"
		if s.Front {
			where = "The browser is sent to:"
		}
		b.WriteString(where + "\n\n" + fence("http", httpText(
			s.Request.Method+" "+m.url(s.Request.URL), m.header(s.Request.Header), s.Request.Header, m.body(s.Request.Header, s.Request.Body))))
	}
	if s.Response != nil {
		where := "The answer:"
		if s.Front {
			where = "The browser comes back:"
		}
		first := fmt.Sprintf("HTTP %d", s.Response.Status)
		if s.Front && s.Response.Status == 0 {
			first = "HTTP"
		}
		b.WriteString(where + "\n\n" + fence("http", httpText(first, m.header(s.Response.Header), s.Response.Header, m.body(s.Response.Header, s.Response.Body))))
	} else if s.Err != "" {
		b.WriteString("No answer came.\n\n")
	}
	if s.Need != "" {
		fmt.Fprintf(b, "Here %s.\n\n", inline(s.Need))
	}
	if len(s.Checks) > 0 {
		b.WriteString("| check | of | verdict | specification | |\n|---|---|---|---|---|\n")
		for _, c := range s.Checks {
			fmt.Fprintf(b, "| `%s` | %s | %s | %s | %s |\n", c.Rule, cell(c.Param), c.Verdict, cell(c.Spec), cell(m.text(c.Reason)))
		}
		b.WriteString("\n")
	}
	if len(s.Context) > 0 {
		b.WriteString("The service context now knows:\n\n")
		for _, c := range s.Context {
			if c.Value == "" {
				fmt.Fprintf(b, "- `%s`\n", c.Name)
			} else {
				fmt.Fprintf(b, "- `%s`: `%s`\n", c.Name, strings.ReplaceAll(printable(m.text(c.Value)), "`", "'"))
			}
		}
		b.WriteString("\n")
	}
	if len(s.Record) > 0 {
		fmt.Fprintf(b, "The state record gained `%s`.\n", strings.Join(s.Record, "`, `"))
	}
	if s.Err != "" {
		fmt.Fprintf(b, "Refused: %s\n", inline(m.text(s.Err)))
	}
}

// httpText is a message as it travels, with the fields that mean something.
func httpText(first string, shown, header map[string][]string, body string) string {
	var b strings.Builder
	b.WriteString(printable(first) + "\n")
	for _, name := range []string{"Authorization", "Content-Type", "Location", "Cache-Control", "WWW-Authenticate", "Dpop", "Retry-After"} {
		for _, value := range shown[name] {
			b.WriteString(name + ": " + printable(value) + "\n")
		}
	}
	if body != "" {
		if len(body) > maxShown {
			body = strings.ToValidUTF8(body[:maxShown], "") + "\n…"
		}
		if mediaType(header) == "application/x-www-form-urlencoded" {
			body = strings.ReplaceAll(body, "&", "\n&")
		}
		b.WriteString("\n" + printable(compact(body)) + "\n")
	}
	return b.String()
}

// fence quotes text so that nothing in it can end the quotation.
func fence(language, text string) string {
	mark := "```"
	for strings.Contains(text, mark) {
		mark += "`"
	}
	return mark + language + "\n" + strings.TrimRight(text, "\n") + "\n" + mark + "\n\n"
}

// inline makes a peer's text harmless in a paragraph.
func inline(s string) string {
	s = strings.Join(strings.Fields(printable(s)), " ")
	return strings.NewReplacer("<", "&lt;", ">", "&gt;", "`", "'", "[", "\\[", "*", "\\*", "_", "\\_").Replace(s)
}

func cell(s string) string { return strings.ReplaceAll(inline(s), "|", "\\|") }
