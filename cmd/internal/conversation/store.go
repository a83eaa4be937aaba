package conversation

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/oidcservice/oidc/cmd/internal/store"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/service"
	"github.com/oidcservice/oidc/state"
)

// openStore opens the store that --store names. Memory is nil: the database's own.
func (s *Settings) openStore(ctx context.Context, out io.Writer) (state.Store, func(), error) {
	opened, err := store.Open(ctx, s.Store, s.StoreKeyFile)
	var wrong *store.SettingError
	switch {
	case errors.As(err, &wrong) && wrong.KeyFile:
		return nil, nil, fault("store-key-file", "%s", wrong.Text)
	case errors.As(err, &wrong):
		return nil, nil, fault("store", "%s", wrong.Text)
	case err != nil:
		return nil, nil, err
	case !opened.Shared:
		return nil, opened.Close, nil
	case opened.Remote && s.StoreKeyFile == "":
		_, _ = fmt.Fprintln(out, "oidc: --store: who can read this store can read the tokens in it; seal them with --store-key-file")
	}
	return opened.Entries, opened.Close, nil
}

// A handover is what another process needs to go on with a login: what the command
// knows beside the state record.
type handover struct {
	Settings Settings        `json:"settings"`
	Context  json.RawMessage `json:"context"`
	Binding  string          `json:"binding"`
}

const handoverTTL = 24 * time.Hour

// handoverStore puts handovers into the store of the login, sealed with a key made
// from the state, whose 256 bits are in no store: who has the store alone, and not even the
// key of --store-key-file, can read none. The record of the login itself is sealed by that
// key only.
func handoverStore(s state.Store, name string) (state.Store, string, error) {
	key := sha256.Sum256([]byte("oidc walkthrough handover\x00" + name))
	sealed, err := state.Sealed(s, key[:])
	if err != nil {
		return nil, "", err
	}
	place := sha256.Sum256([]byte("oidc walkthrough place\x00" + name))
	return sealed, "handover-" + base64.RawURLEncoding.EncodeToString(place[:]), nil
}

func saveHandover(ctx context.Context, s state.Store, name string, h handover) error {
	value, err := json.Marshal(h)
	if err != nil {
		return err
	}
	sealed, key, err := handoverStore(s, name)
	if err != nil {
		return err
	}
	if err := sealed.Put(ctx, key, value, handoverTTL); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return nil
}

func loadHandover(ctx context.Context, s state.Store, name string) (*handover, error) {
	sealed, key, err := handoverStore(s, name)
	if err != nil {
		return nil, err
	}
	value, found, err := sealed.Get(ctx, key)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	if !found {
		return nil, unknownLogin()
	}
	h := new(handover)
	if err := json.Unmarshal(value, h); err != nil {
		return nil, errors.Join(errors.New("store: a login that another version began"), err)
	}
	return h, nil
}

// unknownLogin says that --resume names no login of the store, or one that is over.
func unknownLogin() error {
	return fmt.Errorf("%s: %w", service.AuthorizationName, &message.Violation{
		Rule: message.RuleAuthzResponseState, Param: "state", Want: "the state of a login in this store", Err: state.ErrUnknown,
	})
}
