package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"time"
)

// settings are the flags.
type settings struct {
	serve       string // what a child process serves
	scenario    string
	requests    int
	rounds      int
	connections int
	users       int
	memory      time.Duration
	rate        int
	lifetime    time.Duration
	profile     string
	gate        bool
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, in io.Reader, out io.Writer) error {
	var s settings
	f := flag.NewFlagSet("load", flag.ContinueOnError)
	f.SetOutput(out)
	f.StringVar(&s.serve, "serve", "", "serve this `server`: op or floor; the generator starts its servers with it")
	f.StringVar(&s.scenario, "scenario", "", "measure one `scenario` only: "+strings.Join(names(), " or "))
	f.IntVar(&s.requests, "requests", 2000, "requests in a round")
	f.IntVar(&s.rounds, "rounds", 7, "rounds of each server; one more comes first and is not counted")
	f.IntVar(&s.connections, "connections", 8, "requests at a time")
	f.IntVar(&s.users, "users", 64, "users who log in")
	f.DurationVar(&s.memory, "memory", 0, "instead, watch memory under constant load for this `duration`")
	f.IntVar(&s.rate, "rate", 100, "logins and client credentials a second for -memory")
	f.DurationVar(&s.lifetime, "lifetime", time.Minute, "life of access tokens, and so of grants, for -memory")
	f.StringVar(&s.profile, "profile", "", "write a CPU profile of the provider to this `file`")
	f.BoolVar(&s.gate, "gate", false, "fail when a ratio is above its target")
	if err := f.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return err
	}
	switch {
	case f.NArg() > 0:
		return fmt.Errorf("unknown argument %q", f.Arg(0))
	case s.requests < 1 || s.rounds < 1 || s.connections < 1 || s.users < 1 || s.rate < 1:
		return errors.New("requests, rounds, connections, users and rate are positive")
	case s.scenario != "" && !slices.Contains(names(), s.scenario):
		return fmt.Errorf("unknown scenario %q", s.scenario)
	case s.serve != "":
		return serve(s, in, out)
	case s.memory > 0:
		return watch(ctx, s, out)
	}
	return compare(ctx, s, out)
}
