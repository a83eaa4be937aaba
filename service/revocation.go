package service

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/state"
)

// What is waited for after a 503 (RFC 7009, Section 2.2.1), and how often.
const (
	revocationPause    = 5 * time.Second // when the answer does not say
	revocationPauseMax = time.Minute     // however much longer it says
	revocationTries    = 3
)

// NewRevocation makes the revocation service: the provider is told that a token is no
// longer needed (RFC 7009), and the record of the login forgets it. Without a token of
// the call's it is the refresh token of the login that Args.State names, or its access
// token if it has no other.
func NewRevocation(env Env) Service {
	return Definition[message.RevocationRequest, message.RevocationResponse]{
		Name:     RevocationName,
		Method:   "POST",
		Request:  Form,
		Response: None,
		Proof:    ClientProof,
		MayLogin: true,
		Answer: Answer{
			Media:      []string{},
			StatusRule: message.RuleRevocationResponse,
			First:      firstRevocation,
		},
		Endpoint: func(s *Step, _ *message.RevocationRequest) string { return s.Snapshot.Endpoint(RevocationName) },
		Gather:   gatherRevocation,
		Verify: func(_ context.Context, s *Step, _ *message.RevocationResponse) error {
			if s.State == "" {
				s.Skip(message.RuleRevocationLocal, "token", "it belongs to no login that was named")
				return nil
			}
			s.Pass(message.RuleRevocationLocal, "token")
			return nil
		},
		Update: updateRevocation,
	}.New(env)
}

func gatherRevocation(_ context.Context, s *Step, req *message.RevocationRequest) error {
	if req.Token != "" {
		return nil
	}
	if s.State == "" {
		return fmt.Errorf("%w: neither a token nor a login to take it from", ErrArgs)
	}
	refresh, err := newestRefreshToken(s.Record)
	if err != nil {
		return err
	}
	if refresh != "" && req.TokenTypeHint != message.TokenTypeHintAccessToken {
		req.Token, req.TokenTypeHint = refresh, message.TokenTypeHintRefreshToken
		return nil
	}
	tokens, err := currentTokens(s.Record)
	if err != nil {
		return err
	}
	req.Token, req.TokenTypeHint = tokens.AccessToken, message.TokenTypeHintAccessToken
	return nil
}

// firstRevocation: "The content of the response body is ignored by the client as all
// necessary information is conveyed in the response code", and after a 503 "the client
// must assume the token still exists and may retry after a reasonable delay"
// (RFC 7009, Sections 2.2 and 2.2.1).
func firstRevocation(s *Step) (bool, error) {
	const rule = message.RuleRevocationResponse
	switch s.Response.Status {
	case 200:
		s.Pass(rule, "status")
		return true, nil
	case 503:
		still := s.Fail(rule, "status", "503", "200; the token still exists", nil)
		if s.Args.tries+1 >= revocationTries {
			return false, still
		}
		args := s.Args
		args.tries++
		args.DPoPNonce = ""
		return false, &NeedError{After: retryAfter(s, revocationPause, revocationPauseMax), Resend: true, Args: args, Err: still}
	}
	return false, nil
}

// retryAfter reads Retry-After, seconds or a date (RFC 9110, Section 10.2.3). A peer
// does not decide to keep us waiting for long.
func retryAfter(s *Step, otherwise, most time.Duration) time.Duration {
	values := headerValues(s.Response.Header, "Retry-After")
	if len(values) != 1 {
		return otherwise
	}
	text := strings.TrimSpace(values[0])
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return min(max(time.Duration(seconds)*time.Second, time.Second), most)
	}
	if at, err := time.Parse("Mon, 02 Jan 2006 15:04:05 GMT", text); err == nil {
		return min(max(at.Sub(s.Now), time.Second), most)
	}
	return otherwise
}

// updateRevocation makes the record forget the token, "and what it carried when it was
// a refresh token": the server "SHOULD also invalidate all access tokens based on the
// same authorization grant" (RFC 7009, Section 2.1).
func updateRevocation(ctx context.Context, s *Step, _ *message.RevocationResponse) error {
	if s.State == "" {
		return nil
	}
	token := requestOf[message.RevocationRequest](s).Token
	_, err := s.DB().Update(ctx, s.State, func(r *state.Record) error { return forgetToken(r, token) })
	if errors.Is(err, state.ErrUnknown) {
		return nil // the login has ended meanwhile
	}
	return err
}

// forgetToken takes a token out of every item that holds it. With a refresh token goes
// everything that the grant brought.
func forgetToken(r *state.Record, token message.Secret) error {
	items := map[string]*message.TokenExchangeResponse{}
	carried := false
	for _, item := range []string{state.ItemRefreshTokenResponse, state.ItemTokenResponse} {
		if raw := r.Item(item); raw != nil {
			items[item] = new(message.TokenExchangeResponse)
			if err := message.DecodeJSON(raw, items[item]); err != nil {
				return fmt.Errorf("%s: %w", item, err)
			}
			carried = carried || items[item].RefreshToken.Equal(token)
		}
	}
	// From the newest on: what a token had replaced does not come back when it goes.
	gone, newer := carried, false
	for _, item := range []string{state.ItemRefreshTokenResponse, state.ItemTokenResponse} {
		m := items[item]
		if m == nil {
			continue
		}
		if carried {
			m.RefreshToken = ""
		}
		held := m.AccessToken != ""
		if gone = gone || held && m.AccessToken.Equal(token); gone && held {
			m.AccessToken, m.ExpiresIn = "", nil
			if !newer {
				r.Keep(state.KeptExpiry, "") // it is that of the newest
			}
		}
		newer = newer || held
		if err := setItem(r, item, m); err != nil {
			return err
		}
	}
	raw := r.Item(state.ItemAuthResponse)
	if raw == nil {
		return nil
	}
	var front message.AuthorizationResponse
	if err := message.DecodeJSON(raw, &front); err != nil {
		return fmt.Errorf("%s: %w", state.ItemAuthResponse, err)
	}
	if front.AccessToken == "" || !carried && !front.AccessToken.Equal(token) {
		return nil
	}
	front.AccessToken, front.ExpiresIn = "", nil
	return setItem(r, state.ItemAuthResponse, &front)
}

func setItem(r *state.Record, item string, m message.Message) error {
	encoded, err := message.EncodeJSON(m)
	if err == nil {
		r.Set(item, encoded)
	}
	return err
}
