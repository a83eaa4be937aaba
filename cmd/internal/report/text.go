package report

import (
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// The narration is laid out in one column of labels and one of content.
const (
	gutter     = 4
	labelWidth = 22
	minWidth   = 72
	maxParam   = 26       // width of the column that names the parameter
	maxShown   = 12 << 10 // bytes of one body; the rest is counted, not printed
)

// A painter colours for a terminal, or not.
type painter bool

func (p painter) paint(code, s string) string {
	if !p || s == "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

func (p painter) bold(s string) string   { return p.paint("1", s) }
func (p painter) dim(s string) string    { return p.paint("2", s) }
func (p painter) red(s string) string    { return p.paint("31", s) }
func (p painter) green(s string) string  { return p.paint("32", s) }
func (p painter) yellow(s string) string { return p.paint("33", s) }
func (p painter) blue(s string) string   { return p.paint("36", s) }

type textWriter struct {
	painter
	b     strings.Builder
	m     *masker
	width int
}

func writeText(w io.Writer, r *Report, m *masker, o Options) error {
	t := &textWriter{painter: painter(o.Colour), m: m, width: max(o.Width, minWidth)}
	if o.Width == 0 {
		t.width = 100
	}
	title := "A conversation with " + printable(r.Issuer)
	if r.Issuer == "" {
		title = "A conversation"
	}
	if r.Embedded {
		title += " (a provider inside this process, no network)"
	}
	t.line(t.bold(title))
	if r.Title != "" {
		t.line(printable(r.Title))
	}
	t.line("")
	for i, s := range r.Steps {
		t.step(i+1, s)
	}
	t.end(r)
	_, err := io.WriteString(w, t.b.String())
	return err
}

func (t *textWriter) line(s string) { t.b.WriteString(strings.TrimRight(s, " ") + "\n") }

// put writes text behind a label, further lines aligned below the first.
func (t *textWriter) put(label, text string) {
	if text == "" {
		return
	}
	pad := strings.Repeat(" ", gutter)
	for i, line := range strings.Split(text, "\n") {
		if i > 0 {
			label = ""
		}
		t.line(pad + label + strings.Repeat(" ", max(1, labelWidth-utf8.RuneCountInString(strip(label)))) + line)
	}
}

// strip removes the colours, to count what is seen.
func strip(s string) string {
	for {
		at := strings.Index(s, "\x1b[")
		if at < 0 {
			return s
		}
		end := strings.IndexByte(s[at:], 'm')
		if end < 0 {
			return s
		}
		s = s[:at] + s[at+end+1:]
	}
}

func (t *textWriter) step(n int, s *Step) {
	e := Explain(s.Service)
	head := fmt.Sprintf("%d. %s", n, s.Service)
	t.line(t.bold(head) + strings.Repeat(" ", max(2, labelWidth+gutter-utf8.RuneCountInString(head))) + t.bold(e.Title))
	if e.Section != "" {
		t.put("", t.dim(e.Section))
	}
	if e.Why != "" {
		t.put(t.dim("why"), wrap(e.Why, t.width-gutter-labelWidth))
	}
	t.line("")
	if s.Request != nil {
		t.request(s)
	}
	for i, h := range s.Hops {
		where := printable(t.m.url(withoutLongQuery(h.URL)))
		t.put(label(i == 0, t.dim("browser")), fmt.Sprintf("%s %s  %s", h.Method, where, t.dim(fmt.Sprint(h.Status))))
	}
	t.response(s)
	if s.Need != "" {
		t.put(t.yellow("first"), printable(s.Need))
	}
	t.line("")
	t.checks(s)
	t.changes(s)
	if s.Err != "" {
		t.put(t.red("refused"), wrap(printable(t.m.text(s.Err)), t.width-gutter-labelWidth))
	}
	t.line("")
}

func label(first bool, s string) string {
	if first {
		return s
	}
	return ""
}

func (t *textWriter) request(s *Step) {
	target, params := t.m.url(s.Request.URL), ""
	if at := strings.IndexByte(target, '?'); at >= 0 {
		target, params = target[:at], target[at+1:]
	}
	name := "request"
	if s.Front {
		name = "request (browser)"
	}
	t.put(t.blue(name), t.bold(s.Request.Method)+" "+printable(target))
	t.put("", pairsTable(params))
	t.header(t.m.header(s.Request.Header), nil)
	if s.Request.Body != "" {
		t.body(s.Request.Header, s.Request.Body)
	}
}

func (t *textWriter) response(s *Step) {
	if s.Response == nil {
		if !s.Front || s.Err != "" {
			t.put(t.blue("response"), t.yellow("none"))
		}
		return
	}
	status := fmt.Sprint(s.Response.Status)
	if s.Front {
		t.put(t.blue("response (browser)"), "brought to the redirect URI")
	} else {
		paint := t.green
		if s.Response.Status >= 300 {
			paint = t.red
		}
		took := ""
		if s.Took >= time.Millisecond {
			took = t.dim("  " + s.Took.Round(time.Millisecond).String())
		}
		t.put(t.blue("response"), paint(status)+" "+printable(mediaType(s.Response.Header))+took)
	}
	if location := s.Response.Header["Location"]; len(location) > 0 {
		target := t.m.url(location[0])
		at := strings.IndexAny(target, "?#")
		if at < 0 {
			at = len(target)
		}
		t.put("", printable(target[:at]))
		t.put("", pairsTable(strings.TrimLeft(target[at:], "?#")))
	}
	if s.Front && s.Response.Header["Location"] == nil || !s.Front {
		t.body(s.Response.Header, s.Response.Body)
	}
}

// pairsTable lays out form-encoded parameters, one a line, decoded.
func pairsTable(encoded string) string {
	if encoded == "" {
		return ""
	}
	type pair struct{ name, value string }
	var all []pair
	widest := 0
	for _, part := range strings.Split(encoded, "&") {
		name, value, _ := strings.Cut(part, "=")
		p := pair{decoded(name), decoded(value)}
		widest = max(widest, utf8.RuneCountInString(p.name))
		all = append(all, p)
	}
	widest = min(widest, 28)
	lines := make([]string, len(all))
	for i, p := range all {
		lines[i] = "  " + printable(p.name) + strings.Repeat(" ", max(0, widest-utf8.RuneCountInString(p.name))+2) + printable(p.value)
	}
	return strings.Join(lines, "\n")
}

func decoded(s string) string {
	if plain, err := url.QueryUnescape(s); err == nil {
		return plain
	}
	return s
}

// header shows the fields that mean something to the protocol.
func (t *textWriter) header(h map[string][]string, more []string) {
	names := make([]string, 0, len(h))
	for name := range h {
		if name != "Accept" && name != "User-Agent" || slices.Contains(more, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		for _, value := range h[name] {
			t.put("", t.dim("  "+printable(name)+": "+printable(value)))
		}
	}
}

func (t *textWriter) body(header map[string][]string, body string) {
	shown := t.m.body(header, body)
	rest := ""
	if len(shown) > maxShown {
		rest = fmt.Sprintf("… and %d bytes more", len(shown)-maxShown)
		shown = strings.ToValidUTF8(shown[:maxShown], "")
	}
	switch {
	case mediaType(header) == "application/x-www-form-urlencoded":
		shown = pairsTable(shown)
	default:
		shown = indent(wrapLong(printable(compact(shown)), t.width-gutter-labelWidth-2), "  ")
	}
	t.put("", shown)
	if rest != "" {
		t.put("", t.dim("  "+rest))
	}
}

func indent(s, by string) string {
	return by + strings.ReplaceAll(s, "\n", "\n"+by)
}

func (t *textWriter) checks(s *Step) {
	if len(s.Checks) == 0 {
		return
	}
	widest, param := 0, 0
	for _, c := range s.Checks {
		widest, param = max(widest, len(c.Rule)), max(param, min(len(c.Param), maxParam))
	}
	for i, c := range s.Checks {
		mark := map[string]string{"passed": t.green("✓"), "failed": t.red("✗"), "skipped": t.dim("·"), "warned": t.yellow("!")}[c.Verdict]
		text := mark + " " + c.Rule + strings.Repeat(" ", widest-len(c.Rule)+2) +
			printable(c.Param) + strings.Repeat(" ", max(0, param-len(c.Param))+2) + t.dim(c.Spec)
		if c.Reason != "" {
			text += t.dim(" — ") + printable(t.m.text(c.Reason))
		}
		t.put(label(i == 0, t.blue("checks")), text)
	}
}

func (t *textWriter) changes(s *Step) {
	for i, c := range s.Context {
		text := c.Name
		if c.Value != "" {
			text += " = " + printable(t.m.text(c.Value))
		}
		t.put(label(i == 0, t.blue("context")), text)
	}
	for i, name := range s.Record {
		text := name
		if what := items[name]; what != "" {
			text += strings.Repeat(" ", max(1, labelWidth-len(name))) + t.dim(what)
		}
		t.put(label(i == 0, t.blue("state record")), text)
	}
}

func (t *textWriter) end(r *Report) {
	if r.Problem != nil {
		t.line(t.red(t.bold("Failed: ")) + r.Problem.Kind + label(r.FailedStep != "", " at "+r.FailedStep))
		t.put(t.dim("error"), wrap(printable(t.m.text(r.Problem.Message)), t.width-gutter-labelWidth))
		if r.Problem.Rule != "" {
			t.put(t.dim("rule"), r.Problem.Rule+"  "+t.dim(r.Problem.Spec))
		}
		if r.Problem.Hint != "" {
			t.put(t.dim("what to do"), wrap(printable(r.Problem.Hint), t.width-gutter-labelWidth))
		}
		t.line("")
	} else if r.Expected != nil {
		t.line(t.green(t.bold("Refused, as the script expects")) + label(r.ExpectedStep != "", " at "+r.ExpectedStep))
		t.put(t.dim("error"), wrap(printable(t.m.text(r.Expected.Message)), t.width-gutter-labelWidth))
	} else {
		t.line(t.green(t.bold("Done.")))
	}
	if len(r.IDToken) > 0 {
		t.put(t.blue("id_token"), wrapLong(printable(compact(string(r.IDToken))), t.width-gutter-labelWidth))
	}
	if len(r.UserInfo) > 0 {
		t.put(t.blue("userinfo"), wrapLong(printable(compact(string(r.UserInfo))), t.width-gutter-labelWidth))
	}
	for i, state := range r.States {
		t.put(label(i == 0, t.blue("state")), printable(state))
	}
	if len(r.StateRecord) > 0 {
		t.put(t.blue("state record"), strings.Join(r.StateRecord, " "))
	}
}

// printable replaces what could move the cursor or colour the terminal: the text
// came from a peer.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return r
		case r == '\t':
			return ' '
		case r == utf8.RuneError || unicode.IsControl(r) || unicode.Is(unicode.Cf, r):
			return '�'
		}
		return r
	}, s)
}

// wrap breaks text at spaces.
func wrap(text string, width int) string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width {
			lines = append(lines, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return strings.Join(append(lines, line), "\n")
}

// wrapLong breaks the arrays of laid-out JSON behind a comma, and keeps their
// indentation. A value is never broken: somebody may want to copy it.
func wrapLong(text string, width int) string {
	var out []string
	for _, line := range strings.Split(text, "\n") {
		lead := line[:len(line)-len(strings.TrimLeft(line, " "))] + "    "
		for utf8.RuneCountInString(line) > width {
			runes := []rune(line)
			at := strings.LastIndex(string(runes[:width]), ", ")
			if at <= len(lead) {
				break
			}
			out = append(out, line[:at+1])
			line = lead + strings.TrimLeft(line[at+1:], " ")
		}
		out = append(out, line)
	}
	return strings.Join(out, "\n")
}

func withoutLongQuery(target string) string {
	if at := strings.IndexByte(target, '?'); at >= 0 {
		return target[:at] + "?…"
	}
	return target
}
