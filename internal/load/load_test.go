//go:build unix

package main

import (
	"bytes"
	"context"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

// The servers are started from the binary that measures, here the test's.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "-serve" {
		main()
		return
	}
	os.Exit(m.Run())
}

// Every scenario gives the figures of both servers and a ratio; the rounds are far too
// short for the ratio to mean anything.
func TestCompare(t *testing.T) {
	var out bytes.Buffer
	s := settings{requests: 40, rounds: 1, connections: 4, users: 3, lifetime: time.Minute}
	if err := compare(t.Context(), s, &out); err != nil {
		t.Fatal(err)
	}
	for _, sc := range scenarios {
		for _, want := range []string{
			`\| ` + sc.title + ` \| floor \| [0-9.]+ µs \|  \|  \| [0-9.]+ ms \| [0-9.]+ ms \|`,
			`\| ` + sc.title + ` \| op \| [0-9.]+ µs \| [0-9.]+ \| 1\.[46] \| [0-9.]+ ms \| [0-9.]+ ms \|`,
		} {
			if !regexp.MustCompile(want).MatchString(out.String()) {
				t.Errorf("no row %s in\n%s", want, &out)
			}
		}
	}
}

// Under constant load there is a row for every sample, and an error ends it.
func TestWatch(t *testing.T) {
	var out bytes.Buffer
	s := settings{memory: 2 * time.Second, rate: 50, connections: 4, users: 3, lifetime: 10 * time.Second}
	if err := watch(t.Context(), s, &out); err != nil {
		t.Fatal(err)
	}
	if rows := strings.Count(out.String(), " MB | "); rows != 2*samples {
		t.Errorf("%d figures in\n%s", rows, &out)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := watch(ctx, s, &out); err == nil {
		t.Error("a run that was given up has no error")
	}
}

// An answer without the token that was asked for, or with an error, is not counted as one.
func TestWrongAnswersAreNotMeasured(t *testing.T) {
	op, err := start(t.Context(), "-serve", "op")
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := op.stop(); err != nil {
			t.Error(err)
		}
	}()
	g := newGenerator(op.url, 2, false)
	if _, err := g.redeem(t.Context(), codeForm("unknown", fresh())); err == nil || !strings.Contains(err.Error(), "invalid_grant") {
		t.Errorf("an unknown code: %v", err)
	}
	before, err := op.usage("cpu")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.redeem(t.Context(), credentialsForm()); err != nil {
		t.Error(err)
	}
	after, err := op.usage("heap")
	if err != nil || after.CPU <= before.CPU || after.Heap == 0 {
		t.Errorf("%+v, then %+v, %v", before, after, err)
	}
}

func TestFlags(t *testing.T) {
	for _, args := range [][]string{{"-requests", "0"}, {"-scenario", "x"}, {"more"}, {"-unknown"}} {
		if err := run(t.Context(), args, nil, new(bytes.Buffer)); err == nil {
			t.Errorf("%q: no error", args)
		}
	}
}
