package service_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/service"
	"github.com/oidcservice/oidc/state"
)

func declares(code string) answer {
	body := `{"error":"` + code + `"}`
	return answer{Status: 400, Body: &body}
}

// pollFlows are the two conversations that poll, and the step that does.
var pollFlows = []struct {
	flow, begin, poll string
	stop              message.Rule
}{
	{"device", service.DeviceAuthorizationName, service.DeviceTokenName, message.RuleDeviceStop},
	{"ciba", service.BackchannelAuthenticationName, service.CIBATokenName, message.RuleCIBAStop},
}

// TestDeviceAndCibaInVirtualTime: pending, slow_down, timeout, a busy provider, expiry
// and denial, without a second passing.
func TestDeviceAndCibaInVirtualTime(t *testing.T) {
	began := time.Now()
	pending, slow, lost := declares("authorization_pending"), declares("slow_down"), answer{Lost: true}
	busy := answer{Status: 503, Header: map[string]string{"Retry-After": "20"}}
	for _, f := range pollFlows {
		for _, test := range []struct {
			name  string
			ack   map[string]any
			polls []answer
			waits string // in seconds
			code  message.ErrorCode
			stop  bool
		}{
			{name: "at once", waits: "5"},
			{name: "pending", polls: []answer{pending, pending}, waits: "5 5 5"},
			{name: "no interval", ack: map[string]any{"interval": nil}, polls: []answer{pending}, waits: "5 5"},
			{name: "an interval of its own", ack: map[string]any{"interval": 2}, polls: []answer{pending}, waits: "2 2"},
			{name: "slow_down is for good", polls: []answer{slow, pending, slow, pending}, waits: "5 10 10 15 15"},
			{name: "timeouts double", polls: []answer{lost, lost, pending, slow}, waits: "5 10 20 20 25"},
			{name: "busy", polls: []answer{busy, pending}, waits: "5 20 5"},
			{name: "denied", polls: []answer{pending, declares("access_denied")}, waits: "5 5", code: message.AccessDenied},
			{name: "expired there", polls: []answer{declares("expired_token")}, waits: "5", code: message.ExpiredToken},
			{name: "another error", polls: []answer{declares("invalid_request")}, waits: "5", code: message.InvalidRequest},
			{name: "expired here", ack: map[string]any{"expires_in": 21, "interval": 10}, polls: []answer{pending, pending, pending}, waits: "10 10", stop: true},
		} {
			t.Run(f.flow+"/"+test.name, func(t *testing.T) {
				ack := map[string]any{"interval": 5, "expires_in": 600}
				patch(ack, test.ack)
				if _, there := test.ack["interval"]; there && test.ack["interval"] == nil {
					ack["interval"] = nil
				}
				w, err := newWorld(t, override{Answers: map[string]answer{f.begin: {JSON: ack}}, outside: outside{Flow: f.flow, Polls: test.polls}})
				if err != nil {
					t.Fatal(err)
				}
				at, err := w.run(context.Background())
				switch {
				case test.code != "":
					if !errors.Is(err, test.code) || at != f.poll {
						t.Errorf("at %s: %v", at, err)
					}
				case test.stop:
					if !errors.Is(err, f.stop) || !errors.Is(err, message.ExpiredToken) {
						t.Errorf("at %s: %v", at, err)
					}
				case err != nil:
					t.Errorf("at %s: %v", at, err)
				}
				var waits []string
				for _, d := range w.flow.waits {
					waits = append(waits, fmt.Sprint(d.Seconds()))
				}
				if got := strings.Join(waits, " "); got != test.waits {
					t.Errorf("waited %s, want %s", got, test.waits)
				}
				if test.code == "" {
					return
				}
				// It is over: there is nothing left to poll for.
				if _, err := w.services.Get(f.poll).GetRequestParameters(context.Background(), service.Args{State: w.login}); !errors.Is(err, state.ErrUnknown) {
					t.Errorf("a poll after the end: %v", err)
				}
			})
		}
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
}

// begun is a world in which the user has been asked, and nobody has polled.
func begun(t *testing.T, o override) *world {
	t.Helper()
	w, err := newWorld(t, o)
	if err != nil {
		t.Fatal(err)
	}
	all := flows[o.Flow]
	flows["begun"] = all[:len(all)-1]
	w.o.Flow = "begun"
	at, err := w.run(context.Background())
	w.o.Flow = o.Flow
	delete(flows, "begun")
	if err != nil {
		t.Fatalf("%s: %v", at, err)
	}
	return w
}

// TestOnePollAtATime: of many processes that want to poll one does.
func TestOnePollAtATime(t *testing.T) {
	w := begun(t, override{outside: outside{Flow: "device"}})
	w.now = w.now.Add(5 * time.Second)
	svc := w.services.Get(service.DeviceTokenName)
	var built atomic.Int64
	var wg sync.WaitGroup
	for range 32 {
		wg.Go(func() {
			_, err := svc.GetRequestParameters(context.Background(), service.Args{State: w.login})
			var need *service.NeedError
			switch {
			case err == nil:
				built.Add(1)
			case !errors.As(err, &need) || need.After != 5*time.Second || !need.Resend || !errors.Is(err, message.RuleDevicePolling):
				t.Errorf("a loser got %v", err)
			}
		})
	}
	wg.Wait()
	if built.Load() != 1 {
		t.Errorf("%d polls were built at once", built.Load())
	}
}

// TestPollingResumes: another process that knows the state alone keeps to what
// slow_down said.
func TestPollingResumes(t *testing.T) {
	w := begun(t, override{outside: outside{Flow: "device", Polls: []answer{declares("slow_down"), declares("authorization_pending")}}})
	ctx := context.Background()
	svc := w.services.Get(service.DeviceTokenName)
	var need *service.NeedError
	args := service.Args{State: w.login}
	for _, want := range []time.Duration{5 * time.Second, 10 * time.Second, 10 * time.Second} {
		_, err := service.Run(ctx, svc, args, w.send)
		if !errors.As(err, &need) || need.After != want {
			t.Fatalf("got %v, want %v", err, want)
		}
		w.now = w.now.Add(need.After)
		args = need.Args
	}
	w.now = w.now.Add(-time.Second)
	if _, err := svc.GetRequestParameters(ctx, service.Args{State: w.login}); !errors.As(err, &need) || need.After != time.Second {
		t.Errorf("a process that only knows the state got %v", err)
	}
}

// TestLongPoll: the interval counts from when the poll was sent.
func TestLongPoll(t *testing.T) {
	w, err := newWorld(t, override{outside: outside{Flow: "ciba", Polls: []answer{declares("authorization_pending")}}})
	if err != nil {
		t.Fatal(err)
	}
	w.sending = func(req *service.Request) {
		if req.Service == service.CIBATokenName {
			w.now = w.now.Add(30 * time.Second)
		}
	}
	if at, err := w.run(context.Background()); err != nil {
		t.Fatalf("%s: %v", at, err)
	}
	if got := fmt.Sprint(w.flow.waits); got != "[2s 1s]" {
		t.Errorf("waited %s", got)
	}
}

// TestUnanswered: a connection that fails otherwise is the caller's to judge, and so is
// a caller who gave up.
func TestUnanswered(t *testing.T) {
	w := begun(t, override{outside: outside{Flow: "device"}})
	w.now = w.now.Add(5 * time.Second)
	ctx := context.Background()
	svc := w.services.Get(service.DeviceTokenName)
	req, err := svc.GetRequestParameters(ctx, service.Args{State: w.login})
	if err != nil {
		t.Fatal(err)
	}
	refused := errors.New("connection refused")
	var need *service.NeedError
	if err := service.Unanswered(ctx, svc, req, refused); !errors.Is(err, refused) || errors.As(err, &need) || service.ServiceOf(err) != service.DeviceTokenName {
		t.Errorf("a refused connection: %v", err)
	}
	if err := service.Unanswered(ctx, svc, req, errLost); !errors.As(err, &need) || need.After != 10*time.Second || !errors.Is(err, errLost) || !errors.Is(err, message.RuleDeviceTimeout) {
		t.Errorf("a timeout: %v", err)
	}
	gone, cancel := context.WithCancel(ctx)
	cancel()
	if err := service.Unanswered(gone, svc, req, errLost); errors.As(err, &need) && errors.Is(err, message.RuleDeviceTimeout) {
		t.Errorf("a caller who gave up: %v", err)
	}
	// Other services know no repetition.
	other := w.services.Get(service.ClientCredentialsName)
	if err := service.Unanswered(ctx, other, req, errLost); !errors.Is(err, errLost) || service.ServiceOf(err) != service.ClientCredentialsName {
		t.Errorf("another service: %v", err)
	}
	// What the driver refuses is a check that failed.
	large := &message.Violation{Rule: message.RuleTransportLimits, Param: "body"}
	want := []service.Check{{Rule: message.RuleTransportLimits, Verdict: service.Failed, Param: "body"}}
	if got := service.ChecksOf(service.Unanswered(ctx, other, req, large)); !slices.Equal(got, want) {
		t.Errorf("an answer that is too large: %v", got)
	}
	if got := service.ChecksOf(service.Unanswered(ctx, other, req, refused)); got != nil {
		t.Errorf("no answer: %v", got)
	}
}

// TestPollDPoPNonce: a nonce is carried from one poll to the next, also by answers that
// are never committed, and its retry is no poll of its own.
func TestPollDPoPNonce(t *testing.T) {
	w, err := newWorld(t, override{Config: settings{DPoP: true}, outside: outside{Flow: "device"}})
	if err != nil {
		t.Fatal(err)
	}
	var nonces []string
	w.answer = func(req *service.Request) *service.Response {
		if req.Service != service.DeviceTokenName {
			return nil
		}
		_, claims := open(t, req.Header["Dpop"][0], testKeys()["dpop"], "ES256")
		nonce, _ := claims["nonce"].(string)
		nonces = append(nonces, nonce)
		h := jsonHeader()
		switch len(nonces) {
		case 1:
			h["Dpop-Nonce"] = []string{"first"}
			return req.Answer(400, h, []byte(`{"error":"use_dpop_nonce"}`))
		case 2, 3:
			return req.Answer(400, h, []byte(`{"error":"authorization_pending"}`))
		case 4:
			h["Dpop-Nonce"] = []string{"second"}
			return req.Answer(400, h, []byte(`{"error":"authorization_pending"}`))
		}
		return nil
	}
	if at, err := w.run(context.Background()); err != nil {
		t.Fatalf("%s: %v", at, err)
	}
	if got := strings.Join(nonces, ","); got != ",first,first,first,second" {
		t.Errorf("the nonces were %s", got)
	}
	if got := fmt.Sprint(w.flow.waits); got != "[5s 5s 5s 5s]" {
		t.Errorf("waited %s", got)
	}
	r, err := w.db.Session(context.Background(), w.login)
	if err != nil || r.Kept(state.KeptDPoPThumbprint) != testKeys()["dpop"].Thumbprint() {
		t.Errorf("the key is not remembered: %v", err)
	}
}

// TestDeviceCodeIsNotShown: what the user must not see is in no listed item.
func TestDeviceCodeIsNotShown(t *testing.T) {
	w := begun(t, override{outside: outside{Flow: "device"}})
	r, err := w.db.Session(context.Background(), w.login)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(r.Items(), " "); got != "iss device_authorization_request device_authorization_response" {
		t.Errorf("the record holds %s", got)
	}
	for _, item := range r.Items() {
		if strings.Contains(string(r.Item(item)), testDeviceCode) {
			t.Errorf("%s shows the device code", item)
		}
	}
	if text := fmt.Sprintf("%+v", w.flow.result.Message); strings.Contains(text, testDeviceCode) || !strings.Contains(text, "WDJB-MJHT") {
		t.Errorf("the message shows as %s", text)
	}
	held := held(t, override{outside: outside{Flow: "device"}})
	if r, err = held.db.Session(context.Background(), held.login); err != nil || r.Kept("device_code") != "" {
		t.Errorf("the spent device code is kept: %v", err)
	}
	if _, err := held.services.Get(service.DeviceTokenName).GetRequestParameters(context.Background(), service.Args{State: held.login}); !errors.Is(err, message.RuleDeviceStop) {
		t.Errorf("a poll after the success: %v", err)
	}
}

// TestPollWithoutWaiting: a caller that has nobody to wait is told when to come back,
// and the login goes on.
func TestPollWithoutWaiting(t *testing.T) {
	w := begun(t, override{outside: outside{Flow: "device", Polls: []answer{declares("authorization_pending")}}})
	w.now = w.now.Add(5 * time.Second)
	svc := w.services.Get(service.DeviceTokenName)
	_, err := service.Run(context.Background(), svc, service.Args{State: w.login}, w.send)
	var need *service.NeedError
	if !errors.As(err, &need) || !errors.Is(err, message.AuthorizationPending) || need.After != 5*time.Second {
		t.Fatalf("got %v", err)
	}
	w.now = w.now.Add(need.After)
	if _, err := service.Run(context.Background(), svc, need.Args, w.send); err != nil {
		t.Errorf("the next poll: %v", err)
	}
}

// TestDeviceRequest is what travels.
func TestDeviceRequest(t *testing.T) {
	w, err := newWorld(t, override{outside: outside{Flow: "device"}})
	if err != nil {
		t.Fatal(err)
	}
	sent := w.watchRequests()
	if at, err := w.run(context.Background()); err != nil {
		t.Fatalf("%s: %v", at, err)
	}
	for name, want := range map[string]url.Values{
		service.DeviceAuthorizationName: {"scope": {"openid profile"}},
		service.DeviceTokenName:         {"grant_type": {message.GrantTypeDeviceCode}, "device_code": {testDeviceCode}},
	} {
		req := sent[name]
		if got := formOf(t, req); got.Encode() != want.Encode() || req.Method != "POST" || len(req.Header["Authorization"]) != 1 {
			t.Errorf("%s: %s %v", name, req.Method, got)
		}
	}
}
