// Load measures what a provider costs: server CPU for each request and memory under
// constant load, beside the floor of a bare net/http handler, in one run on one machine.
//
//	go run ./internal/load                     the two ratios
//	go run ./internal/load -memory 10m         memory under constant load
//	go run ./internal/load -profile cpu.prof   a profile of the provider while it is measured
//
// Each server is a process of its own, started from the same binary, that serves plain http
// on a loopback port with op.Provider or with the floor. The generator is another process,
// so that its work is not in the figures: what is counted is the CPU time, user and system,
// that the operating system charges to the server. Provider and floor take turns, several
// rounds each, so that whatever else the machine does falls upon both.
//
// See docs/load.md for what was measured.
package main
