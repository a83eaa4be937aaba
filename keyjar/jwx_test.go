package keyjar

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"go/ast"
	"go/parser"
	"go/token"
	"math/big"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jwe"
	"github.com/lestrrat-go/jwx/v2/jwk"
	"github.com/lestrrat-go/jwx/v2/jws"

	"github.com/oidcservice/oidc/message"
)

// Each row is something that the library accepts and this package must not. If a later
// version of the library refuses one, the row says so, and can go.
func TestWrapperRefusesWhatJwxAccepts(t *testing.T) {
	rsaKey := newKey(t, vectorKey(t, "RS256").private, KeyOptions{ID: "1"})
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	short := newKey(t, []byte("x"), KeyOptions{ID: "1"})
	good := sign(t, rsaKey, Header{Algorithm: "RS256"})
	parts := strings.Split(good, ".")
	p384Token, err := jws.Sign([]byte("{}"), jws.WithKey(jwa.ES256, p384))
	if err != nil {
		t.Fatal(err)
	}
	shortToken, err := jws.Sign([]byte("{}"), jws.WithKey(jwa.HS256, short.secret))
	if err != nil {
		t.Fatal(err)
	}
	unencodedHeader := jws.NewHeaders()
	if err := unencodedHeader.Set("b64", false); err != nil {
		t.Fatal(err)
	}
	unencoded, err := jws.Sign([]byte("e30"), jws.WithKey(jwa.RS256, rsaKey.private, jws.WithProtectedHeaders(unencodedHeader)))
	if err != nil {
		t.Fatal(err)
	}

	for _, row := range []struct {
		name  string
		token string
		alg   jwa.SignatureAlgorithm
		key   any
		set   *Set
		rule  message.Rule
	}{
		{"a header that says none", signRaw(t, rsaKey, "RS256", `{"alg":"none","kid":"1"}`, `{}`), jwa.RS256, rsaKey.public, NewSet(rsaKey), message.RuleJOSEAlgNone},
		{"a header that says HS256", signRaw(t, rsaKey, "RS256", `{"alg":"HS256","kid":"1"}`, `{}`), jwa.RS256, rsaKey.public, NewSet(rsaKey), message.RuleJOSEAlg},
		{"an unknown crit", signRaw(t, rsaKey, "RS256", `{"alg":"RS256","crit":["x"],"x":1}`, `{}`), jwa.RS256, rsaKey.public, NewSet(rsaKey), message.RuleJOSECrit},
		{"b64 without crit", string(unencoded), jwa.RS256, rsaKey.public, NewSet(rsaKey), message.RuleJOSEB64},
		{"JSON serialisation", `{"payload":"` + parts[1] + `","protected":"` + parts[0] + `","signature":"` + parts[2] + `"}`, jwa.RS256, rsaKey.public, NewSet(rsaKey), message.RuleJOSECompact},
		{"several signatures, one of them good", `{"payload":"` + parts[1] + `","signatures":[{"protected":"` + parts[0] + `","signature":"AAAA"},{"protected":"` + parts[0] + `","signature":"` + parts[2] + `"}]}`, jwa.RS256, rsaKey.public, NewSet(rsaKey), message.RuleJOSECompact},
		{"padding", good + "==", jwa.RS256, rsaKey.public, NewSet(rsaKey), message.RuleJOSEBase64URL},
		{"the standard alphabet", parts[0] + "." + parts[1] + "." + standardAlphabet(t, parts[2]), jwa.RS256, rsaKey.public, NewSet(rsaKey), message.RuleJOSEBase64URL},
		{"a line break", good[:len(good)-4] + "\n" + good[len(good)-4:], jwa.RS256, rsaKey.public, NewSet(rsaKey), message.RuleJOSEBase64URL},
		{"spare bits", spareBits(good), jwa.RS256, rsaKey.public, NewSet(rsaKey), message.RuleJOSEBase64URL},
		{"ES256 with P-384", string(p384Token), jwa.ES256, &p384.PublicKey, NewSet(newKey(t, p384, KeyOptions{})), message.RuleKeyNoKid},
		{"a secret of one octet", string(shortToken), jwa.HS256, short.secret, NewSet(newKey(t, short.secret, KeyOptions{})), message.RuleKeyHMACLength},
		{"use enc", good, jwa.RS256, rsaKey.public, NewSet(newKey(t, rsaKey.private, KeyOptions{ID: "1", Use: "enc"})), message.RuleKeyRestrictions},
		{"key_ops encrypt", good, jwa.RS256, rsaKey.public, NewSet(newKey(t, rsaKey.private, KeyOptions{ID: "1", Operations: []string{"encrypt"}})), message.RuleKeyRestrictions},
	} {
		t.Run(row.name, func(t *testing.T) {
			if _, err := jws.Verify([]byte(row.token), jws.WithKey(row.alg, row.key)); err != nil {
				t.Errorf("the library refuses it too: %v", err)
			}
			_, err := (&Jar{}).With("op", row.set).Verify("op", row.token, []string{row.alg.String()})
			wantRule(t, err, row.rule)
		})
	}
}

// spareBits sets bits of the last character that belong to no octet.
func spareBits(token string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(alphabet, token[len(token)-1])
	return token[:len(token)-1] + string(alphabet[last|1])
}

func standardAlphabet(t testing.TB, segment string) string {
	t.Helper()
	if !strings.ContainsAny(segment, "-_") {
		t.Fatal("the signature has neither - nor _")
	}
	return strings.NewReplacer("-", "+", "_", "/").Replace(segment)
}

func TestWrapperRefusesWhatJweAccepts(t *testing.T) {
	key := newKey(t, vectorKey(t, "RS256").private, KeyOptions{ID: "1"})
	policy := DecryptPolicy{Algs: []string{"RSA-OAEP"}, Encs: []string{"A128CBC-HS256", "A256GCM"}}
	encrypt := func(options ...jwe.EncryptOption) string {
		t.Helper()
		token, err := jwe.Encrypt([]byte(`{"sub":"x"}`), options...)
		if err != nil {
			t.Fatal(err)
		}
		return string(token)
	}
	critical := jwe.NewHeaders()
	if err := critical.Set("crit", []string{"x"}); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name, token string
		alg         jwa.KeyEncryptionAlgorithm
		key         any
		rule        message.Rule
	}{
		{"compressed content", encrypt(jwe.WithKey(jwa.RSA_OAEP, key.public), jwe.WithCompress(jwa.Deflate)), jwa.RSA_OAEP, key.private, message.RuleJWEZip},
		{"RSA1_5", encrypt(jwe.WithKey(jwa.RSA1_5, key.public)), jwa.RSA1_5, key.private, message.RuleJWEAlgRefused},
		{"PBES2", encrypt(jwe.WithKey(jwa.PBES2_HS256_A128KW, []byte("password"))), jwa.PBES2_HS256_A128KW, []byte("password"), message.RuleJWEAlgRefused},
		{"JSON serialisation", encrypt(jwe.WithKey(jwa.RSA_OAEP, key.public), jwe.WithJSON()), jwa.RSA_OAEP, key.private, message.RuleJOSECompact},
		{"an unknown crit", encrypt(jwe.WithKey(jwa.RSA_OAEP, key.public), jwe.WithProtectedHeaders(critical)), jwa.RSA_OAEP, key.private, message.RuleJOSECrit},
	} {
		t.Run(row.name, func(t *testing.T) {
			if _, err := jwe.Decrypt([]byte(row.token), jwe.WithKey(row.alg, row.key)); err != nil {
				t.Errorf("the library refuses it too: %v", err)
			}
			_, _, err := NewSet(key).Decrypt(row.token, policy)
			wantRule(t, err, row.rule)
		})
	}
}

func TestWrapperRefusesWhatJwkAccepts(t *testing.T) {
	weak := &rsa.PublicKey{N: new(big.Int).SetBit(big.NewInt(1), 1023, 1), E: 65537}
	one := &rsa.PublicKey{N: vectorKey(t, "RS256").public.(*rsa.PublicKey).N, E: 1}
	for _, row := range []struct {
		name, jwk string
		rule      message.Rule
	}{
		{"1,024 bits", `{"kty":"RSA","n":"` + encodeSegment(weak.N.Bytes()) + `","e":"AQAB"}`, message.RuleKeyStrength},
		{"exponent 1", `{"kty":"RSA","n":"` + encodeSegment(one.N.Bytes()) + `","e":"AQ"}`, message.RuleKeyStrength},
		{"a member twice", `{"kty":"oct","k":"AAAA","k":"AAAB"}`, message.RuleJWKSSkipUnknown},
		{"padding", `{"kty":"oct","k":"AA=="}`, message.RuleJWKSSkipUnknown},
		{"the standard alphabet", `{"kty":"oct","k":"+/+/"}`, message.RuleJWKSSkipUnknown},
	} {
		t.Run(row.name, func(t *testing.T) {
			if _, err := jwk.ParseKey([]byte(row.jwk)); err != nil {
				t.Errorf("the library refuses it too: %v", err)
			}
			_, err := ParseKey([]byte(row.jwk))
			wantRule(t, err, row.rule)
		})
	}
}

// GHSA-4cf7-xm37-g63h: the library writes names of members without escaping them. What
// this package writes has no name from outside.
func TestNoNameFromOutside(t *testing.T) {
	const name = `x":"","kid":"injected","y`
	const escaped = `x\":\"\",\"kid\":\"injected\",\"y`

	// The library, to show that the fault is there.
	key := newKey(t, vectorKey(t, "ES256").private, KeyOptions{ID: "1"})
	theirs, err := jwk.FromRaw(key.public)
	if err != nil {
		t.Fatal(err)
	}
	if err := theirs.Set(name, "z"); err != nil {
		t.Fatal(err)
	}
	written, err := theirs.(interface{ MarshalJSON() ([]byte, error) }).MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(written), `"kid":"injected"`) {
		t.Logf("the library escapes names now: %s", written)
	}

	// A key that was read with such a member is written without it.
	document := strings.Replace(string(key.PublicJWK()), "{", `{"`+escaped+`":"z",`, 1)
	read := parseKey(t, []byte(document))
	private, err := newKey(t, key.private, KeyOptions{ID: "1"}).PrivateJWK()
	if err != nil {
		t.Fatal(err)
	}
	set, _, err := ParseSet([]byte(`{"keys":[` + document + `],"` + escaped + `":1}`))
	if err != nil {
		t.Fatal(err)
	}
	for what, got := range map[string]string{
		"PublicJWK": string(read.PublicJWK()), "PrivateJWK": string(private), "PublicJWKS": string(set.PublicJWKS()),
	} {
		if strings.Contains(got, "injected") {
			t.Errorf("%s: %s", what, got)
		}
	}

	// Values with quotes are values.
	evil := newKey(t, key.private, KeyOptions{ID: name, Use: name, Algorithm: name, Operations: []string{name}})
	again := parseKey(t, evil.PublicJWK())
	if again.ID() != name || again.Use() != name || again.Algorithm() != name || again.Operations()[0] != name {
		t.Errorf("got %s", evil.PublicJWK())
	}

	// Headers of a JWS: the name stays a name.
	h := Header{Algorithm: "ES256", KeyID: name, Type: name, ContentType: name}
	if err := h.Extra.Set(name, "z"); err != nil {
		t.Fatal(err)
	}
	signed, err := key.Sign(h, []byte("{}"), nil)
	if err != nil {
		t.Fatal(err)
	}
	back, err := ParseHeader(signed)
	if err != nil {
		t.Fatal(err)
	}
	if back.KeyID != name || back.Type != name || back.ContentType != name || back.Extra.Text(name) != "z" {
		t.Errorf("got %+v", back)
	}

	// Headers of a JWE: such a name is refused, since the library writes that header.
	if _, err := key.Encrypt([]byte("{}"), Header{Algorithm: "ECDH-ES", Extra: h.Extra}, nil); err == nil {
		t.Error("a JWE took a name from outside")
	}
	encrypted, err := key.Encrypt([]byte("{}"), Header{Algorithm: "ECDH-ES", KeyID: name, Type: name, ContentType: name}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if back, err = ParseHeader(encrypted); err != nil {
		t.Fatal(err)
	}
	if back.KeyID != name || back.Type != name || back.ContentType != name {
		t.Errorf("got %+v", back)
	}
	for _, member := range back.Extra {
		if member.Name != "epk" {
			t.Errorf("the library wrote the member %q", member.Name)
		}
	}
}

// No type of the library stands in an exported signature, field or variable.
func TestNoJwxInExportedApi(t *testing.T) {
	files := token.NewFileSet()
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(files, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		theirs := map[string]bool{}
		for _, spec := range file.Imports {
			if path := strings.Trim(spec.Path.Value, `"`); strings.HasPrefix(path, "github.com/lestrrat-go/") {
				if spec.Name != nil {
					t.Errorf("%s: %s has another name here", name, path)
				}
				theirs[path[strings.LastIndexByte(path, '/')+1:]] = true
			}
		}
		check := func(what string, node ast.Node) {
			seen++
			if node == nil {
				return
			}
			ast.Inspect(node, func(n ast.Node) bool {
				if sel, ok := n.(*ast.SelectorExpr); ok {
					if id, ok := sel.X.(*ast.Ident); ok && theirs[id.Name] {
						t.Errorf("%s: %s shows %s.%s", name, what, id.Name, sel.Sel.Name)
					}
				}
				return true
			})
		}
		for _, decl := range file.Decls {
			switch decl := decl.(type) {
			case *ast.FuncDecl:
				if decl.Name.IsExported() && exportedReceiver(decl) {
					check(decl.Name.Name, decl.Type)
				}
			case *ast.GenDecl:
				for _, spec := range decl.Specs {
					switch spec := spec.(type) {
					case *ast.TypeSpec:
						if spec.Name.IsExported() {
							check(spec.Name.Name, exportedPart(spec.Type))
						}
					case *ast.ValueSpec:
						if spec.Names[0].IsExported() {
							check(spec.Names[0].Name, spec)
						}
					}
				}
			}
		}
	}
	if seen < 50 {
		t.Errorf("only %d exported declarations were seen", seen)
	}
}

func exportedReceiver(f *ast.FuncDecl) bool {
	if f.Recv == nil {
		return true
	}
	typ := f.Recv.List[0].Type
	if star, ok := typ.(*ast.StarExpr); ok {
		typ = star.X
	}
	id, ok := typ.(*ast.Ident)
	return ok && id.IsExported()
}

// exportedPart drops the fields of a struct that cannot be seen.
func exportedPart(typ ast.Expr) ast.Node {
	s, ok := typ.(*ast.StructType)
	if !ok {
		return typ
	}
	visible := &ast.FieldList{}
	for _, field := range s.Fields.List {
		if len(field.Names) == 0 || field.Names[0].IsExported() {
			visible.List = append(visible.List, field)
		}
	}
	return &ast.StructType{Fields: visible}
}

func TestBase64HasOneSpelling(t *testing.T) {
	for _, s := range []string{"AA==", "A", "AB", "AAB", "+/+/", "AA\n", "A\rA", "A A", "é", "AAAA="} {
		if b, err := decodeSegment(s); err == nil {
			t.Errorf("%q is %x", s, b)
		}
	}
	if _, err := base64.RawURLEncoding.Strict().DecodeString("AA\nAA"); err != nil {
		t.Log("Go's decoder refuses line breaks now")
	}
}
