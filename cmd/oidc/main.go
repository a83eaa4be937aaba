// Oidc shows, tests and runs OpenID Connect conversations: "oidc help" tells the verbs.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/oidcservice/oidc/cmd/internal/conversation"
	"github.com/oidcservice/oidc/cmd/internal/report"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// A command is one run of the binary.
type command struct {
	in       io.Reader
	out, err io.Writer

	// The flags of all verbs.
	output      string
	showSecrets bool
	quiet       bool
	noColour    bool

	exit   int
	spoken bool // something was written that says how it ended
}

// run is main without the process.
func run(ctx context.Context, args []string, in io.Reader, out, errw io.Writer) (exit int) {
	c := &command{in: in, out: out, err: errw}
	root := c.root()
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errw)
	defer func() {
		if fault := recover(); fault != nil {
			exit = c.end(&report.Report{Problem: &report.Problem{Kind: report.Internal, Message: fmt.Sprintf("internal fault: %v", fault)}}, args)
		}
	}()
	if err := root.ExecuteContext(ctx); err != nil {
		return c.end(&report.Report{Problem: usage(err)}, args)
	}
	return c.exit
}

// usage is the problem of a command line that is wrong.
func usage(err error) *report.Problem {
	p := conversation.ProblemOf(err, false)
	if p.Kind == report.Internal {
		p.Kind = report.Config // cobra's own errors have no type
	}
	return p
}

// end writes a report that no verb has written and returns the exit code. The
// command line may not have been parsed, so the wanted output is looked for in it.
func (c *command) end(r *report.Report, args []string) int {
	if wantsJSON(args) {
		c.output = "json"
	}
	if c.output == "json" && !c.spoken {
		_ = report.Write(c.out, r, report.Options{Format: "json"})
	}
	c.complain(r)
	return r.Problem.ExitCode()
}

// complain says on stderr why it failed.
func (c *command) complain(r *report.Report) {
	if r.Problem == nil {
		return
	}
	text := r.Problem.Message
	if r.FailedStep != "" && !strings.HasPrefix(text, r.FailedStep+":") {
		text = r.FailedStep + ": " + text
	}
	_, _ = fmt.Fprintln(c.err, "oidc: "+report.Safe(r, text, c.showSecrets))
	if r.Problem.Hint != "" {
		_, _ = fmt.Fprintln(c.err, "oidc: "+r.Problem.Hint)
	}
}

func wantsJSON(args []string) bool {
	for i, arg := range args {
		if arg == "--output=json" || arg == "--output" && i+1 < len(args) && args[i+1] == "json" {
			return true
		}
		if arg == "--" {
			return false
		}
	}
	return false
}

func (c *command) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "oidc",
		Short: "See, test and run OpenID Connect conversations",
		Long: `oidc shows an OpenID Connect login step by step, tests providers, and runs one.

  oidc walkthrough                    a whole login, with a provider inside this process
  oidc walkthrough --issuer URL       the same with a provider out there

Exit codes: 0 done, 1 internal fault, 2 wrong usage or configuration, 3 network, TLS or
HTTP failure, 4 the provider declared an OAuth error, 5 a verification or an expectation
failed, 6 timed out or cancelled, 7 lint findings.`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Version:       version(),
		Args:          cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, _ = fmt.Fprintln(c.err, cmd.UsageString())
			return &conversation.SettingError{Text: "name a verb"}
		},
		PersistentPreRunE: func(*cobra.Command, []string) error {
			if !slices.Contains(report.Formats(), c.output) {
				return &conversation.SettingError{Flag: "output", Text: fmt.Sprintf("unknown value %q; known are %s", c.output, strings.Join(report.Formats(), ", "))}
			}
			return nil
		},
	}
	flags := root.PersistentFlags()
	flags.StringVar(&c.output, "output", "text", "what to print: "+strings.Join(report.Formats(), ", "))
	flags.BoolVar(&c.showSecrets, "show-secrets", false, "print secrets instead of "+report.Masked)
	flags.BoolVar(&c.quiet, "quiet", false, "narrate nothing on stderr")
	flags.BoolVar(&c.noColour, "no-color", false, "never colour (also NO_COLOR)")
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetHelpCommand(&cobra.Command{Hidden: true})
	root.AddCommand(c.walkthrough(), c.replay(), c.discover(), c.lint(), c.decode(), c.services(), c.keys(), c.op(), c.device(), c.ciba(), c.exchange(),
		c.introspect(), c.revoke(), c.demo(), c.completion())
	judgeArguments(root)
	root.SetFlagErrorFunc(judgeFlag)
	return root
}

// judgeFlag repeats nothing of what was taken for a bundle of short flags: a token may
// begin with a dash, too.
func judgeFlag(_ *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	if errors.As(err, &unknown) && unknown.GetSpecifiedShortnames() != "" {
		return &conversation.SettingError{Text: "unknown short flag; an argument that begins with a dash comes after --"}
	}
	return err
}

// judgeArguments has cmd and all below it say what they want, where cobra only counts
// arguments, or takes a superfluous one for a verb.
func judgeArguments(cmd *cobra.Command) {
	judge := cmd.Args
	cmd.SuggestionsMinimumDistance = 2
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if judge(cmd, args) == nil {
			return nil
		}
		if cmd.HasSubCommands() && cmd.Use == cmd.Name() {
			text := fmt.Sprintf("unknown verb %q", args[0])
			if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
				text += "; do you mean " + strings.Join(near, " or ") + "?"
			}
			return &conversation.SettingError{Text: text}
		}
		return &conversation.SettingError{Text: "wrong number of arguments; usage: " + cmd.UseLine()}
	}
	for _, verb := range cmd.Commands() {
		judgeArguments(verb)
	}
}

// version is that of the module that this binary was built from, and of the Go release.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	return info.Main.Version + " (" + info.GoVersion + ")"
}

// write shows r in the wanted format and sets the exit code. caFile is where the trust
// roots came from that were added to the system's, empty if none were.
func (c *command) write(r *report.Report, caFile string) error {
	c.spoken = true
	err := report.Write(c.out, r, report.Options{
		Format: c.output, ShowSecrets: c.showSecrets, Colour: c.coloured(), Width: c.width(),
		CAFile: func(string) string { return caFile },
	})
	if err != nil {
		return err
	}
	c.complain(r)
	c.exit = r.Problem.ExitCode()
	return nil
}

// only refuses outputs that a verb does not have.
func (c *command) only(formats ...string) error {
	if !slices.Contains(formats, c.output) {
		return &conversation.SettingError{Flag: "output", Text: "this verb prints " + strings.Join(formats, ", ")}
	}
	return nil
}

func (c *command) terminal() (int, bool) {
	f, ok := c.out.(*os.File)
	if !ok {
		return 0, false
	}
	fd := int(f.Fd())
	return fd, term.IsTerminal(fd)
}

func (c *command) coloured() bool {
	_, terminal := c.terminal()
	return terminal && !c.noColour && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

func (c *command) width() int {
	if fd, terminal := c.terminal(); terminal {
		if width, _, err := term.GetSize(fd); err == nil {
			return width
		}
	}
	return 0
}

// narrate says on stderr what is being done, where stdout does not show it anyway.
func (c *command) narrate(s *report.Step) {
	if c.quiet || c.output == "text" {
		return
	}
	_, _ = fmt.Fprintln(c.err, report.Narration(s))
}

func (c *command) io() conversation.IO {
	return conversation.IO{In: c.in, Err: c.err, Narrate: c.narrate}
}
