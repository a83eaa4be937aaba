// Package arch holds the tests that keep the architecture as docs/architecture.md
// describes it: who may import whom, where the clock is read and randomness drawn,
// which module owns which dependency. It exports nothing.
package arch
