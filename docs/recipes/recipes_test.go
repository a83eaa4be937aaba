package recipes

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the differences into README.md")

// A tie says which two files a block of README.md compares.
var tie = regexp.MustCompile("(?s)(<!-- diff: (\\S+) (\\S+) -->\n\n```diff\n)(.*?)(```\n)")

func TestDifferencesAreThoseOfTheFiles(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]bool{}
	page := tie.ReplaceAllStringFunc(string(text), func(block string) string {
		m := tie.FindStringSubmatch(block)
		shown[filepath.Dir(m[3])] = true
		return m[1] + unified(lines(t, m[2]), lines(t, m[3])) + m[5]
	})
	if page != string(text) {
		if !*update {
			t.Error("README.md does not show the files as they are; run: go test ./docs/recipes -update")
		} else if err := os.WriteFile("README.md", []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	folders, err := filepath.Glob("*/*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range folders {
		if dir := filepath.Dir(name); dir != "nethttp" && !shown[dir] {
			t.Errorf("README.md does not show %s", dir)
		}
	}
}

func lines(t *testing.T, name string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.FromSlash(name))
	if err != nil {
		t.Fatal(err)
	}
	return strings.SplitAfter(strings.TrimSuffix(string(text), "\n"), "\n")
}

// unified returns the differences of two files with three lines around each.
func unified(a, b []string) string {
	type edit struct {
		mark string
		line string
	}
	// length[i][j] is how many lines a[i:] and b[j:] have in common, in order.
	length := make([][]int, len(a)+1)
	for i := range length {
		length[i] = make([]int, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if length[i][j] = max(length[i+1][j], length[i][j+1]); a[i] == b[j] {
				length[i][j] = length[i+1][j+1] + 1
			}
		}
	}
	var all []edit
	for i, j := 0, 0; i < len(a) || j < len(b); {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			all = append(all, edit{" ", a[i]})
			i, j = i+1, j+1
		case j == len(b) || i < len(a) && length[i+1][j] >= length[i][j+1]:
			all = append(all, edit{"-", a[i]})
			i++
		default:
			all = append(all, edit{"+", b[j]})
			j++
		}
	}
	const around = 3
	near := func(at int) bool {
		for i := max(0, at-around); i <= min(len(all)-1, at+around); i++ {
			if all[i].mark != " " {
				return true
			}
		}
		return false
	}
	var out strings.Builder
	skipped := false
	for i, e := range all {
		if !near(i) {
			skipped = true
			continue
		}
		if skipped {
			out.WriteString("@@\n")
			skipped = false
		}
		out.WriteString(strings.TrimRight(e.mark+strings.TrimSuffix(e.line, "\n"), " ") + "\n")
	}
	return out.String()
}

func TestUnified(t *testing.T) {
	split := func(text string) []string { return strings.SplitAfter(text, "\n") }
	got := unified(split("1\n2\n3\n4\n5\n6\nold\n7\n8\n9\n10\n11"), split("1\n2\n3\n4\n5\n6\nnew\n7\n8\n9\n10\n11"))
	if want := "@@\n 4\n 5\n 6\n-old\n+new\n 7\n 8\n 9\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := unified(split("a\nb"), split("a\nb")); got != "" {
		t.Errorf("no difference is shown as %q", got)
	}
}
