package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/oidcservice/oidc/cmd/internal/conversation"
)

func (c *command) completion() *cobra.Command {
	return &cobra.Command{
		Use:       "completion SHELL",
		Short:     "Print the completion script of a shell: bash, zsh, fish or powershell",
		Args:      cobra.ExactArgs(1),
		ValidArgs: []string{"bash", "zsh", "fish", "powershell"},
		RunE: func(cmd *cobra.Command, args []string) error {
			root := cmd.Root()
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(c.out, true)
			case "zsh":
				return root.GenZshCompletion(c.out)
			case "fish":
				return root.GenFishCompletion(c.out, true)
			case "powershell":
				return root.GenPowerShellCompletionWithDesc(c.out)
			}
			return &conversation.SettingError{Text: fmt.Sprintf("unknown shell %q; known are bash, zsh, fish, powershell", args[0])}
		},
	}
}
