package report

import (
	"io"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// HTTP Archive 1.2, as browsers' developer tools read it.
type (
	har struct {
		Log harLog `json:"log"`
	}
	harLog struct {
		Version string     `json:"version"`
		Creator harCreator `json:"creator"`
		Entries []harEntry `json:"entries"`
		Comment string     `json:"comment"`
	}
	harCreator struct {
		Name    string `json:"name"`
		Version string `json:"version"`
	}
	harEntry struct {
		Started  string      `json:"startedDateTime"`
		Time     float64     `json:"time"`
		Request  harRequest  `json:"request"`
		Response harResponse `json:"response"`
		Cache    struct{}    `json:"cache"`
		Timings  harTimings  `json:"timings"`
		Comment  string      `json:"comment"`
	}
	harTimings struct {
		Send    float64 `json:"send"`
		Wait    float64 `json:"wait"`
		Receive float64 `json:"receive"`
	}
	harPair struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	}
	harRequest struct {
		Method      string    `json:"method"`
		URL         string    `json:"url"`
		HTTPVersion string    `json:"httpVersion"`
		Cookies     []harPair `json:"cookies"`
		Headers     []harPair `json:"headers"`
		QueryString []harPair `json:"queryString"`
		PostData    *harPost  `json:"postData,omitempty"`
		HeadersSize int       `json:"headersSize"`
		BodySize    int       `json:"bodySize"`
	}
	harPost struct {
		MimeType string    `json:"mimeType"`
		Params   []harPair `json:"params"`
		Text     string    `json:"text"`
	}
	harResponse struct {
		Status      int        `json:"status"`
		StatusText  string     `json:"statusText"`
		HTTPVersion string     `json:"httpVersion"`
		Cookies     []harPair  `json:"cookies"`
		Headers     []harPair  `json:"headers"`
		Content     harContent `json:"content"`
		RedirectURL string     `json:"redirectURL"`
		HeadersSize int        `json:"headersSize"`
		BodySize    int        `json:"bodySize"`
	}
	harContent struct {
		Size     int    `json:"size"`
		MimeType string `json:"mimeType"`
		Text     string `json:"text"`
	}
)

func writeHAR(w io.Writer, r *Report, m *masker) error {
	log := harLog{Version: "1.2", Creator: harCreator{Name: "oidc", Version: "1"}, Entries: []harEntry{}, Comment: r.Outcome()}
	if r.Problem != nil {
		log.Comment += ": " + m.text(r.Problem.Message)
	}
	for _, s := range r.Steps {
		if s.Front {
			for _, h := range s.Hops {
				log.Entries = append(log.Entries, harHop(s, h, m))
			}
			if len(s.Hops) > 0 {
				continue
			}
		}
		if s.Request != nil {
			log.Entries = append(log.Entries, harStep(s, m))
		}
	}
	return encode(w, har{log})
}

func harHop(s *Step, h Hop, m *masker) harEntry {
	return entry(s.Service+" (browser)", h.Started, h.Took,
		harMessage(m, &Request{Method: h.Method, URL: h.URL}),
		harAnswer(m, &Response{Status: h.Status, Header: h.Header}))
}

func harStep(s *Step, m *masker) harEntry {
	return entry(s.Service, s.Started, s.Took, harMessage(m, s.Request), harAnswer(m, s.Response))
}

func entry(comment string, started time.Time, took time.Duration, q harRequest, a harResponse) harEntry {
	ms := float64(took.Microseconds()) / 1000
	return harEntry{
		Started: started.UTC().Format("2006-01-02T15:04:05.000Z"), Time: ms, Request: q, Response: a,
		Timings: harTimings{Wait: ms}, Comment: comment,
	}
}

func harMessage(m *masker, q *Request) harRequest {
	target := m.url(q.URL)
	out := harRequest{
		Method: q.Method, URL: target, HTTPVersion: "HTTP/1.1", Cookies: []harPair{},
		Headers: harHeaders(m.header(q.Header)), QueryString: []harPair{}, HeadersSize: -1, BodySize: len(q.Body),
	}
	if u, err := url.Parse(target); err == nil {
		out.QueryString = harPairs(u.RawQuery)
	}
	if q.Body != "" {
		body := m.body(q.Header, q.Body)
		post := &harPost{MimeType: mediaType(q.Header), Params: []harPair{}, Text: body}
		if post.MimeType == "application/x-www-form-urlencoded" {
			post.Params = harPairs(body)
		}
		out.PostData = post
	}
	return out
}

func harAnswer(m *masker, a *Response) harResponse {
	out := harResponse{HTTPVersion: "HTTP/1.1", Cookies: []harPair{}, Headers: []harPair{}, HeadersSize: -1, BodySize: -1}
	if a == nil {
		return out
	}
	header := m.header(a.Header)
	out.Status, out.StatusText, out.Headers = a.Status, http.StatusText(a.Status), harHeaders(header)
	body := m.body(a.Header, a.Body)
	out.Content = harContent{Size: len(body), MimeType: mediaType(a.Header), Text: body}
	out.BodySize = len(a.Body)
	if location := header["Location"]; len(location) > 0 {
		out.RedirectURL = location[0]
	}
	return out
}

func harHeaders(h map[string][]string) []harPair {
	all := []harPair{}
	for name, values := range h {
		for _, value := range values {
			all = append(all, harPair{name, value})
		}
	}
	slices.SortFunc(all, func(a, b harPair) int {
		if a.Name < b.Name {
			return -1
		}
		if a.Name > b.Name {
			return 1
		}
		return 0
	})
	return all
}

func harPairs(encoded string) []harPair {
	all := []harPair{}
	values, _ := url.ParseQuery(encoded)
	names := make([]string, 0, len(values))
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		for _, value := range values[name] {
			all = append(all, harPair{name, value})
		}
	}
	return all
}
