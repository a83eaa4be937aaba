package readme

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/oidcservice/oidc/message"
)

// proofs says for each rule what shows that it is enforced: "vector" when a file of
// testdata/rules breaks it, "test" when a test is named there that does.
func proofs() (map[message.Rule]string, error) {
	shown := map[message.Rule]string{}
	dir := filepath.Join(top, "testdata", "rules")
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, _ fs.DirEntry, err error) error {
		if err != nil || path.Ext(name) != ".json" {
			return err
		}
		text, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		if err != nil {
			return err
		}
		var vectors []struct {
			Rule  message.Rule    `json:"rule"`
			Break json.RawMessage `json:"break"`
		}
		if json.Unmarshal(text, &vectors) == nil {
			for _, v := range vectors {
				if len(v.Break) > 0 {
					shown[v.Rule] = "vector"
				}
			}
			return nil
		}
		var tests map[message.Rule][]string
		if err := json.Unmarshal(text, &tests); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		for rule := range tests {
			if shown[rule] == "" {
				shown[rule] = "test"
			}
		}
		return nil
	})
	return shown, err
}

// rulesPage prints the rule table.
func rulesPage() ([]byte, error) {
	shown, err := proofs()
	if err != nil {
		return nil, err
	}
	var client, provider []message.Rule
	for _, rule := range message.Rules() {
		if strings.HasPrefix(string(rule), "op_") {
			provider = append(provider, rule)
		} else {
			client = append(client, rule)
		}
	}
	var b bytes.Buffer
	b.WriteString(`# Rules

<!-- Generated from the rule table of package message by "make docs"; do not edit. -->

A rule is one requirement that this toolkit enforces. Its name is what reports print, what
` + "`errors.Is`" + ` compares and what test vectors are called. The level says how binding the cited text
makes it for the side that enforces it; HARDENING is a choice of this toolkit where the text leaves one.
The last column says how it is shown that the rule is enforced: by a vector of ` + "`testdata/rules/`" + ` that breaks
it, or by a test that is named there.

`)
	for _, side := range []struct {
		title string
		rules []message.Rule
	}{{"Relying party", client}, {"Provider", provider}} {
		count, proven := map[message.Level]int{}, map[string]int{}
		for _, rule := range side.rules {
			count[rule.Level()]++
			proven[shown[rule]]++
		}
		fmt.Fprintf(&b, "## %s\n\n%d rules: %d MUST, %d SHOULD, %d HARDENING. %d have a vector, %d a test; %d have neither yet.\n\n",
			side.title, len(side.rules), count[message.Must], count[message.Should], count[message.Hardening],
			proven["vector"], proven["test"], proven[""])
		b.WriteString("| rule | level | document | section | also | text | shown by |\n|---|---|---|---|---|---|---|\n")
		for _, rule := range side.rules {
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | %s | %s |\n", rule, rule.Level(), rule.Document(), rule.Section(),
				others(rule), strings.ReplaceAll(rule.Text(), "|", `\|`), shown[rule])
		}
		b.WriteString("\n")
	}
	return append(bytes.TrimRight(b.Bytes(), "\n"), '\n'), nil
}

// others returns what demands a rule besides the principal reference.
func others(rule message.Rule) string {
	var out []string
	for i, ref := range rule.References() {
		if i > 0 {
			out = append(out, ref.String())
		}
	}
	return strings.Join(out, "; ")
}
