package service

import (
	"fmt"
	"slices"
	"strings"

	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/state"
)

// recalled returns an item of a login's record as the message that it is. It is shared
// with other steps: nobody may write to it.
func recalled[T message.Message](r state.Record, item string) (*T, error) {
	decode := func(value []byte) (any, error) {
		m := new(T)
		if err := message.DecodeJSON(value, m); err != nil {
			return nil, fmt.Errorf("%s: %w", item, err)
		}
		return m, nil
	}
	made, err := r.Decode(item, decode)
	if err != nil {
		return nil, err
	}
	if m, ok := made.(*T); ok {
		return m, nil
	}
	return nil, fmt.Errorf("%s: decoded as a %T", item, made)
}

// keepMessage sets an item of a record to a message. Where the message is one of those
// that every login has, the steps that follow find it as it is, instead of decoding it:
// a copy, since the caller of this step has the message and may write to it.
func keepMessage(r *state.Record, item string, encoded []byte, m message.Message) {
	r.Set(item, encoded)
	if own := ownCopy(m); own != nil {
		_, _ = r.Decode(item, func([]byte) (any, error) { return own, nil })
	}
}

// ownCopy returns a copy of m that shares nothing with it that can be written to, or nil
// where decoding is the simpler way.
func ownCopy(m message.Message) message.Message {
	switch m := m.(type) {
	case *message.AuthorizationRequest:
		if m.Claims != nil || m.MaxAge != nil || m.Registration != nil || m.AuthorizationDetails != nil || m.Extra != nil {
			return nil
		}
		own := *m
		own.Resource = slices.Clone(m.Resource)
		for _, list := range []*message.List{&own.Scope, &own.ResponseType, &own.Prompt, &own.UILocales, &own.ACRValues, &own.ClaimsLocales} {
			*list = ownList(*list)
		}
		return &own
	case *message.AuthorizationResponse:
		if m.ExpiresIn != nil || m.Extra != nil {
			return nil
		}
		own := *m
		own.Scope = ownList(m.Scope)
		return &own
	case *message.AccessTokenResponse:
		if m.AuthorizationDetails != nil || m.Extra != nil {
			return nil
		}
		own := *m
		own.Scope = ownList(m.Scope)
		if m.ExpiresIn != nil {
			life := *m.ExpiresIn
			own.ExpiresIn = &life
		}
		return &own
	}
	return nil
}

// ownList copies a list as it travels: what a caller gave as one word may be several.
func ownList(l message.List) message.List {
	for _, word := range l {
		if word == "" || strings.Contains(word, " ") {
			return message.ParseList(l.String())
		}
	}
	if len(l) == 0 {
		return nil
	}
	return slices.Clone(l)
}
