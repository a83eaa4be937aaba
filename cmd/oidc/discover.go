package main

import (
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/oidcservice/oidc/cmd/internal/conversation"
)

func (c *command) discover() *cobra.Command {
	s := conversation.Settings{UserAgent: conversation.Headless, Logins: 1, Until: "provider_info"}
	cmd := &cobra.Command{
		Use:   "discover ISSUER-OR-USER",
		Short: "Find a provider (WebFinger) and print its metadata",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if args[0] == "" {
				return &conversation.SettingError{Text: "want an issuer or a user, not an empty argument"}
			}
			if isIssuer(args[0]) {
				s.Issuer = args[0]
			} else {
				s.Resource = args[0]
			}
			r := conversation.Run(cmd.Context(), s, c.io(), nil)
			for _, step := range r.Steps {
				if step.Service == "provider_info" && step.Err == "" && step.Response != nil {
					r.Provider = []byte(step.Response.Body)
				}
			}
			return c.write(r, s.CAFile)
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&s.CAFile, "ca-file", "", "a file with further trust roots, PEM")
	fs.BoolVar(&s.InsecureAllowHTTP, "insecure-allow-http", false, "accept an http issuer; safe on a loopback interface only")
	fs.BoolVar(&s.InsecureAllowPrivate, "insecure-allow-private", false, "let URLs that the provider supplied lead to private addresses")
	fs.DurationVar(&s.Timeout, "timeout", 10*time.Second, "the time limit of each request")
	fs.DurationVar(&s.Deadline, "deadline", 0, "the time limit of the whole run")
	return cmd
}

// isIssuer tells an issuer from an identifier of a user: it is a URL without user.
func isIssuer(text string) bool {
	_, rest, ok := strings.Cut(text, "://")
	if !ok {
		return false
	}
	host, _, _ := strings.Cut(rest, "/")
	return !strings.Contains(host, "@")
}
