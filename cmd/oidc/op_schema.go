package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/oidcservice/oidc/cmd/internal/conversation"
	"github.com/oidcservice/oidc/cmd/internal/store"
)

func (c *command) opSchema() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "schema [CONFIG]",
		Short: "Print the SQL that makes the tables of a store",
		Long: `Prints the statements that opening the store runs, for who lets nobody but a migration make
tables; ?migrate=false in the store's URL then has the provider run none. The database is
not asked anything.

  oidc op schema --store postgres: | psql
  oidc op schema op.yaml`,
		Args: cobra.MaximumNArgs(1),
	}
	f := &opFlags{}
	fs := cmd.Flags()
	fs.StringVar(&f.config, "config", "", "the configuration of the provider; the same as the argument")
	fs.StringVar(&f.Store, "store", "", "store.url, in place of the configuration's: sqlite:, postgres: or mysql: is enough")
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		if err := c.only("text"); err != nil {
			return err
		}
		url := f.Store
		if url == "" {
			if len(args) == 0 && f.config == "" {
				return &conversation.SettingError{Flag: "store", Text: "name the store or the configuration of the provider"}
			}
			setup, err := f.load(args)
			if err != nil {
				return err
			}
			url = setup.Store.URL.Reveal()
		}
		text, err := store.Schema(url)
		var wrong *store.SettingError
		if errors.As(err, &wrong) {
			return &conversation.SettingError{Flag: "store", Text: wrong.Text}
		}
		if err != nil {
			return err
		}
		c.spoken = true
		_, err = fmt.Fprint(c.out, text)
		return err
	}
	return cmd
}
