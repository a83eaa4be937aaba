package readme

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/oidcservice/oidc/message"
)

// vectors returns the rules that a vector of testdata/rules breaks.
func vectors() (map[message.Rule]bool, error) {
	files, err := filepath.Glob(filepath.Join(top, "testdata", "rules", "*.json"))
	if err != nil {
		return nil, err
	}
	broken := map[message.Rule]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		var list []struct {
			Rule  message.Rule    `json:"rule"`
			Break json.RawMessage `json:"break"`
		}
		if err := json.Unmarshal(text, &list); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		for _, v := range list {
			if len(v.Break) > 0 {
				broken[v.Rule] = true
			}
		}
	}
	return broken, nil
}

// rulesPage prints the rule table.
func rulesPage() ([]byte, error) {
	vector, err := vectors()
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
The last column says whether ` + "`testdata/rules/`" + ` holds a vector that breaks the rule.

`)
	for _, side := range []struct {
		title string
		rules []message.Rule
	}{{"Relying party", client}, {"Provider", provider}} {
		count := map[message.Level]int{}
		for _, rule := range side.rules {
			count[rule.Level()]++
		}
		fmt.Fprintf(&b, "## %s\n\n%d rules: %d MUST, %d SHOULD, %d HARDENING.\n\n", side.title, len(side.rules),
			count[message.Must], count[message.Should], count[message.Hardening])
		b.WriteString("| rule | level | document | section | also | text | vector |\n|---|---|---|---|---|---|---|\n")
		for _, rule := range side.rules {
			has := ""
			if vector[rule] {
				has = "yes"
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | %s | %s |\n", rule, rule.Level(), rule.Document(), rule.Section(),
				others(rule), strings.ReplaceAll(rule.Text(), "|", `\|`), has)
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
