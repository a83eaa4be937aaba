package main

import (
	"context"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/oidcservice/oidc/cmd/internal/conversation"
	"github.com/oidcservice/oidc/cmd/internal/provider"
)

// operated runs what an operator wants with the store of a configuration.
func (c *command) operated(ctx context.Context, f *opFlags, args []string, do func(context.Context, *provider.Operator) error) error {
	if err := c.only("text", "json"); err != nil {
		return err
	}
	if len(args) == 0 && f.config == "" {
		return &conversation.SettingError{Flag: "config", Text: "name the configuration of the provider"}
	}
	setup, err := f.load(args)
	if err != nil {
		return err
	}
	f.logFormat, f.logLevel = "text", "warn"
	logger, err := f.logger(c, provider.NewLog(c.err)) // a warning is written at once
	if err != nil {
		return err
	}
	o, err := provider.Operate(ctx, setup, logger)
	if err != nil {
		return opFault(err)
	}
	err = do(ctx, o)
	if errors.Is(err, provider.ErrNotThere) {
		err = &conversation.SettingError{Text: err.Error()}
	}
	return errors.Join(opFault(err), o.Close())
}

// operator makes a verb with list and revoke below it.
func (c *command) operator(use, short string, list, revoke *cobra.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use: use, Short: short, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, _ = fmt.Fprintln(c.err, cmd.UsageString())
			return &conversation.SettingError{Text: "name list or revoke"}
		},
	}
	cmd.AddCommand(list, revoke)
	return cmd
}

// operatorFlags are those of a verb below "oidc op" that opens the store.
func operatorFlags(cmd *cobra.Command) *opFlags {
	f := &opFlags{}
	fs := cmd.Flags()
	fs.StringVar(&f.config, "config", "", "the configuration of the provider; the same as the argument")
	fs.StringVar(&f.Store, "store", "", "store.url, in place of the configuration's")
	fs.StringVar(&f.StoreKeyFile, "store-key-file", "", "store.key_file, in place of the configuration's")
	return f
}

// listing makes a verb that lists. Each row has the cells of a line and what JSON says.
func (c *command) listing(use, short, name string, heads []any, rows func(ctx context.Context, o *provider.Operator, user string) ([][]any, any, error), users bool) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, Args: cobra.MaximumNArgs(1)}
	f := operatorFlags(cmd)
	user := ""
	if users {
		cmd.Flags().StringVar(&user, "user", "", "of this user, by its subject (default: all users of the configuration)")
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return c.operated(cmd.Context(), f, args, func(ctx context.Context, o *provider.Operator) error {
			cells, list, err := rows(ctx, o, user)
			if err != nil {
				return err
			}
			c.spoken = true
			if c.output == "json" {
				return c.json(map[string]any{"outcome": "ok", name: list})
			}
			w := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
			line(w, heads)
			for _, row := range cells {
				line(w, row)
			}
			return w.Flush()
		})
	}
	return cmd
}

func line(w *tabwriter.Writer, cells []any) {
	for i, cell := range cells {
		end := "\t"
		if i == len(cells)-1 {
			end = "\n"
		}
		_, _ = fmt.Fprintf(w, "%v%s", cell, end)
	}
}

// revoking makes a verb that ends what has an ID.
func (c *command) revoking(short string, users bool, revoke func(ctx context.Context, o *provider.Operator, id string) error) *cobra.Command {
	cmd := &cobra.Command{Use: "revoke ID [CONFIG]", Short: short, Args: cobra.RangeArgs(1, 2)}
	f := operatorFlags(cmd)
	user := ""
	if users {
		cmd.Use = "revoke {ID | --user SUBJECT} [CONFIG]"
		cmd.Args = cobra.MaximumNArgs(2)
		cmd.Flags().StringVar(&user, "user", "", "end all sessions and grants of this user, by its subject")
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		id := ""
		if user == "" {
			if len(args) == 0 {
				return &conversation.SettingError{Text: "name what is to be revoked, by its ID or by --user"}
			}
			id, args = args[0], args[1:]
		}
		return c.operated(cmd.Context(), f, args, func(ctx context.Context, o *provider.Operator) error {
			var err error
			if user != "" {
				err = o.RevokeUser(ctx, user)
			} else {
				err = revoke(ctx, o, id)
			}
			if err != nil {
				return err
			}
			c.spoken = true
			if c.output == "json" {
				return c.json(map[string]any{"outcome": "ok"})
			}
			_, err = fmt.Fprintln(c.out, "revoked")
			return err
		})
	}
	return cmd
}

func (c *command) opSessions() *cobra.Command {
	type session struct {
		ID       string    `json:"id"`
		User     string    `json:"user"`
		AuthTime time.Time `json:"auth_time"`
		Until    time.Time `json:"until"`
	}
	list := c.listing("list [CONFIG]", "List the sessions", "sessions", []any{"ID", "USER", "SINCE", "UNTIL"},
		func(ctx context.Context, o *provider.Operator, user string) ([][]any, any, error) {
			all, err := o.Sessions(ctx, user)
			rows, objects := [][]any{}, []session{}
			for _, s := range all {
				rows = append(rows, []any{s.ID, s.User, when(s.AuthTime), when(s.Until)})
				objects = append(objects, session{s.ID, s.User, s.AuthTime, s.Until})
			}
			return rows, objects, err
		}, true)
	revoke := c.revoking("End a session, and tell the clients of it", true, func(ctx context.Context, o *provider.Operator, id string) error {
		return o.RevokeSession(ctx, id)
	})
	return c.operator("sessions", "List and end the sessions of users", list, revoke)
}

func (c *command) opGrants() *cobra.Command {
	type grant struct {
		ID       string    `json:"id"`
		User     string    `json:"user"`
		Client   string    `json:"client_id"`
		Scope    string    `json:"scope"`
		Resource []string  `json:"resource,omitempty"`
		Offline  bool      `json:"offline"`
		Until    time.Time `json:"until"`
	}
	list := c.listing("list [CONFIG]", "List what users allowed clients", "grants", []any{"ID", "USER", "CLIENT", "SCOPE", "UNTIL"},
		func(ctx context.Context, o *provider.Operator, user string) ([][]any, any, error) {
			all, err := o.Grants(ctx, user)
			rows, objects := [][]any{}, []grant{}
			for _, g := range all {
				rows = append(rows, []any{g.ID, g.User, g.Client, g.Scope.String(), when(g.Until)})
				objects = append(objects, grant{g.ID, g.User, g.Client, g.Scope.String(), g.Resource, g.Offline, g.Until})
			}
			return rows, objects, err
		}, true)
	revoke := c.revoking("End a grant with its tokens", true, func(ctx context.Context, o *provider.Operator, id string) error {
		return o.RevokeGrant(ctx, id)
	})
	return c.operator("grants", "List and end what users allowed clients", list, revoke)
}

func (c *command) opClients() *cobra.Command {
	list := c.listing("list [CONFIG]", "List the clients", "clients", []any{"CLIENT", "REGISTERED", "NAME"},
		func(ctx context.Context, o *provider.Operator, _ string) ([][]any, any, error) {
			all, err := o.Clients(ctx)
			rows := [][]any{}
			for _, client := range all {
				registered := "in the configuration"
				if client.Registered {
					registered = when(client.Issued)
				}
				rows = append(rows, []any{client.ID, registered, fmt.Sprintf("%q", client.Name)})
			}
			return rows, append([]provider.ClientInfo{}, all...), err
		}, false)
	revoke := c.revoking("Forget a client that registered itself; its tokens are good no more", false, func(ctx context.Context, o *provider.Operator, id string) error {
		return o.RevokeClient(ctx, id)
	})
	return c.operator("clients", "List and end clients", list, revoke)
}

func when(t time.Time) string { return t.UTC().Format(time.RFC3339) }
