package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/oidcservice/oidc/cmd/internal/conversation"
	"github.com/oidcservice/oidc/cmd/internal/report"
	"github.com/oidcservice/oidc/service/transcript"
)

func (c *command) replay() *cobra.Command {
	return &cobra.Command{
		Use:   "replay FILE",
		Short: "Run a recorded conversation again, with no network",
		Long: `Runs a conversation that "walkthrough --record FILE" wrote once more: with no network, the
recorded clock and the recorded random values. Any byte that differs is reported, with
exit code 5.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			data, err := os.ReadFile(args[0])
			if err != nil {
				return &conversation.SettingError{Text: err.Error()}
			}
			t, err := transcript.Parse(data)
			if err != nil {
				return &conversation.SettingError{Text: args[0] + ": " + err.Error()}
			}
			r, differences, err := conversation.Replay(cmd.Context(), t, c.io())
			if err != nil {
				return err
			}
			if len(differences) > 0 {
				places := make([]string, len(differences))
				for i, d := range differences {
					places[i] = d.String()
				}
				was := ""
				if r.Problem != nil {
					was = " (and then: " + r.Problem.Message + ")"
				}
				step := differences[0].Service
				r.Problem = &report.Problem{
					Kind: report.Violation, Param: "replay",
					Message: fmt.Sprintf("the replay differs from the recording: %s%s", strings.Join(places, "; "), was),
				}
				r.FailedStep = step
			}
			return c.write(r, "")
		},
	}
}
