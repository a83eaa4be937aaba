package provider

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/oidcservice/oidc/endpoint"
)

// An Operator sees and ends what a provider keeps in its store, beside the processes that
// serve.
type Operator struct{ server *Server }

// Operate opens the store of a configuration. One in memory cannot be opened twice.
func Operate(ctx context.Context, s *Setup, logger *slog.Logger) (*Operator, error) {
	switch {
	case s.storeURL() == "memory":
		return nil, fmt.Errorf("%w: store.url: a store in memory is seen by the process alone that serves; want another", ErrConfig)
	case s.Issuer == "":
		return nil, fmt.Errorf("%w: issuer: there is none", ErrConfig)
	}
	v := &Server{setup: s, metrics: newMetrics(), accounts: newAccounts(s.accounts), logger: logger, Issuer: s.Issuer}
	err := v.open(ctx)
	if err == nil {
		v.provider, err = s.build(v.Issuer, v.keys, v.clients, v.store.Entries, v.accounts, logger)
	}
	if err != nil {
		v.Close()
		return nil, err
	}
	return &Operator{v}, nil
}

// Close sends what is still to be sent and lets go of the store.
func (o *Operator) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), o.server.setup.StopTimeout)
	defer cancel()
	err := o.server.settle(ctx)
	o.server.Close()
	return err
}

// subjects are the users that are looked at: the one that is named, or all of the
// configuration.
func (o *Operator) subjects(user string) []string {
	if user != "" {
		return []string{user}
	}
	return o.server.accounts.list.Load().subjects()
}

// Sessions lists the sessions of a user, named by its subject, or of all users.
func (o *Operator) Sessions(ctx context.Context, user string) ([]endpoint.SessionInfo, error) {
	var all []endpoint.SessionInfo
	for _, id := range o.subjects(user) {
		list, err := o.server.provider.Context().Sessions(ctx, id)
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
	}
	return all, nil
}

// Grants lists the grants of a user or of all users.
func (o *Operator) Grants(ctx context.Context, user string) ([]endpoint.GrantInfo, error) {
	var all []endpoint.GrantInfo
	for _, id := range o.subjects(user) {
		list, err := o.server.provider.Context().Grants(ctx, id)
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
	}
	return all, nil
}

// A ClientInfo is a client as an operator sees it.
type ClientInfo struct {
	ID         string    `json:"client_id"`
	Name       string    `json:"client_name"`
	Registered bool      `json:"registered"` // by itself; otherwise it stands in the configuration
	Issued     time.Time `json:"issued,omitzero"`
}

// Clients lists the clients of the configuration and those that registered themselves.
func (o *Operator) Clients(ctx context.Context) ([]ClientInfo, error) {
	var all []ClientInfo
	static := *o.server.clients.static.Load()
	for _, id := range static.ids() {
		all = append(all, ClientInfo{ID: id, Name: static[id].Name()})
	}
	list, err := o.server.clients.AllClients(ctx)
	for _, c := range list {
		all = append(all, ClientInfo{ID: c.ID, Name: c.Name(), Registered: true, Issued: c.Issued})
	}
	return all, err
}

// ErrNotThere reports that there is nothing of that name to revoke.
var ErrNotThere = errors.New("there is no such thing")

// tells reports that the provider's keys are not there, where clients are told of a logout:
// they would not believe a token that other keys signed.
func (o *Operator) tells() error {
	if o.server.keys.made {
		return fmt.Errorf("%w: keys.file: want the file with the provider's keys, which sign what clients are told of a logout", ErrConfig)
	}
	return nil
}

// RevokeSession ends a session, with its grants for online access, and tells the clients.
func (o *Operator) RevokeSession(ctx context.Context, id string) error {
	if err := o.tells(); err != nil {
		return err
	}
	ended, send, err := o.server.provider.Context().EndSession(ctx, id)
	o.server.provider.Send(send)
	return found(ended, err)
}

// RevokeGrant ends a grant with its tokens.
func (o *Operator) RevokeGrant(ctx context.Context, id string) error {
	return found(o.server.provider.Context().RevokeGrant(ctx, id))
}

// RevokeUser ends all sessions and grants of a user.
func (o *Operator) RevokeUser(ctx context.Context, user string) error {
	if err := o.tells(); err != nil {
		return err
	}
	send, err := o.server.provider.Context().RevokeUser(ctx, user)
	o.server.provider.Send(send)
	return err
}

// RevokeClient forgets a client that registered itself; its tokens are good no more.
func (o *Operator) RevokeClient(ctx context.Context, id string) error {
	if _, static := (*o.server.clients.static.Load())[id]; static {
		return fmt.Errorf("%w: %s stands in the configuration; take it out there", ErrConfig, id)
	}
	return found(o.server.clients.RemoveClient(ctx, id))
}

func found(ok bool, err error) error {
	if err == nil && !ok {
		return ErrNotThere
	}
	return err
}
