package service

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/state"
)

// Polling the token endpoint (RFC 8628, Section 3.5; CIBA Core 1.0, Sections 7.3 and
// 11):
//
//   - Two polls are at least the interval apart, whichever processes send them: the
//     record says when the last one went.
//   - slow_down adds five seconds for good, a connection timeout doubles the interval.
//   - expires_in ends it, and so does every error but authorization_pending.
//
// ParseResponse writes nothing. What an answer does to the interval travels in the
// Args of its NeedError, and the next request commits it.

// The numbers of RFC 8628, Sections 3.2 and 3.5.
const (
	pollInterval = 5 * time.Second // "If no value is provided, clients MUST use 5 as the default."
	slowDownStep = 5 * time.Second // "the interval MUST be increased by 5 seconds"
)

// Our own bounds: of what is waited for between two polls at least, and for a busy
// provider at most.
const (
	pollLeast = time.Second
	pollMost  = 5 * time.Minute
)

// Private values of a record that is polled for.
const (
	keptPollInterval = "poll_interval"   // milliseconds
	keptPolled       = "polled_at"       // milliseconds since 1970; the acknowledgement counts as a poll
	keptPollExpiry   = "poll_expires_at" // seconds since 1970
	keptScope        = "scope"           // what was asked for
)

// A polling names the rules that it is held to.
type polling struct{ interval, timeout, stop message.Rule }

// keepPace notes how an acknowledgement wants to be polled.
func keepPace(s *Step, r *state.Record, interval *int64, expiresIn int64) {
	pace := pollInterval
	if interval != nil && *interval > 0 {
		pace = time.Duration(*interval) * time.Second
	}
	r.Keep(keptPollInterval, strconv.FormatInt(pace.Milliseconds(), 10))
	r.Keep(keptPolled, strconv.FormatInt(s.Now.UnixMilli(), 10))
	r.Keep(keptPollExpiry, strconv.FormatInt(s.Now.Unix()+expiresIn, 10))
}

// forgetPace is for a record that need not be polled for any more.
func forgetPace(r *state.Record) {
	for _, name := range []string{keptPollInterval, keptPolled, keptPollExpiry} {
		r.Keep(name, "")
	}
}

// verifyPace judges interval and expires_in of an acknowledgement.
func verifyPace(s *Step, rule message.Rule, interval, expiresIn *int64) error {
	const most = 1 << 31 // seconds
	if err := s.Require(expiresIn != nil && *expiresIn > 0 && *expiresIn < most, rule, "expires_in", numberText(expiresIn), "a positive number of seconds"); err != nil {
		return err
	}
	switch {
	case interval == nil:
		s.Skip(rule, "interval", "absent: five seconds")
	case *interval == 0:
		s.Warn(rule, "interval", "0: five seconds all the same")
	default:
		return s.Require(*interval > 0 && *interval < most, rule, "interval", numberText(interval), "a positive number of seconds")
	}
	return nil
}

func numberText(n *int64) string {
	if n == nil {
		return ""
	}
	return strconv.FormatInt(*n, 10)
}

// pace is the least time between two polls: what the record says, or more if the
// last answer said so.
func (s *Step) pace(r *state.Record) time.Duration {
	kept, err := strconv.ParseInt(r.Kept(keptPollInterval), 10, 64)
	if err != nil {
		return max(pollInterval, s.Args.pace)
	}
	return max(time.Duration(kept)*time.Millisecond, s.Args.pace)
}

// remaining is how long to wait before the next poll.
func (s *Step) remaining(r *state.Record) time.Duration {
	last, err := strconv.ParseInt(r.Kept(keptPolled), 10, 64)
	if err != nil {
		return 0 // a notification said that the answer is there
	}
	return time.UnixMilli(last).Add(s.pace(r)).Sub(s.Now)
}

func pollExpiry(r *state.Record) time.Time {
	at, err := strconv.ParseInt(r.Kept(keptPollExpiry), 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.Unix(at, 0)
}

// ready tells whether a poll may be built now: not after the end, which ends the
// record, and not too early.
func (p polling) ready(ctx context.Context, s *Step) error {
	if !s.Now.Before(pollExpiry(&s.Record)) {
		if err := s.DB().End(ctx, s.State); err != nil {
			return err
		}
		return p.expired(s)
	}
	s.Pass(p.stop, "expires_in")
	if s.Args.DPoPNonce != "" {
		return nil // the same poll once more
	}
	return p.early(s, s.remaining(&s.Record))
}

func (p polling) early(s *Step, wait time.Duration) error {
	if wait <= 0 {
		s.Pass(p.interval, "interval")
		return nil
	}
	return &NeedError{
		After: wait, Resend: true, Args: s.Args,
		Err: s.Fail(p.interval, "interval", "a poll "+wait.String()+" too early", "polls "+s.pace(&s.Record).String()+" apart", nil),
	}
}

func (p polling) expired(s *Step) error {
	return s.Fail(p.stop, "expires_in", "", "a poll before the request has expired", message.ExpiredToken)
}

// stamp notes that a poll goes out now, and what its interval is from now on. Of two
// processes one does.
func (p polling) stamp(ctx context.Context, s *Step) error {
	if s.Args.DPoPNonce != "" {
		return nil
	}
	var wait time.Duration
	errEarly := errors.New("another poll went out")
	r, err := s.DB().Update(ctx, s.State, func(r *state.Record) error {
		if wait = s.remaining(r); wait > 0 {
			return errEarly
		}
		r.Keep(keptPollInterval, strconv.FormatInt(s.pace(r).Milliseconds(), 10))
		r.Keep(keptPolled, strconv.FormatInt(s.Now.UnixMilli(), 10))
		return nil
	})
	if errors.Is(err, errEarly) {
		return p.early(s, wait)
	}
	if err != nil {
		return err
	}
	s.Record = r
	return nil
}

// first turns "not yet" into the need to ask again; see Answer.First.
func (p polling) first(s *Step) (bool, error) {
	pace := s.pace(&s.Record)
	args := s.Args
	args.nonce = latestDPoPNonce(s)
	declared := declaredError(s.Response)
	switch {
	case declared != nil && declared.Code == message.AuthorizationPending:
	case declared != nil && declared.Code == message.SlowDown:
		pace += slowDownStep
	case s.Response.Status == 503:
		// "Clients should respect such headers" as Retry-After (CIBA Core 1.0, Section 7.3).
		busy := s.Fail(message.RuleTokenResponseBody, "status", "503", "200", nil)
		return false, p.again(s, args, pace, max(pace, retryAfter(s, pace, pollMost)), busy)
	default:
		return false, nil
	}
	s.Pass(p.interval, "interval")
	return false, p.again(s, args, pace, s.untilNext(pace), declared)
}

// untilNext: "The polling interval is measured from the instant when a polling request
// is sent" (CIBA Core 1.0, Section 7.3), so that a long poll may follow another at once.
func (s *Step) untilNext(pace time.Duration) time.Duration {
	sent, err := strconv.ParseInt(s.Record.Kept(keptPolled), 10, 64)
	if err != nil {
		return pace
	}
	return max(time.UnixMilli(sent).Add(pace).Sub(s.Now), pollLeast)
}

// notYet reports whether a declared error means that polling goes on.
func notYet(declared *message.Error) bool {
	return declared.Code == message.AuthorizationPending || declared.Code == message.SlowDown
}

func (p polling) again(s *Step, args Args, pace, after time.Duration, cause error) error {
	if !s.Now.Add(after).Before(pollExpiry(&s.Record)) {
		return p.expired(s) // there is no time for another poll
	}
	args.DPoPNonce, args.pace = "", pace
	return &NeedError{After: after, Resend: true, Args: args, Err: cause}
}

// unanswered: "On encountering a connection timeout, clients MUST unilaterally reduce
// their polling frequency before retrying. The use of an exponential backoff algorithm
// to achieve this, such as doubling the polling interval on each such connection
// timeout, is RECOMMENDED" (RFC 8628, Section 3.5). Other failures are the caller's to
// judge.
func (p polling) unanswered(s *Step, cause error) error {
	var t interface{ Timeout() bool }
	if !errors.As(cause, &t) || !t.Timeout() {
		return cause
	}
	args := s.Args
	if args.DPoPNonce != "" {
		args.nonce = args.DPoPNonce
	}
	pace := 2 * s.pace(&s.Record)
	return p.again(s, args, pace, pace, s.Fail(p.timeout, "connection", "a timeout", "an answer", cause))
}

// refused ends the record: "any other error" is final.
func (p polling) refused(ctx context.Context, s *Step, declared *message.Error) error {
	if notYet(declared) {
		return nil // nobody was there to wait
	}
	return s.DB().End(ctx, s.State)
}
