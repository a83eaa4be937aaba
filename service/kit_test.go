package service_test

import (
	"context"
	"errors"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/service"
	"github.com/oidcservice/oidc/servicecontext"
	"github.com/oidcservice/oidc/state"
)

// A kit is what one step needs: a context, a store that counts, a clock.
type kit struct {
	t     *testing.T
	sc    *servicecontext.ServiceContext
	db    *state.DB
	store *counting
	now   time.Time
}

func newKit(t *testing.T, c servicecontext.Config) *kit {
	t.Helper()
	k := &kit{t: t, now: testNow}
	clock := func() time.Time { return k.now }
	c.Now, c.Rand = clock, new(stream)
	sc, err := servicecontext.New(c)
	if err != nil {
		t.Fatal(err)
	}
	k.sc = sc
	k.store = &counting{Store: &state.Memory{Now: clock}}
	k.db = &state.DB{Store: k.store}
	return k
}

func (k *kit) env() service.Env { return service.Env{Context: k.sc, DB: k.db} }

// learn puts facts into the context that another step would have learnt.
func (k *kit) learn(change func(*servicecontext.Snapshot)) {
	k.t.Helper()
	if err := k.sc.Update(func(sn *servicecontext.Snapshot) error { change(sn); return nil }); err != nil {
		k.t.Fatal(err)
	}
}

func (k *kit) request(svc service.Service, args service.Args) *service.Request {
	k.t.Helper()
	req, err := svc.GetRequestParameters(context.Background(), args)
	if err != nil {
		k.t.Fatal(err)
	}
	return req
}

// parse judges an answer twice: both verdicts are equal, and nothing has changed.
func (k *kit) parse(svc service.Service, resp *service.Response) (*service.Result, error) {
	k.t.Helper()
	before, writes := k.sc.Snapshot(), k.store.writes.Load()
	first, err := svc.ParseResponse(context.Background(), resp)
	second, again := svc.ParseResponse(context.Background(), resp)
	if k.sc.Snapshot() != before || k.store.writes.Load() != writes {
		k.t.Errorf("%s: ParseResponse changed something", svc.Name())
	}
	if err != nil {
		if first != nil || again == nil || again.Error() != err.Error() {
			k.t.Errorf("%s: first %v, then %v", svc.Name(), err, again)
		}
		return nil, err
	}
	if again != nil || !reflect.DeepEqual(first.Message, second.Message) || !reflect.DeepEqual(first.Checks, second.Checks) {
		k.t.Errorf("%s: two verdicts differ: %v", svc.Name(), again)
	}
	return first, nil
}

func jsonHeader() map[string][]string {
	return map[string][]string{"Content-Type": {"application/json"}}
}

// answer is a request, a JSON answer to it and the verdict.
func (k *kit) answer(svc service.Service, args service.Args, status int, body string) (*service.Result, error) {
	k.t.Helper()
	return k.parse(svc, k.request(svc, args).Answer(status, jsonHeader(), []byte(body)))
}

// commit is answer, accepted and committed.
func (k *kit) commit(svc service.Service, args service.Args, status int, body string) *service.Result {
	k.t.Helper()
	res, err := k.answer(svc, args, status, body)
	if err != nil {
		k.t.Fatal(err)
	}
	if err := svc.UpdateServiceContext(context.Background(), res); err != nil {
		k.t.Fatal(err)
	}
	return res
}

// wantRule demands that err is a violation of rule, the outermost one.
func wantRule(t *testing.T, err error, rule message.Rule) {
	t.Helper()
	var v *message.Violation
	if !errors.As(err, &v) || v.Rule != rule {
		t.Fatalf("got %v, want %s", err, rule)
	}
	checks := service.ChecksOf(err)
	if len(checks) == 0 || checks[len(checks)-1].Verdict != service.Failed || checks[len(checks)-1].Rule != rule {
		t.Errorf("the last check is not the failed %s: %v", rule, checks)
	}
}

// verdict returns what became of a rule in a list of checks, the worst if there are
// several.
func verdict(checks []service.Check, rule message.Rule) service.Verdict {
	var worst service.Verdict
	for _, c := range checks {
		if c.Rule == rule && c.Verdict > worst {
			worst = c.Verdict
		}
	}
	return worst
}

// sameURL compares two URLs with their queries as sets.
func sameURL(t *testing.T, got, want string) {
	t.Helper()
	g, err := url.Parse(got)
	if err != nil {
		t.Fatal(err)
	}
	w, err := url.Parse(want)
	if err != nil {
		t.Fatal(err)
	}
	gq, wq := g.Query(), w.Query()
	g.RawQuery, w.RawQuery = "", ""
	if g.String() != w.String() || !reflect.DeepEqual(gq, wq) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func hasText(err error, text string) bool { return err != nil && strings.Contains(err.Error(), text) }
