package message

import (
	"strings"
	"testing"
)

// TestPlain holds the look at eight bytes at a time against one at each: every byte, at
// every place of a text, among those that might mislead it.
func TestPlain(t *testing.T) {
	for _, filler := range []string{"a", " ", "!", "#", "[", "]", "\x7f", "\x80", "\xa2", "\xdc", "\xff"} {
		for length := range 20 {
			for at := range length {
				for c := range 256 {
					text := strings.Repeat(filler, at) + string([]byte{byte(c)}) + strings.Repeat(filler, length-at-1)
					for from := range at + 1 {
						want := length
						if c < ' ' || c == '"' || c == '\\' {
							want = at
						}
						if got := plain(text, from); got != want {
							t.Fatalf("%q from %d: %d, want %d", text, from, got, want)
						}
					}
				}
			}
		}
	}
}
