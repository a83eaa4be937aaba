package readme

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#{1,6} +(.*)$`)
	fence   = regexp.MustCompile("(?s)(?:^|\n)```.*?\n```")
)

// anchors returns the anchors that a page's headings make.
func anchors(page string) map[string]bool {
	out := map[string]bool{}
	for _, m := range heading.FindAllStringSubmatch(fence.ReplaceAllString(page, ""), -1) {
		var b strings.Builder
		for _, r := range strings.ToLower(strings.TrimSpace(m[1])) {
			switch {
			case r == ' ':
				b.WriteRune('-')
			case r == '-' || r == '_' || r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
				b.WriteRune(r)
			}
		}
		out[b.String()] = true
	}
	return out
}

func TestLinksLeadSomewhere(t *testing.T) {
	read := func(name string) (string, error) {
		text, err := os.ReadFile(filepath.Join(top, filepath.FromSlash(name)))
		return string(text), err
	}
	for _, name := range pages(t) {
		page, err := read(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(fence.ReplaceAllString(page, ""), -1) {
			target, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(target, ":") {
				continue // another site
			}
			to := name
			if target != "" {
				to = path.Join(path.Dir(name), target)
			}
			info, err := os.Stat(filepath.Join(top, filepath.FromSlash(to)))
			if err != nil {
				t.Errorf("%s: the link to %s leads nowhere", name, m[1])
				continue
			}
			if anchor == "" {
				continue
			}
			if info.IsDir() {
				t.Errorf("%s: the link to %s names an anchor of a folder", name, m[1])
				continue
			}
			linked, err := read(to)
			if err != nil {
				t.Fatal(err)
			}
			if !anchors(linked)[anchor] {
				t.Errorf("%s: %s has no heading #%s", name, to, anchor)
			}
		}
	}
}

// Each page of docs/ can be reached from its index.
func TestIndexIsComplete(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(top, "docs", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	linked := map[string]bool{"docs/README.md": true}
	for _, m := range link.FindAllStringSubmatch(string(text), -1) {
		target, _, _ := strings.Cut(m[1], "#")
		linked[path.Join("docs", target)] = true
	}
	for _, name := range pages(t) {
		if strings.HasPrefix(name, "docs/") && !linked[name] {
			t.Errorf("docs/README.md does not lead to %s", name)
		}
	}
}
