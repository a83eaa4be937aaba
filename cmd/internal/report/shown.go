package report

import "encoding/json"

// Shown returns a copy of r as people may see it: without its secrets, unless they ask.
func Shown(r *Report, showSecrets bool) *Report {
	m := newMasker(r, showSecrets)
	out := *r
	out.Steps = make([]*Step, len(r.Steps))
	for i, s := range r.Steps {
		out.Steps[i] = m.step(s)
	}
	out.IDToken, out.UserInfo = m.claims(r.IDToken), m.claims(r.UserInfo)
	return &out
}

// claims masks what verified claims hold beside claims: the access token of a source of
// distributed claims (OpenID Connect Core 1.0, Section 5.6.2).
func (m *masker) claims(verified json.RawMessage) json.RawMessage {
	if m.show || len(verified) == 0 {
		return verified
	}
	masked := m.body(nil, string(verified))
	if !json.Valid([]byte(masked)) {
		masked = `"` + Masked + `"`
	}
	return json.RawMessage(masked)
}

// object masks what a request object says. Its claims name tokens, and hold none.
func (m *masker) object(said json.RawMessage) json.RawMessage {
	var members map[string]json.RawMessage
	if m.show || json.Unmarshal(said, &members) != nil {
		return said
	}
	asked := members["claims"]
	delete(members, "claims")
	rest, err := json.Marshal(members)
	if err == nil {
		err = json.Unmarshal([]byte(m.body(nil, string(rest))), &members)
	}
	if err == nil && asked != nil {
		members["claims"] = json.RawMessage(m.text(string(asked)))
		if !json.Valid(members["claims"]) {
			members["claims"] = json.RawMessage(`"` + Masked + `"`)
		}
	}
	out, err := json.Marshal(members)
	if err != nil {
		return json.RawMessage(`"` + Masked + `"`)
	}
	return out
}

func (m *masker) step(s *Step) *Step {
	out := *s
	if s.Request != nil {
		out.Request = m.request(s.Request)
	}
	if s.Response != nil {
		out.Response = &Response{Status: s.Response.Status, Header: m.header(s.Response.Header), Body: m.body(s.Response.Header, s.Response.Body)}
	}
	out.Checks = make([]Check, len(s.Checks))
	for i, c := range s.Checks {
		c.Reason = m.text(c.Reason)
		out.Checks[i] = c
	}
	out.Context = make([]Change, len(s.Context))
	for i, c := range s.Context {
		out.Context[i] = Change{c.Name, m.text(c.Value)}
	}
	out.Object = m.object(s.Object)
	out.Err = m.text(s.Err)
	return &out
}

func (m *masker) request(r *Request) *Request {
	return &Request{Method: r.Method, URL: m.url(r.URL), Header: m.header(r.Header), Body: m.body(r.Header, r.Body)}
}
