package service

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/servicecontext"
	"github.com/oidcservice/oidc/state"
)

// A Step is one run of a service: it freezes one snapshot of the service context,
// one clock reading and one login, so that everything is judged by the same facts.
type Step struct {
	// Service is the name of the service.
	Service string
	// Snapshot is what the relying party knew when the step began.
	Snapshot *servicecontext.Snapshot
	// Now is the step's one clock reading.
	Now time.Time
	// Args are the caller's, while a request is built.
	Args Args
	// State is the login's state, "" outside a login.
	State string
	// Record is the login's record, if there is one.
	Record state.Record
	// Response is the answer that is judged, nil while a request is built.
	Response *Response
	// IDToken is set by the step that verified one.
	IDToken *message.IDToken
	// Optional collects tasks that would tell more.
	Optional []Task

	env        *Env
	checks     []Check
	judged     []Check // those of the judgement, while its result is committed
	committing sync.Mutex
	mostChecks *mostChecks
	verifier   string               // the fresh code verifier of an authorization request
	jarm       *jarm                // an authorization response that came as a JWT
	logout     *message.LogoutToken // a verified logout token
	ended      []string             // the logins that the commit ends
	hosted     []Hosted             // request objects for the caller to serve
	pushed     string               // the request_uri of a pushed request
	resumed    bool                 // the login was begun by an earlier call
	tokenType  string               // of the access token that the request shows
	payload    []byte               // the verified ID Token's claims, as signed
	subject    string               // and their sub
	granted    grant                // what a token response gives
	sources    []SourcedClaims      // what other sources tell about the user
}

// mostChecks is how many checks a request and an answer of a service had at most, so that
// the next one makes room for as many at once.
type mostChecks struct{ request, answer atomic.Int32 }

func (m *mostChecks) of(s *Step) *atomic.Int32 {
	if s.Response == nil {
		return &m.request
	}
	return &m.answer
}

// learn notes how many checks a step had.
func (m *mostChecks) learn(s *Step) {
	if most, n := m.of(s), int32(len(s.checks)); n > most.Load() {
		most.Store(n)
	}
}

// commit lets update commit what was judged. A second commit waits for the first, and
// starts from the same facts.
func (s *Step) commit(update func(*Step) error) error {
	s.committing.Lock()
	defer s.committing.Unlock()
	checks, record := s.checks, s.Record
	defer func() { s.judged, s.checks, s.Record = nil, checks, record }()
	s.judged, s.checks = checks, nil
	return update(s)
}

// Context returns the service context that the step's service belongs to.
func (s *Step) Context() *servicecontext.ServiceContext { return s.env.Context }

// DB returns the state database that the step's service belongs to.
func (s *Step) DB() *state.DB { return s.env.DB }

// Env returns the service's environment, to make another service for a Task.
func (s *Step) Env() Env { return *s.env }

// task is a request that another service of this environment can make.
func (s *Step) task(construct func(Env) Service, args Args) Task {
	env := *s.env
	env.Settings = Settings{} // they are this service's own
	return Task{Service: construct(env), Args: args}
}

// record is called from a hundred places, and Pass, Skip and Fail with it: as calls they
// are a third of the code that a login runs through.
//
//go:noinline
func (s *Step) record(c Check) {
	if s.checks == nil {
		room := 1 // a commit makes one check at most: of single use
		if s.mostChecks != nil && s.judged == nil {
			room = max(4, int(s.mostChecks.of(s).Load()))
		}
		s.checks = make([]Check, 0, room)
	}
	s.checks = append(s.checks, c)
}

// Pass records that rule was kept by param.
//
//go:noinline
func (s *Step) Pass(rule message.Rule, param string) {
	s.record(Check{Rule: rule, Verdict: Passed, Param: param})
}

// Skip records that rule was not applied to param, and why.
//
//go:noinline
func (s *Step) Skip(rule message.Rule, param, reason string) {
	s.record(Check{Rule: rule, Verdict: Skipped, Param: param, Reason: reason})
}

// Warn records that param broke rule and is tolerated.
func (s *Step) Warn(rule message.Rule, param, reason string) {
	s.record(Check{Rule: rule, Verdict: Warned, Param: param, Reason: reason})
}

// Fail records that param broke rule and returns the violation. Got and want must
// not hold a secret.
//
//go:noinline
func (s *Step) Fail(rule message.Rule, param, got, want string, err error) error {
	s.record(Check{Rule: rule, Verdict: Failed, Param: param})
	return &message.Violation{Rule: rule, Param: param, Got: got, Want: want, Err: err}
}

// Require passes rule if ok and fails it otherwise.
func (s *Step) Require(ok bool, rule message.Rule, param, got, want string) error {
	if !ok {
		return s.Fail(rule, param, got, want, nil)
	}
	s.Pass(rule, param)
	return nil
}

// Violated records a violation that another package found, and returns it.
func (s *Step) Violated(v *message.Violation) error {
	s.record(Check{Rule: v.Rule, Verdict: Failed, Param: v.Param})
	return v
}

// Random returns n random bytes from the service context's source, as base64url
// text without padding.
func (s *Step) Random(n int) (string, error) {
	var buf [64]byte
	if n > len(buf) {
		return "", fmt.Errorf("%w: %d random bytes", ErrArgs, n)
	}
	if _, err := io.ReadFull(s.env.Context.Rand(), buf[:n]); err != nil {
		return "", fmt.Errorf("random source: %w", err)
	}
	var text [(8*len(buf) + 5) / 6]byte
	base64.RawURLEncoding.Encode(text[:], buf[:n])
	return string(text[:base64.RawURLEncoding.EncodedLen(n)]), nil
}

// session loads the record of a login that the callback has claimed.
func (s *Step) session(ctx context.Context, name string) error {
	if name == "" {
		return fmt.Errorf("%w: Args.State is empty", ErrArgs)
	}
	r, err := s.env.DB.Session(ctx, name)
	if err != nil {
		return err
	}
	s.State, s.Record = name, r
	return nil
}

// amend changes the login's record. What another step committed meanwhile is kept.
func (s *Step) amend(ctx context.Context, change func(*state.Record)) error {
	r, err := s.env.DB.Update(ctx, s.State, func(r *state.Record) error { change(r); return nil })
	if err == nil {
		s.Record = r
	}
	return err
}

// clientID returns our client_id, or "" before registration.
func (s *Step) clientID() string {
	return s.Snapshot.ClientID()
}
