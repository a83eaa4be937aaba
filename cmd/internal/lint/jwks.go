package lint

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
)

// maxKeys is where the toolkit stops reading a set.
const maxKeys = 256

// jwks judges a JWK Set of somebody else (RFC 7517, Section 5): its keys are public.
func (l *linter) jwks() {
	if l.root.kind != kindObject {
		l.add(message.RuleJWKSShape, "", string(l.root.kind), "a JSON object")
		return
	}
	l.doubled("", &node{members: withoutValues(l.root.members)}, message.RuleJWKSShape)
	for _, m := range l.root.members {
		l.cased(m.name, m.name, message.RuleJWKSShape, map[string]string{"keys": anArray})
	}
	l.keySet("", l.root, message.RuleJWKSShape, message.RuleJWKSNoPrivate)
}

// withoutValues keeps the names alone: what is inside the keys is judged key by key.
func withoutValues(members []member) []member {
	names := slices.Clone(members)
	for i := range names {
		names[i].value = &node{}
	}
	return names
}

// keySet judges the keys of a set at path.
func (l *linter) keySet(path string, set *node, shape, private message.Rule) {
	keys := set.get("keys")
	at := under(path, "keys")
	switch {
	case keys == nil:
		l.add(shape, at, "", "an array of keys")
		return
	case keys.kind != kindArray:
		l.add(shape, at, string(keys.kind), "an array of keys")
		return
	case len(keys.items) == 0:
		l.add(ruleKeysEmpty, at, "an empty array", "a key")
		return
	case len(keys.items) > maxKeys:
		l.add(shape, at, fmt.Sprintf("%d keys", len(keys.items)), fmt.Sprintf("at most %d", maxKeys))
	}
	s := &keySet{linter: l, kids: map[string]int{}}
	for i, entry := range keys.items {
		s.entry(indexed(at, i), i, entry, len(keys.items), private)
	}
	// "When both signing and encryption keys are made available, a use (public key use)
	// parameter value is REQUIRED for all keys" (Discovery 1.0, Section 3).
	for _, where := range s.useless {
		if s.sig && s.enc {
			l.add(ruleUseRequired, under(where, "use"), "", "sig or enc")
		} else {
			l.add(ruleUseMissing, under(where, "use"), "", "sig or enc")
		}
	}
	for _, alg := range l.doc.Algorithms {
		if slices.Contains(keyjar.SigningAlgorithms(), alg) && !keyjar.IsSymmetric(alg) && !slices.ContainsFunc(s.keys, func(k *keyjar.Key) bool { return signs(k, alg) }) {
			l.add(ruleKeyForAlg, at, "no key for "+alg, "a key for each algorithm that the metadata lists")
		}
	}
}

// A keySet is what was seen of the keys so far.
type keySet struct {
	*linter
	kids     map[string]int
	keys     []*keyjar.Key
	useless  []string
	sig, enc bool
}

var privateMembers = []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"}

// keyMembers are the members whose case counts, with their types.
var keyMembers = map[string]string{
	"kty": aString, "use": aString, "key_ops": anArray, "alg": aString, "kid": aString, "x5u": aString, "x5c": anArray, "x5t": aString,
	"x5t#S256": aString, "crv": aString, "x": aString, "y": aString, "n": aString, "e": aString,
}

func (s *keySet) entry(path string, index int, n *node, count int, private message.Rule) {
	const unknown = message.RuleJWKSSkipUnknown
	if n.kind != kindObject {
		s.add(unknown, path, string(n.kind), "a JWK")
		return
	}
	before := len(s.findings)
	s.doubled(path, n, unknown)
	for _, m := range n.members {
		where := under(path, m.name)
		want := keyMembers[m.name]
		switch {
		case slices.Contains(privateMembers, m.name): // judged below
		case m.value.kind == kindNull:
			s.add(ruleNull, where, "null", "a value, or no member")
		case want == "":
			s.cased(where, m.name, unknown, keyMembers)
		case want == aString && m.value.kind != kindString, want == anArray && m.value.kind != kindArray:
			s.add(unknown, where, string(m.value.kind), want)
		}
	}
	text := func(name string) string {
		if m := n.get(name); m != nil && m.kind == kindString {
			return m.text
		}
		return ""
	}
	// The value of a private member is shown to nobody.
	for _, name := range privateMembers {
		if n.get(name) != nil {
			s.add(private, under(path, name), "a private or symmetric key", "public members only")
		}
	}
	if text("kty") == "oct" {
		s.add(private, under(path, "kty"), "oct", "a public key")
		return
	}
	s.described(path, index, n, text, count)
	key, err := keyjar.ParseKey(n.encode(func(name string) bool { return slices.Contains(privateMembers, name) }))
	if err != nil {
		s.unusable(path, err, len(s.findings) > before)
		return
	}
	s.keys = append(s.keys, key)
	if alg := text("alg"); alg != "" && !fits(key, alg) {
		s.add(message.RuleKeyTypeForAlg, under(path, "alg"), alg, "an algorithm for a key of type "+strings.TrimSpace(key.Type()+" "+key.Curve()))
	}
	if n.get("x5c") != nil && len(key.Certificates()) == 0 {
		s.add(ruleCertificate, under(path, "x5c"), "something else", "certificates, the first of which holds this key")
	}
}

// described judges what a key says about itself.
func (s *keySet) described(path string, index int, n *node, text func(string) string, count int) {
	kid := text("kid")
	switch first, known := s.kids[kid]; {
	case kid == "":
		want := "a kid"
		if count > 1 {
			want = fmt.Sprintf("a kid, to tell it from the %d others", count-1)
		}
		s.add(ruleKidMissing, under(path, "kid"), "", want)
	case known:
		s.add(ruleKidDuplicate, under(path, "kid"), kid+", as in "+fmt.Sprintf("keys[%d]", first), "a kid of its own")
	default:
		s.kids[kid] = index
	}
	use := text("use")
	s.sig, s.enc = s.sig || use == "sig", s.enc || use == "enc"
	ops := n.get("key_ops")
	switch {
	case use == "" && ops == nil:
		s.useless = append(s.useless, path)
	case use != "" && ops != nil:
		s.add(ruleUseOps, under(path, "key_ops"), "use and key_ops", "one of the two")
	}
	if use != "" {
		s.known(under(path, "use"), []string{use}, "sig", "enc")
	}
	if text("alg") == "" {
		s.add(ruleAlgMissing, under(path, "alg"), "", "the algorithm that the key is for")
	}
}

// unusable reports why the toolkit would skip a key.
func (s *keySet) unusable(path string, err error, explained bool) {
	var v *message.Violation
	if !errors.As(err, &v) {
		return
	}
	var d *message.DecodeError
	if errors.As(err, &d) {
		if !explained {
			s.add(v.Rule, under(path, d.Param), d.Kind.String(), "what a strict reader accepts")
		}
		return
	}
	want := v.Want
	if want == "" {
		want = "a JWK that can be used"
	}
	s.add(v.Rule, under(path, v.Param), v.Got, want)
}

// fits tells whether an algorithm is for keys like this one. Of algorithms that the
// toolkit does not know it says yes.
func fits(k *keyjar.Key, alg string) bool {
	if alg == "none" || keyjar.IsSymmetric(alg) {
		return false
	}
	if slices.Contains(keyjar.SigningAlgorithms(), alg) {
		return signsWith(k, alg)
	}
	switch {
	case strings.HasPrefix(alg, "RSA"):
		return k.Type() == "RSA"
	case strings.HasPrefix(alg, "ECDH"):
		return k.Type() == "EC" || k.Curve() == "X25519"
	}
	return true
}

func signsWith(k *keyjar.Key, alg string) bool {
	switch alg {
	case "ES256":
		return k.Curve() == "P-256"
	case "ES384":
		return k.Curve() == "P-384"
	case "ES512":
		return k.Curve() == "P-521"
	case "EdDSA", "Ed25519":
		return k.Curve() == "Ed25519"
	}
	return k.Type() == "RSA"
}

// signs tells whether tokens of that algorithm can be verified with k.
func signs(k *keyjar.Key, alg string) bool {
	same := k.Algorithm() == "" || k.Algorithm() == alg || signsWith(k, "EdDSA")
	return signsWith(k, alg) && same && k.Use() != "enc"
}

// KeysOf returns where metadata says that the keys are, and the ID Token algorithms
// that it lists.
func KeysOf(metadata []byte) (uri string, algs []string) {
	root, err := parse(metadata)
	if err != nil {
		return "", nil
	}
	l := &linter{root: root}
	return l.text("jwks_uri"), l.list("id_token_signing_alg_values_supported")
}
