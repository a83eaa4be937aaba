package conversation

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"

	"github.com/oidcservice/oidc/cmd/internal/report"
)

// judge compares the report with what the script expects. A refusal that was
// expected and came is a success.
func judge(script *Script, r *report.Report) {
	if r.Problem != nil && (errors.Is(r.Problem.Cause, ErrSettings) || errors.Is(r.Problem.Cause, errScript)) {
		return
	}
	faults := stepFaults(script, r)
	want := script.Expect
	if want.Outcome == "" {
		want.Outcome = report.OK
	}
	differ := func(what, got, want string) {
		if want != "" && got != want {
			faults = append(faults, fmt.Sprintf("%s: got %q, want %q", what, got, want))
		}
	}
	differ("outcome", r.Outcome(), want.Outcome)
	differ("failed_step", r.FailedStep, want.FailedStep)
	if r.Problem != nil {
		differ("rule", r.Problem.Rule, want.Rule)
		differ("code", r.Problem.Code, want.Code)
	}
	if want.StateRecord != nil && !slices.Equal(r.StateRecord, want.StateRecord) {
		faults = append(faults, fmt.Sprintf("state_record: got %v, want %v", r.StateRecord, want.StateRecord))
	}
	faults = append(faults, members("id_token", string(r.IDToken), want.IDToken)...)
	faults = append(faults, members("userinfo", string(r.UserInfo), want.UserInfo)...)
	switch {
	case len(faults) > 0:
		text := strings.Join(faults, "; ")
		if r.Problem != nil && want.Outcome == report.OK {
			text += " (" + r.Problem.Message + ")"
		}
		r.Problem = &report.Problem{Kind: report.Violation, Param: "expect", Message: "the script expected something else: " + text}
	case r.Problem != nil:
		r.Expected, r.ExpectedStep = r.Problem, r.FailedStep
		r.Problem, r.FailedStep = nil, ""
	}
}

func stepFaults(script *Script, r *report.Report) []string {
	var faults []string
	var happened []*report.Step
	for _, s := range r.Steps {
		if s.Request != nil {
			happened = append(happened, s)
		}
	}
	for i, want := range script.Steps {
		where := fmt.Sprintf("step %d (%s)", i+1, want.Service)
		if i >= len(happened) {
			faults = append(faults, where+": it did not happen")
			r.FailedStep = want.Service
			break
		}
		got := happened[i]
		if got.Service != want.Service {
			faults = append(faults, where+": "+got.Service+" happened instead")
			r.FailedStep = want.Service
			break
		}
		before := len(faults)
		if want.Request != nil {
			faults = append(faults, want.Request.compare(where, got.Request)...)
		}
		if want.Expect != nil {
			faults = append(faults, want.Expect.compare(where, got)...)
		}
		if len(faults) > before && r.FailedStep == "" {
			r.FailedStep = want.Service
		}
	}
	if len(script.Steps) > 0 && len(happened) > len(script.Steps) {
		faults = append(faults, "then "+happened[len(script.Steps)].Service+" happened, which the script does not name")
	}
	return faults
}

func (q *ScriptRequest) compare(where string, got *report.Request) []string {
	var faults []string
	differ := func(what, got, want string) {
		if got != want {
			faults = append(faults, fmt.Sprintf("%s: request %s: got %q, want %q", where, what, got, want))
		}
	}
	if q.Method != "" {
		differ("method", got.Method, q.Method)
	}
	if q.URL != "" {
		gotBase, gotQuery, _ := strings.Cut(got.URL, "?")
		wantBase, wantQuery, _ := strings.Cut(q.URL, "?")
		differ("url", gotBase, wantBase)
		q.compareSets("parameter", gotQuery, wantQuery, differ)
	}
	for _, name := range slices.Sorted(maps.Keys(q.Header)) {
		differ("header "+name, strings.Join(got.Header[http.CanonicalHeaderKey(name)], ", "), q.Header[name])
	}
	if q.Body == "" {
		return faults
	}
	var g, w any
	if json.Unmarshal([]byte(q.Body), &w) == nil {
		if json.Unmarshal([]byte(got.Body), &g) != nil || !reflect.DeepEqual(g, w) {
			differ("body", got.Body, strings.TrimSpace(q.Body))
		}
		return faults
	}
	q.compareSets("body parameter", got.Body, strings.TrimSpace(q.Body), differ)
	return faults
}

func (q *ScriptRequest) compareSets(what, got, want string, differ func(what, got, want string)) {
	g, errGot := url.ParseQuery(got)
	w, errWant := url.ParseQuery(want)
	if errGot != nil || errWant != nil {
		differ(what+"s", got, want)
		return
	}
	names := slices.Collect(maps.Keys(g))
	for name := range w {
		if !g.Has(name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		if !slices.Contains(q.Ignore, name) {
			differ(what+" "+name, strings.Join(g[name], ", "), strings.Join(w[name], ", "))
		}
	}
}

func (e *ScriptStepEnd) compare(where string, got *report.Step) []string {
	var faults []string
	if e.Status != 0 && (got.Response == nil || got.Response.Status != e.Status) {
		status := 0
		if got.Response != nil {
			status = got.Response.Status
		}
		faults = append(faults, fmt.Sprintf("%s: status: got %d, want %d", where, status, e.Status))
	}
	if e.Body != "" {
		body := ""
		if got.Response != nil {
			body = got.Response.Body
		}
		faults = append(faults, members(where+": answer", body, e.Body)...)
	}
	if e.Changed != nil && !slices.Equal(got.Changed(), e.Changed) {
		faults = append(faults, fmt.Sprintf("%s: changed: got %v, want %v", where, got.Changed(), e.Changed))
	}
	for _, rule := range slices.Sorted(maps.Keys(e.Checks)) {
		verdict := "not evaluated"
		for _, c := range got.Checks {
			if c.Rule == rule && verdict != "failed" {
				verdict = c.Verdict
			}
		}
		if verdict != e.Checks[rule] {
			faults = append(faults, fmt.Sprintf("%s: check %s: got %s, want %s", where, rule, verdict, e.Checks[rule]))
		}
	}
	return faults
}

// members says which members of want got lacks or has with another value.
func members(where, got, want string) []string {
	if want == "" {
		return nil
	}
	var g, w map[string]any
	if err := json.Unmarshal([]byte(want), &w); err != nil {
		return []string{where + ": the expectation is no JSON object"}
	}
	if err := json.Unmarshal([]byte(got), &g); err != nil {
		return []string{where + ": there is none"}
	}
	var faults []string
	for _, name := range slices.Sorted(maps.Keys(w)) {
		if !reflect.DeepEqual(g[name], w[name]) {
			faults = append(faults, fmt.Sprintf("%s: %s: got %v, want %v", where, name, g[name], w[name]))
		}
	}
	return faults
}
