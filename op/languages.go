package op

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/oidcservice/oidc/message"
)

// maxTag limits a language tag, in bytes: each of its parts is looked up, and a header of a
// million of them would keep a processor busy for seconds. RFC 5646, Section 4.4.1, wants
// room for 35.
const maxTag = 100

// language picks the language of a page: what the request asks for, then what the browser
// prefers, then English.
func (p *Provider) language(r *http.Request, asked message.List) string {
	for _, tag := range slices.Concat(asked, preferred(r.Header.Get("Accept-Language"))) {
		if len(tag) > maxTag {
			continue
		}
		for tag := strings.ToLower(tag); tag != ""; tag = parentTag(tag) {
			if lang, ok := p.pages.languages[tag]; ok {
				return lang
			}
		}
	}
	return "en"
}

// parentTag is a language tag without its last part, "" for one that has no other (RFC
// 4647, Section 3.4).
func parentTag(tag string) string {
	i := strings.LastIndexByte(tag, '-')
	if i < 0 {
		return ""
	}
	return tag[:i]
}

// preferred reads Accept-Language, the best first. RFC 9110, Section 12.4.2: "If no "q"
// parameter is present, the default weight is 1", and "a value of 0 means "not acceptable"".
func preferred(header string) []string {
	type preference struct {
		tag    string
		weight float64
	}
	var list []preference
	for part := range strings.SplitSeq(header, ",") {
		tag, weight, weighted := strings.Cut(part, ";")
		p := preference{tag: strings.TrimSpace(tag), weight: 1}
		if weighted {
			q := strings.TrimPrefix(strings.ToLower(strings.TrimSpace(weight)), "q=")
			p.weight, _ = strconv.ParseFloat(q, 64) // what is no weight is 0
		}
		if p.weight > 0 {
			list = append(list, p)
		}
	}
	slices.SortStableFunc(list, func(a, b preference) int { return cmp.Compare(b.weight, a.weight) })
	tags := make([]string, len(list))
	for i, p := range list {
		tags[i] = p.tag
	}
	return tags
}

// mergeTexts joins the texts with those of the configuration. What a language lacks is
// taken from the one it is a variant of, and then from English.
func mergeTexts(own map[string]map[string]string) map[string]map[string]string {
	all := map[string]map[string]string{}
	for _, lang := range languages(own) {
		all[lang] = maps.Clone(pageTexts["en"])
		var line []string
		for tag := lang; tag != ""; tag = parentTag(tag) {
			line = append(line, tag)
		}
		for _, tag := range slices.Backward(line) {
			maps.Copy(all[lang], pageTexts[tag])
			maps.Copy(all[lang], own[tag])
		}
	}
	return all
}

// languages are the languages that there are texts for.
func languages(own map[string]map[string]string) []string {
	seen := map[string]bool{}
	for lang := range pageTexts {
		seen[lang] = true
	}
	for lang := range own {
		seen[lang] = true
	}
	return slices.Sorted(maps.Keys(seen))
}
