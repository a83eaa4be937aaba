package report

import (
	"encoding/json"
	"io"
	"slices"
	"strings"
)

// The members of the object that --output json prints. Their order, names and types
// are a contract with scripts.
type jsonReport struct {
	Outcome     string          `json:"outcome"`
	FailedStep  string          `json:"failed_step,omitempty"`
	Error       *Problem        `json:"error,omitempty"`
	Issuer      string          `json:"issuer"`
	ClientID    string          `json:"client_id"`
	Steps       []jsonStep      `json:"steps"`
	States      []string        `json:"states"`
	StateRecord []string        `json:"state_record"`
	IDToken     json.RawMessage `json:"id_token,omitempty"`
	UserInfo    json.RawMessage `json:"userinfo,omitempty"`
	Provider    json.RawMessage `json:"provider_metadata,omitempty"`
	Expected    *Problem        `json:"expected,omitempty"`
}

type jsonStep struct {
	Service  string        `json:"service"`
	Request  jsonRequest   `json:"request"`
	Response *jsonResponse `json:"response"`
	Checks   []jsonCheck   `json:"checks"`
	Changed  []string      `json:"changed"`
}

type jsonRequest struct {
	Method string              `json:"method"`
	URL    string              `json:"url"`
	Header map[string][]string `json:"header"`
	Body   string              `json:"body"`
}

type jsonResponse struct {
	Status int                 `json:"status"`
	Header map[string][]string `json:"header"`
	Body   string              `json:"body"`
}

type jsonCheck struct {
	Rule    string `json:"rule"`
	Spec    string `json:"spec"`
	Verdict string `json:"verdict"`
	Param   string `json:"param"`
	Reason  string `json:"reason"`
}

func writeJSON(w io.Writer, r *Report, m *masker) error {
	out := jsonReport{
		Outcome: r.Outcome(), FailedStep: r.FailedStep, Issuer: r.Issuer, ClientID: r.ClientID,
		Steps: []jsonStep{}, States: orEmpty(r.States), StateRecord: orEmpty(r.StateRecord),
		IDToken: r.IDToken, UserInfo: r.UserInfo, Provider: r.Provider,
	}
	if r.Problem != nil {
		out.Error = r.Problem.masked(m)
	}
	if r.Expected != nil {
		out.Expected = r.Expected.masked(m)
	}
	for _, s := range r.Steps {
		if s.Request == nil {
			continue // it never happened: the request could not be built
		}
		js := jsonStep{Service: s.Service, Checks: []jsonCheck{}, Changed: s.Changed()}
		js.Request = jsonRequest{
			Method: s.Request.Method, URL: m.url(s.Request.URL), Header: m.header(s.Request.Header),
			Body: m.body(s.Request.Header, s.Request.Body),
		}
		if s.Response != nil {
			js.Response = &jsonResponse{
				Status: s.Response.Status, Header: m.header(s.Response.Header),
				Body: m.body(s.Response.Header, s.Response.Body),
			}
		}
		for _, c := range s.Checks {
			js.Checks = append(js.Checks, jsonCheck{Rule: c.Rule, Spec: c.Spec, Verdict: c.Verdict, Param: c.Param, Reason: m.text(c.Reason)})
		}
		out.Steps = append(out.Steps, js)
	}
	return encode(w, out)
}

func (p *Problem) masked(m *masker) *Problem {
	copied := *p
	copied.Message = m.text(p.Message)
	return &copied
}

func encode(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// Changed lists what changed in the service context, then in the state record.
func (s *Step) Changed() []string {
	names := []string{}
	for _, c := range s.Context {
		name, _, _ := strings.Cut(c.Name, ".")
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return append(names, s.Record...)
}

func orEmpty(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

// compact writes JSON so that a person can read it: objects one member a line,
// arrays of scalars in one line. Text that is not JSON comes back as it is.
func compact(text string) string {
	if !json.Valid([]byte(text)) {
		return text
	}
	var b strings.Builder
	layout(&b, strings.TrimSpace(text), "")
	return b.String()
}

func layout(b *strings.Builder, text, indent string) {
	const deepest = 64 // characters of indentation; what is nested deeper is hostile
	members, open, end := split(text)
	if members == nil || len(indent) > deepest {
		b.WriteString(text)
		return
	}
	if len(members) == 0 {
		b.WriteString(string(open) + string(end))
		return
	}
	if open == '[' && !strings.ContainsAny(text[1:], "[{") {
		b.WriteString("[" + strings.Join(members, ", ") + "]")
		return
	}
	b.WriteByte(open)
	inner := indent + "  "
	for i, member := range members {
		b.WriteString("\n" + inner)
		if open == '{' {
			at := stringEnd(member, 0)
			b.WriteString(member[:at] + ": ")
			member = strings.TrimSpace(member[skipSpace(member, at)+1:])
		}
		layout(b, member, inner)
		if i < len(members)-1 {
			b.WriteByte(',')
		}
	}
	b.WriteString("\n" + indent + string(end))
}

// split cuts an object or array into its members; nil for a scalar.
func split(text string) (members []string, open, end byte) {
	if text == "" || text[0] != '{' && text[0] != '[' {
		return nil, 0, 0
	}
	open, end = text[0], text[len(text)-1]
	members = []string{}
	depth, start := 0, 1
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			i = stringEnd(text, i) - 1
		case '{', '[':
			depth++
		case '}', ']':
			depth--
			if depth == 0 {
				if member := strings.TrimSpace(text[start:i]); member != "" {
					members = append(members, member)
				}
			}
		case ',':
			if depth == 1 {
				members = append(members, strings.TrimSpace(text[start:i]))
				start = i + 1
			}
		}
	}
	return members, open, end
}
