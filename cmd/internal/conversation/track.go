package conversation

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"time"

	"github.com/oidcservice/oidc/cmd/internal/report"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/service"
	"github.com/oidcservice/oidc/servicecontext"
	"github.com/oidcservice/oidc/state"
)

// A tracker watches a conversation and writes the report. It is used by one
// goroutine.
type tracker struct {
	report  *report.Report
	context *servicecontext.ServiceContext
	db      *state.DB
	began   func() time.Time // the wall clock, for durations

	steps    map[*service.Request]*report.Step
	open     *report.Step // answered, not concluded
	front    *report.Step // the latest front-channel step
	building bool         // the latest failure happened while a request was built
	known    *servicecontext.Snapshot
	items    map[string][]string // what the record of each state held
	narrate  func(*report.Step)
}

func newTracker(r *report.Report, sc *servicecontext.ServiceContext, db *state.DB) *tracker {
	return &tracker{
		report: r, context: sc, db: db, began: time.Now, steps: map[*service.Request]*report.Step{},
		known: sc.Snapshot(), items: map[string][]string{}, narrate: func(*report.Step) {},
	}
}

// wrap notes what is sent and what comes back.
func (t *tracker) wrap(send service.SendFunc) service.SendFunc {
	return func(ctx context.Context, r *service.Request) (*service.Response, error) {
		step := t.begin(r)
		t.narrate(step)
		resp, err := send(ctx, r)
		step.Took = t.began().Sub(step.Started)
		if err != nil {
			step.Err = err.Error()
			return nil, err
		}
		if !step.Front {
			step.Response = &report.Response{Status: resp.Status, Header: resp.Header, Body: string(resp.Body)}
		}
		t.open = step
		return resp, nil
	}
}

func (t *tracker) begin(r *service.Request) *report.Step {
	step := &report.Step{
		Service: r.Service, State: r.State, Front: r.Channel == service.FrontChannel, Started: t.began(),
		Request: &report.Request{Method: r.Method, URL: r.URL, Header: r.Header, Body: string(r.Body)},
	}
	if t.open != nil {
		t.open.Need = "it cannot be judged yet: " + r.Service + " comes first, in the next step"
		if t.open.Service == r.Service {
			t.open.Need = "the request has to be made again, in the next step"
		}
		t.open = nil
	}
	t.report.Steps = append(t.report.Steps, step)
	t.steps[r] = step
	if step.Front {
		t.front = step
		if r.State != "" && r.Service == service.AuthorizationName && !slices.Contains(t.report.States, r.State) {
			t.report.States = append(t.report.States, r.State)
		}
	}
	return step
}

// observe is a service.Runner's Observe.
func (t *tracker) observe(e service.Exchange) {
	step := t.steps[e.Request]
	if e.Request == nil {
		step = t.front
		if step == nil || step.Service != e.Service || e.Response == nil {
			// The request was never built. A hop that a peer asked for is not our doing.
			t.building = !slices.ContainsFunc(t.report.Steps, func(s *report.Step) bool { return s.Service == e.Service && s.Request != nil && s.State == "" })
			step = &report.Step{Service: e.Service, Started: t.began()}
			t.report.Steps = append(t.report.Steps, step)
		}
	}
	if step == nil {
		return
	}
	if step == t.open {
		t.open = nil
	}
	var need *service.NeedError
	if errors.As(e.Err, &need) && need.Resend {
		// No verdict: the next step is the same request made again.
		step.Checks = checksOf(service.ChecksOf(e.Err))
		step.Need = "the request has to be made again, in the next step"
	} else if e.Err != nil {
		step.Err = e.Err.Error()
		step.Checks = checksOf(service.ChecksOf(e.Err))
	}
	if e.Result != nil {
		step.Checks = checksOf(e.Result.Checks)
		step.State = e.Result.State
		t.learn(e)
	}
	t.changes(step)
}

func checksOf(checks []service.Check) []report.Check {
	out := make([]report.Check, len(checks))
	for i, c := range checks {
		out[i] = report.Check{
			Rule: string(c.Rule), Spec: c.Rule.Spec(), Text: c.Rule.Text(),
			Verdict: c.Verdict.String(), Param: c.Param, Reason: c.Reason,
		}
	}
	return out
}

// learn keeps the verified claims.
func (t *tracker) learn(e service.Exchange) {
	if e.Result.IDToken != nil {
		// As they were signed, if the record has them.
		if r, err := t.db.Session(context.Background(), e.Result.State); err == nil && r.Kept(state.KeptIDTokenClaims) != "" {
			t.report.IDToken = json.RawMessage(r.Kept(state.KeptIDTokenClaims))
		} else if claims, err := message.EncodeJSON(e.Result.IDToken); err == nil {
			t.report.IDToken = claims
		}
	}
	if m := service.MessageOf[message.UserInfoResponse](e.Result); m != nil {
		if claims, err := message.EncodeJSON(m); err == nil {
			t.report.UserInfo = claims
		}
	}
}

// changes compares context and record with what they were.
func (t *tracker) changes(step *report.Step) {
	now := t.context.Snapshot()
	step.Context = append(step.Context, compare(t.known, now)...)
	t.known = now
	t.report.Issuer, t.report.ClientID = now.Issuer, now.ClientID()
	if step.State == "" {
		return
	}
	items := t.record(step.State)
	for _, name := range items {
		if !slices.Contains(t.items[step.State], name) {
			step.Record = append(step.Record, name)
		}
	}
	t.items[step.State] = items
	if len(items) > 0 {
		t.report.StateRecord = items
	}
}

// record lists the items of a login in whichever life it is.
func (t *tracker) record(name string) []string {
	ctx := context.Background()
	r, err := t.db.Session(ctx, name)
	if err != nil {
		if r, err = t.db.Pending(ctx, name); err != nil {
			return nil
		}
	}
	return r.Items()
}

// Changes lists the members of the service context that changed, for those who watch a
// conversation in another way.
func Changes(was, now *servicecontext.Snapshot) []report.Change { return compare(was, now) }

// compare lists the members of the service context that changed, in the order in
// which a conversation fills them.
func compare(was, now *servicecontext.Snapshot) []report.Change {
	var all []report.Change
	add := func(name, value string) { all = append(all, report.Change{Name: name, Value: value}) }
	if was.Issuer != now.Issuer {
		add("issuer", now.Issuer)
	}
	if !reflect.DeepEqual(was.Provider, now.Provider) && now.Provider != nil {
		add("provider_info", "")
		for _, name := range []string{"registration", "authorization", "accesstoken", "userinfo", "jwks", "end_session"} {
			if endpoint := now.Endpoint(name); endpoint != "" && endpoint != was.Endpoint(name) {
				add("endpoints."+name, endpoint)
			}
		}
	}
	if was.Client == nil && now.Client != nil || was.Client != nil && now.Client != nil && was.ClientID() != now.ClientID() {
		add("registration_response", "")
		add("client_id", now.ClientID())
		if now.ClientSecret() != "" {
			add("client_secret", report.Masked)
		}
		if expires := now.SecretExpiresAt(); !expires.IsZero() {
			add("client_secret_expires_at", expires.UTC().Format(time.RFC3339))
		}
		if now.Client.RegistrationAccessToken != "" {
			add("registration_access_token", report.Masked)
		}
	}
	if !reflect.DeepEqual(was.Behaviour, now.Behaviour) {
		value, _ := json.Marshal(now.Behaviour)
		add("behaviour", string(value))
	}
	if was.ProviderKeys() != now.ProviderKeys() {
		add("jwks", "")
	}
	if !reflect.DeepEqual(was.DPoPNonces, now.DPoPNonces) && len(now.DPoPNonces) > 0 {
		add("dpop_nonces", "")
	}
	return all
}
