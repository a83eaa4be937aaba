package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"time"
)

// A measured is what the rounds of one server gave.
type measured struct {
	cpu       []time.Duration // of a request, a value for each round
	latencies []time.Duration // of every request
}

func median(all []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[len(sorted)/2]
}

func quantile(all []time.Duration, q float64) time.Duration {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[min(int(float64(len(sorted))*q), len(sorted)-1)]
}

// compare prints what each scenario costs beside its floor.
func compare(ctx context.Context, s settings, out io.Writer) error {
	fmt.Fprintf(out, "%s %s/%s, %d processors; %d rounds of %d requests, %d at a time\n\n",
		runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), s.rounds, s.requests, s.connections)
	fmt.Fprintln(out, "| request | server | CPU a request | ratio | target | p50 | p99 |")
	fmt.Fprintln(out, "|---|---|--:|--:|--:|--:|--:|")
	var missed []error
	for _, sc := range scenarios {
		if s.scenario != "" && s.scenario != sc.name {
			continue
		}
		ours, least, err := measure(ctx, s, sc)
		if err != nil {
			return fmt.Errorf("%s: %w", sc.name, err)
		}
		ratio := ratioOf(ours, least)
		row(out, sc.title, "floor", least, "", "")
		row(out, sc.title, "op", ours, fmt.Sprintf("%.2f", ratio), fmt.Sprintf("%.1f", sc.target))
		if ratio > sc.target {
			missed = append(missed, fmt.Errorf("%s costs %.2f times the floor, want at most %.1f", sc.title, ratio, sc.target))
		}
	}
	if s.gate {
		return errors.Join(missed...)
	}
	return nil
}

// ratioOf compares round by round, since what disturbs one round disturbs its neighbour.
func ratioOf(ours, least *measured) float64 {
	var ratios []float64
	for i := range ours.cpu {
		ratios = append(ratios, float64(ours.cpu[i])/float64(least.cpu[i]))
	}
	slices.Sort(ratios)
	return ratios[len(ratios)/2]
}

func row(out io.Writer, title, server string, m *measured, ratio, target string) {
	fmt.Fprintf(out, "| %s | %s | %.1f µs | %s | %s | %.2f ms | %.2f ms |\n", title, server,
		float64(median(m.cpu))/1e3, ratio, target, float64(quantile(m.latencies, 0.5))/1e6, float64(quantile(m.latencies, 0.99))/1e6)
}

// measure runs a scenario against the provider and against the floor, in turns.
func measure(ctx context.Context, s settings, sc scenario) (ours, least *measured, err error) {
	args := []string{"-serve", "op", "-lifetime", "10m"}
	if s.profile != "" {
		args = append(args, "-profile", s.profile)
	}
	op, err := start(ctx, args...)
	if err != nil {
		return nil, nil, err
	}
	bare, err := start(ctx, "-serve", "floor")
	if err != nil {
		return nil, nil, errors.Join(err, op.stop())
	}
	defer func() { err = errors.Join(err, op.stop(), bare.stop()) }()
	g, f := newGenerator(op.url, s.connections, false), newGenerator(bare.url, s.connections, true)
	if err := g.login(ctx, s.users); err != nil {
		return nil, nil, err
	}
	ours, least = new(measured), new(measured)
	for i := range s.rounds + 1 {
		for _, one := range []struct {
			server *child
			g      *generator
			m      *measured
		}{{op, g, ours}, {bare, f, least}} {
			if err := round(ctx, s, sc, one.server, one.g, one.m); err != nil {
				return nil, nil, err
			}
		}
		if i == 0 { // connections are made and caches filled
			*ours, *least = measured{}, measured{}
		}
	}
	return ours, least, nil
}

// round measures a number of requests.
func round(ctx context.Context, s settings, sc scenario, server *child, g *generator, m *measured) error {
	forms, err := sc.prepare(ctx, g, s.requests)
	if err != nil {
		return err
	}
	latencies := make([]time.Duration, len(forms))
	before, err := server.usage("cpu")
	if err != nil {
		return err
	}
	err = g.each(len(forms), func(i int) error {
		var err error
		latencies[i], err = g.redeem(ctx, forms[i])
		return err
	})
	if err != nil {
		return err
	}
	after, err := server.usage("cpu")
	if err != nil {
		return err
	}
	m.cpu = append(m.cpu, (after.CPU-before.CPU)/time.Duration(len(forms)))
	m.latencies = append(m.latencies, latencies...)
	return nil
}
