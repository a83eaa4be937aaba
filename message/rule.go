package message

import (
	"strings"
	"sync"
)

// A Rule names one requirement that this toolkit enforces: a MUST or SHOULD of a
// specification, or a stricter choice of ours. The string is stable; reports,
// vectors and documentation use it. A Rule is an error, so that
//
//	errors.Is(err, message.RuleIDTokenAud)
//
// tells whether err reports that this rule was broken.
type Rule string

// Level says how binding the cited text makes a rule.
type Level int

// The levels of a rule.
const (
	Must      Level = iota + 1 // the cited text requires it of this role
	Should                     // the cited text recommends it; on by default
	Hardening                  // the text leaves the choice open and the toolkit takes the stricter one
)

// String returns the level in capitals, as RFC 2119 writes it.
func (l Level) String() string {
	switch l {
	case Must:
		return "MUST"
	case Should:
		return "SHOULD"
	case Hardening:
		return "HARDENING"
	}
	return ""
}

// A Reference is a place in a specification.
type Reference struct {
	Document string // "OpenID Connect Core 1.0", "RFC 9207"
	Section  string // "3.1.3.7", "Appendix B"; empty when the whole document is meant
}

// String returns the reference as it is cited: "RFC 9207, Section 2.4".
func (r Reference) String() string {
	switch {
	case r.Section == "":
		return r.Document
	case strings.HasPrefix(r.Section, "Appendix "):
		return r.Document + ", " + r.Section
	}
	return r.Document + ", Section " + r.Section
}

type ruleInfo struct {
	rule  Rule
	level Level
	refs  []Reference
	text  string
}

var ruleTable = sync.OnceValue(func() map[Rule]*ruleInfo {
	table := make(map[Rule]*ruleInfo, len(rpRules)+len(opRules)+len(rsRules))
	for _, rules := range [][]ruleInfo{rpRules, opRules, rsRules} {
		for i := range rules {
			table[rules[i].rule] = &rules[i]
		}
	}
	return table
})

// Rules returns all rules, the relying party's, then the provider's, then the resource server's, in protocol order.
func Rules() []Rule {
	all := make([]Rule, 0, len(rpRules)+len(opRules)+len(rsRules))
	for _, rules := range [][]ruleInfo{rpRules, opRules, rsRules} {
		for i := range rules {
			all = append(all, rules[i].rule)
		}
	}
	return all
}

// Error returns the rule's name, so that a Rule can be the target of errors.Is.
func (r Rule) Error() string { return string(r) }

// Known reports whether r stands in the rule table.
func (r Rule) Known() bool { return ruleTable()[r] != nil }

// References returns the places that demand the rule, the principal one first.
// It is empty for a hardening that no text asks for.
func (r Rule) References() []Reference {
	if info := ruleTable()[r]; info != nil {
		return info.refs
	}
	return nil
}

// Document returns the title of the principal specification, or "".
func (r Rule) Document() string {
	if refs := r.References(); len(refs) > 0 {
		return refs[0].Document
	}
	return ""
}

// Section returns the section of the principal specification, or "".
func (r Rule) Section() string {
	if refs := r.References(); len(refs) > 0 {
		return refs[0].Section
	}
	return ""
}

// Spec returns the principal reference as it is cited, or "" for a hardening
// without one: "OpenID Connect Core 1.0, Section 3.1.3.7".
func (r Rule) Spec() string {
	if refs := r.References(); len(refs) > 0 {
		return refs[0].String()
	}
	return ""
}

// Text returns what the rule says, in one sentence.
func (r Rule) Text() string {
	if info := ruleTable()[r]; info != nil {
		return info.text
	}
	return ""
}

// Level returns how binding the rule is, 0 for a rule that is not in the table.
func (r Rule) Level() Level {
	if info := ruleTable()[r]; info != nil {
		return info.level
	}
	return 0
}
