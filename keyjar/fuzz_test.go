package keyjar

import (
	"bytes"
	"encoding/json"
	"strings"
	"sync"
	"testing"
)

// Each target's invariant is the sentence above it. The corpora under testdata/fuzz are
// the published vectors and the tokens and documents that the tables refuse.

// A token that parses has one spelling, and its header says the same wherever it is read.
func FuzzParse(f *testing.F) {
	for _, v := range vectors().Signed {
		f.Add(v.Token)
	}
	f.Add(publishedProof)
	f.Fuzz(func(t *testing.T, text string) {
		token, err := Parse(text)
		if err != nil {
			if token != nil {
				t.Error("an error and a token")
			}
			return
		}
		header, _, _ := strings.Cut(text, ".")
		if want := header + "." + encodeSegment(token.Payload) + "." + encodeSegment(token.signature); want != text || token.Compact() != text {
			t.Errorf("%q is spelled %q", text, want)
		}
		if token.Header.Algorithm == "" || len(token.Payload) == 0 || len(token.Header.KeyID) > maxKeyID || IsEncrypted(text) {
			t.Errorf("%q: %+v", text, token)
		}
		if token.Header.Extra.Has("crit") || token.Header.Extra.Has("b64") {
			t.Errorf("%q has an extension", text)
		}
		again, err := ParseHeader(text)
		if err != nil || again.Algorithm != token.Header.Algorithm || again.KeyID != token.Header.KeyID || len(again.Extra) != len(token.Header.Extra) {
			t.Errorf("%q: ParseHeader says %+v, %v", text, again, err)
		}
	})
}

// fuzzKeys are a set with a key of each type, and the signing inputs that it signed.
var fuzzKeys = sync.OnceValue(func() (k struct {
	set    *Set
	signed map[string]bool
}) {
	var keys []*Key
	k.signed = map[string]bool{}
	for _, v := range vectors().Signed {
		key, err := ParseKey(v.Key)
		if err != nil {
			panic(err)
		}
		keys = append(keys, key)
		k.signed[v.Token[:strings.LastIndexByte(v.Token, '.')]] = true
	}
	k.set = NewSet(keys...).WithTrials(3)
	return k
})

// Verify never accepts what the keys of the set did not sign.
func FuzzVerify(f *testing.F) {
	for _, v := range vectors().Signed {
		f.Add(v.Token)
	}
	f.Add("eyJhbGciOiJub25lIn0.e30.")
	f.Fuzz(func(t *testing.T, text string) {
		token, err := Parse(text)
		if err != nil {
			return
		}
		key, err := fuzzKeys().set.Verify(token, SigningAlgorithms())
		if (key == nil) != (err != nil) {
			t.Errorf("%q: %v, %v", text, key, err)
		}
		if err == nil && !fuzzKeys().signed[text[:token.input]] {
			t.Errorf("accepted %q", text)
		}
		payload, _, err := VerifyDPoP(text, SigningAlgorithms())
		if err == nil && (len(token.Header.JWK) == 0 || !bytes.Equal(payload, token.Payload)) {
			t.Errorf("a proof without a key: %q", text)
		}
	})
}

// A set that is read holds public keys only, accounts for every entry, and is the same
// after it has been written and read again.
func FuzzParseSet(f *testing.F) {
	var entries []string
	for _, v := range vectors().Thumbprints {
		entries = append(entries, string(v.Key))
	}
	f.Add([]byte(`{"keys":[` + strings.Join(entries, ",") + `]}`))
	f.Add([]byte(`{"keys":[]}`))
	f.Fuzz(func(t *testing.T, document []byte) {
		set, skipped, err := ParseSet(document)
		if err != nil {
			if set != nil || skipped != nil {
				t.Error("an error and a set")
			}
			return
		}
		var shape struct{ Keys []json.RawMessage }
		if err := json.Unmarshal(document, &shape); err == nil && len(shape.Keys) != set.Len()+len(skipped) && !bytes.Contains(document, []byte(`\`)) && bytes.Count(bytes.ToLower(document), []byte("keys")) == 1 {
			t.Errorf("%d entries, %d keys, %d skipped", len(shape.Keys), set.Len(), len(skipped))
		}
		for _, k := range set.Keys() {
			if k.IsPrivate() || k.Thumbprint() == "" || k.PublicKey() == nil {
				t.Errorf("the key %s", k)
			}
		}
		written := set.PublicJWKS()
		again, skipped, err := ParseSet(written)
		if err != nil || len(skipped) != 0 || !bytes.Equal(again.PublicJWKS(), written) {
			t.Errorf("written as %s, read as %s: %v %v", written, again.PublicJWKS(), skipped, err)
		}
		private, _, err := ParsePrivateSet(document)
		if err != nil || private.Len() < set.Len() {
			t.Errorf("as a private set: %s, %v", private, err)
		}
	})
}

// fuzzBoxes are a set with a key for each algorithm, and the payloads encrypted to it.
var fuzzBoxes = sync.OnceValue(func() (k struct {
	set      *Set
	payloads map[string]bool
	policy   DecryptPolicy
}) {
	var keys []*Key
	k.payloads = map[string]bool{}
	for _, v := range vectors().Encrypted {
		key, err := ParseKey(v.Key)
		if err != nil {
			panic(err)
		}
		keys = append(keys, key)
		k.payloads[v.Payload] = true
	}
	k.set = NewSet(keys...).WithTrials(3)
	k.policy = DecryptPolicy{Algs: append(EncryptionAlgorithms(), algRSA15), Encs: ContentEncryptions(), AllowRSA15: true}
	return k
})

// Decrypt never panics, and never returns anything that was not encrypted to the set.
func FuzzDecrypt(f *testing.F) {
	for _, v := range vectors().Encrypted {
		f.Add(v.Token)
	}
	f.Fuzz(func(t *testing.T, text string) {
		payload, header, err := fuzzBoxes().set.Decrypt(text, fuzzBoxes().policy)
		if err != nil {
			if payload != nil || header != nil {
				t.Error("an error and a payload")
			}
			return
		}
		if !fuzzBoxes().payloads[string(payload)] {
			t.Errorf("%q opens to %q", text, payload)
		}
		if header.Extra.Has("zip") || header.Extra.Has("crit") || strings.HasPrefix(header.Algorithm, "PBES2") {
			t.Errorf("opened under %+v", header)
		}
	})
}
