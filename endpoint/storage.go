package endpoint

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/state"
)

// The kinds of what a provider stores. Each is a key space of its own.
const (
	kindClient      = "op_client"
	kindSession     = "op_session"
	kindSessionItem = "op_session_item"
	kindInteraction = "op_interaction"
	kindConsent     = "op_consent"
	kindGrant       = "op_grant"
	kindCode        = "op_code"
	kindCodeGrant   = "op_code_grant"  // outlives the code, to know what a second use revokes
	kindCodeReplay  = "op_code_replay" // marks a code that was used twice
	kindAccess      = "op_access_token"
	kindRefresh     = "op_refresh_token"
	kindRefreshUsed = "op_refresh_used"
	kindFetched     = "op_fetched"
	kindAssertion   = "op_assertion_jti"
	kindDPoP        = "op_dpop_jti"
	kindAttempt     = "op_attempt"
	kindFresh       = "op_fresh"
	kindNonceKey    = "op_dpop_nonce_key"
	kindPushed      = "op_pushed"
	kindDevice      = "op_device"
	kindUserCode    = "op_user_code"
	kindDeviceCode  = "op_device_code"

	kindUserSessions   = "op_user_sessions"
	kindUserGrants     = "op_user_grants"
	kindSessionGrants  = "op_session_grants"
	kindSessionClients = "op_session_clients"
	kindAllClients     = "op_clients"
	kindCIBA           = "op_ciba"
	kindAuthReqID      = "op_auth_req_id"
	kindQuestion       = "op_question"
	kindDeviceDecision = "op_device_decision"
	kindPoll           = "op_poll"
)

// storeKey is the key of a value: a hash, so that the value cannot be read from the store.
func storeKey(kind, value string) string {
	var short [192]byte // most values are tokens of 43 characters
	sum := sha256.Sum256(append(append(append(short[:0], kind...), 0), value...))
	var key [43]byte
	base64.RawURLEncoding.Encode(key[:], sum[:])
	return string(key[:])
}

// store keeps values of Go as JSON.
type store struct{ state.Store }

// encodeStored writes a record with message's codec, which costs a fraction of
// encoding/json, and a single value with that.
func encodeStored(v any) ([]byte, error) {
	switch v.(type) {
	case string, bool, []byte, *storedClient:
		return json.Marshal(v)
	}
	return message.EncodeJSON(v)
}

func (s store) add(ctx context.Context, kind, value string, v any, ttl time.Duration) (bool, error) {
	data, err := encodeStored(v)
	if err != nil {
		return false, err
	}
	added, err := s.Add(ctx, storeKey(kind, value), data, ttl)
	if err != nil {
		return false, fmt.Errorf("endpoint: add %s: %w", kind, err)
	}
	return added, nil
}

func (s store) put(ctx context.Context, kind, value string, v any, ttl time.Duration) error {
	data, err := encodeStored(v)
	if err != nil {
		return err
	}
	if err := s.Put(ctx, storeKey(kind, value), data, ttl); err != nil {
		return fmt.Errorf("endpoint: put %s: %w", kind, err)
	}
	return nil
}

func (s store) get(ctx context.Context, kind, value string, into any) (bool, error) {
	data, found, err := s.Get(ctx, storeKey(kind, value))
	return decodeStored(kind, data, found, err, into)
}

func (s store) take(ctx context.Context, kind, value string, into any) (bool, error) {
	data, found, err := s.Take(ctx, storeKey(kind, value))
	return decodeStored(kind, data, found, err, into)
}

func decodeStored(kind string, data []byte, found bool, err error, into any) (bool, error) {
	if err != nil {
		return false, fmt.Errorf("endpoint: %s: %w", kind, err)
	}
	if !found || into == nil {
		return found, nil
	}
	decode := message.DecodeJSON
	switch into.(type) {
	case *string, *[]byte:
		decode = json.Unmarshal
	}
	if err := decode(data, into); err != nil {
		return false, fmt.Errorf("endpoint: %s: %w", kind, err)
	}
	return true, nil
}
