package main

import (
	"bufio"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/oidcservice/oidc/cmd/internal/conversation"
	"github.com/oidcservice/oidc/cmd/internal/password"
)

// maxPassword bounds a password; a login form is not larger.
const maxPassword = 4 << 10

func (c *command) opHash() *cobra.Command {
	p := password.Recommended
	memory, passes, lanes := p.Memory>>10, p.Time, p.Threads
	cmd := &cobra.Command{
		Use:   "hash",
		Short: "Print the argon2id hash of a password from stdin, for the users file",
		Long: `Reads one line from stdin, without showing it when that is a terminal, and prints its
argon2id hash (RFC 9106) in the form that the users file takes. The defaults are those that
RFC 9106, Section 4, recommends where memory is limited; each login takes that much.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if err := c.only("text"); err != nil {
				return err
			}
			typed, err := c.password()
			if err != nil {
				return err
			}
			if typed == "" {
				return &conversation.SettingError{Text: "stdin: there is no password"}
			}
			if memory > 4<<10 {
				return &conversation.SettingError{Flag: "memory", Text: "want at most 4096 MiB"}
			}
			h, err := password.New(typed, password.Params{Memory: memory << 10, Time: passes, Threads: lanes}, rand.Reader)
			if err != nil {
				return &conversation.SettingError{Text: err.Error()}
			}
			c.spoken = true
			_, err = fmt.Fprintln(c.out, h)
			return err
		},
	}
	fs := cmd.Flags()
	fs.Uint32Var(&memory, "memory", memory, "memory in MiB")
	fs.Uint32Var(&passes, "passes", passes, "passes over the memory")
	fs.Uint8Var(&lanes, "lanes", lanes, "lanes")
	return cmd
}

// password reads one line from stdin, which a terminal does not show.
func (c *command) password() (string, error) {
	if f, ok := c.in.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		_, _ = fmt.Fprint(c.err, "Password: ")
		typed, err := term.ReadPassword(int(f.Fd()))
		_, _ = fmt.Fprintln(c.err)
		return string(typed), err
	}
	line, err := bufio.NewReader(io.LimitReader(c.in, maxPassword+1)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	if len(line) > maxPassword {
		return "", &conversation.SettingError{Text: fmt.Sprintf("stdin: want at most %d bytes", maxPassword)}
	}
	return strings.TrimRight(line, "\r\n"), nil
}
