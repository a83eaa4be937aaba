package service

import (
	"context"
	"errors"

	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/state"
)

// Grants that belong to no login (RFC 6749, Section 4.4; RFC 8693; RFC 7523): what
// they bring is kept in a record of its own, under a key that is drawn for each
// request and stands in Request.State and Result.State. With it the tokens are found
// again, by the resource, introspection and revocation services for instance.

// drawKey draws the key of the record that the answer will be kept in.
func (s *Step) drawKey() error {
	key, err := s.Random(stateBytes)
	s.State = key
	return err
}

// tokenEndpoint is the address of grant requests; "" without a provider.
func tokenEndpoint(s *Step) string {
	if s.Snapshot.Provider == nil {
		return ""
	}
	return s.Snapshot.Provider.TokenEndpoint
}

// begin stores a record as a session at once: no browser will bring it back. A second
// commit of the same result stores the same again.
func (s *Step) begin(ctx context.Context, fill func(*state.Record)) error {
	r := state.NewRecord(s.State, s.Snapshot.Issuer)
	r.SetCreated(s.Now)
	fill(&r)
	err := s.DB().Begin(ctx, r)
	if errors.Is(err, state.ErrExists) {
		return s.amend(ctx, fill)
	}
	if err != nil {
		return err
	}
	s.Record, err = s.DB().Claim(ctx, s.State)
	return err
}

// keepGrant commits the tokens of a grant outside a login.
func (s *Step) keepGrant(ctx context.Context, resp message.Message, asked message.List) error {
	encoded, err := message.EncodeJSON(resp)
	if err != nil {
		return err
	}
	return s.begin(ctx, func(r *state.Record) {
		r.Set(state.ItemTokenResponse, encoded)
		r.Keep(keptScope, asked.String())
		s.keepDPoPKey(r)
		s.keepTokens(r)
	})
}

// keepDPoPKey remembers the key that the tokens are bound to (RFC 9449, Section 5).
func (s *Step) keepDPoPKey(r *state.Record) {
	if key := s.Snapshot.DPoPKey; key != nil {
		r.Keep(state.KeptDPoPThumbprint, key.Thumbprint())
	}
}

// answersGrant gives the step the key that its request drew.
func (s *Step) answersGrant() { s.State = s.Response.request.State }

// requestOf returns the message that the answered request was built from.
func requestOf[M any](s *Step) *M {
	if s.Response == nil || s.Response.request == nil {
		return new(M)
	}
	m, ok := any(s.Response.request.message).(*M)
	if !ok {
		return new(M)
	}
	return m
}

// requireConfidential refuses a public client before anything is sent.
func requireConfidential(s *Step, rule message.Rule) error {
	if method := s.Snapshot.Behaviour.TokenEndpointAuthMethod; method == message.AuthMethodNone {
		return s.Fail(rule, "client_auth", method, "a client that authenticates", nil)
	}
	s.Pass(rule, "client_auth")
	return nil
}
