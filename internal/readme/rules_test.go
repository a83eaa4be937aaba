package readme

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/oidcservice/oidc/message"
)

// rulesPage prints the rule table.
func rulesPage() ([]byte, error) {
	shown, err := proofs()
	if err != nil {
		return nil, err
	}
	var client, provider, resource []message.Rule
	for _, rule := range message.Rules() {
		switch side, _, _ := strings.Cut(string(rule), "_"); side {
		case "op":
			provider = append(provider, rule)
		case "rs":
			resource = append(resource, rule)
		default:
			client = append(client, rule)
		}
	}
	var b bytes.Buffer
	b.WriteString(`# Rules

<!-- Generated from the rule table of package message by "make docs"; do not edit. -->

A rule is one requirement that this toolkit enforces. Its name is what reports print, what
` + "`errors.Is`" + ` compares and what test vectors are called. The level says how binding the cited text
makes it for the side that enforces it; HARDENING is a choice of this toolkit where the text leaves one.
The last column says how it is shown that the rule is enforced: by vectors of ` + "`testdata/rules/`" + ` of which one
keeps the rule and one breaks it, or by the Go tests that are named.

`)
	for _, side := range []struct {
		title string
		rules []message.Rule
	}{{"Relying party", client}, {"Provider", provider}, {"Resource server", resource}} {
		count, proven := map[message.Level]int{}, map[string]int{}
		for _, rule := range side.rules {
			count[rule.Level()]++
			proven[shown[rule].how()]++
		}
		fmt.Fprintf(&b, "## %s\n\n%d rules: %d MUST, %d SHOULD, %d HARDENING. %d have a vector, %d a test, %d cannot apply; %d have nothing yet.\n\n",
			side.title, len(side.rules), count[message.Must], count[message.Should], count[message.Hardening],
			proven["vector"], proven["test"], proven["none"], proven[""])
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
