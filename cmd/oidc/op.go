package main

import (
	"github.com/spf13/cobra"

	"github.com/oidcservice/oidc/cmd/internal/conversation"
)

func (c *command) op() *cobra.Command {
	return &cobra.Command{
		Use:   "op",
		Short: "Run a provider",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return &conversation.SettingError{Text: "this build has no provider"}
		},
	}
}
