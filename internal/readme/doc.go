// Package readme holds the tests that keep the documentation true: Go code in
// README.md and docs/ is code that is compiled and run here or elsewhere in the
// repository, links lead somewhere, and the generated pages are what their
// generators print today. It exports nothing.
//
// A code block is tied to its source by a comment above it:
//
//	<!-- code: factory/example_conversation_test.go Example_conversation -->
//
// names a file and the declarations that the block shows, in that order. Of an
// example function the body is shown, of anything else the declaration with its
// comment. "go test ./internal/readme -update" copies the source into the blocks and
// rewrites the generated pages.
package readme
