package lint

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
)

type object = map[string]any

const op = "https://op.example"

func goodProvider() object {
	return object{
		"issuer": op, "authorization_endpoint": op + "/authorize", "token_endpoint": op + "/token", "jwks_uri": op + "/jwks",
		"userinfo_endpoint": op + "/userinfo", "registration_endpoint": op + "/register", "scopes_supported": []string{"openid"},
		"claims_supported": []string{"sub"}, "response_types_supported": []string{"code"}, "grant_types_supported": []string{"authorization_code"},
		"subject_types_supported": []string{"public"}, "id_token_signing_alg_values_supported": []string{"RS256", "ES256"},
		"code_challenge_methods_supported": []string{"S256"}, "authorization_response_iss_parameter_supported": true,
		"request_uri_parameter_supported":       false,
		"token_endpoint_auth_methods_supported": []string{"private_key_jwt"}, "token_endpoint_auth_signing_alg_values_supported": []string{"ES256"},
	}
}

func goodClient() object {
	return object{
		"redirect_uris": []string{"https://rp.example/cb"}, "response_types": []string{"code"}, "grant_types": []string{"authorization_code"},
		"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": "https://rp.example/jwks", "client_name#ja": "x",
	}
}

var keys = sync.OnceValue(func() (all [2]object) {
	for i, alg := range []string{"ES256", "RS256"} {
		key, err := keyjar.Generate(alg, rand.Reader, keyjar.KeyOptions{Use: "sig", Algorithm: alg})
		if err != nil {
			panic(err)
		}
		if err := json.Unmarshal(key.PublicJWK(), &all[i]); err != nil {
			panic(err)
		}
	}
	return all
})

func goodKeys() object {
	var list []any
	for _, key := range keys() {
		list = append(list, with(key))
	}
	return object{"keys": list}
}

// with copies m and sets names and values; a nil value takes the member out.
func with(m object, set ...any) object {
	out := object{}
	for name, value := range m {
		out[name] = value
	}
	for i := 0; i < len(set); i += 2 {
		if set[i+1] == nil {
			delete(out, set[i].(string))
		} else {
			out[set[i].(string)] = set[i+1]
		}
	}
	return out
}

func encode(t *testing.T, v any) []byte {
	t.Helper()
	if text, ok := v.(string); ok {
		return []byte(text)
	}
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestClean(t *testing.T) {
	for kind, v := range map[Type]object{Provider: goodProvider(), JWKS: goodKeys(), Client: goodClient()} {
		data := encode(t, v)
		if got := Guess(data); got != kind {
			t.Errorf("%s is taken for %q", kind, got)
		}
		d := &Document{Location: "x", Type: kind, Data: data, Issuer: op, Algorithms: []string{"RS256", "ES256", "HS256", "none"}}
		if found := Check(d); len(found) != 0 {
			t.Errorf("%s: %+v", kind, found)
		}
	}
	plain := with(goodProvider(), "subject_types_supported", nil, "id_token_signing_alg_values_supported", nil, "userinfo_endpoint", nil,
		"claims_supported", nil, "registration_endpoint", nil, "jwks_uri", nil, "scopes_supported", []string{"read"}, "request_uri_parameter_supported", nil)
	if found := Check(&Document{Type: Provider, Data: encode(t, plain)}); len(found) != 0 {
		t.Errorf("RFC 8414: %+v", found)
	}
	if got := Guess([]byte(`{"a":1}`)); got != "" {
		t.Errorf("anything is taken for %q", got)
	}
}

func raw(v object, text string) string {
	data, _ := json.Marshal(v)
	return "{" + text + "," + string(data[1:])
}

func key(set ...any) object { return object{"keys": []any{with(keys()[0], set...)}} }

func weakKey() object {
	n := new(big.Int).SetBit(big.NewInt(1), 1023, 1)
	public := rsa.PublicKey{N: n, E: 65537}
	b64 := base64.RawURLEncoding.EncodeToString
	return object{"keys": []any{object{"kty": "RSA", "kid": "a", "use": "sig", "alg": "RS256", "n": b64(public.N.Bytes()), "e": "AQAB"}}}
}

// A bad document, the rule that it breaks, and where.
type bad struct {
	rule   message.Rule
	member string
	doc    any
}

func badProviders() []bad {
	p := func(set ...any) object { return with(goodProvider(), set...) }
	return []bad{
		{ruleJSON, "", `{"issuer":`},
		{ruleJSON, "", "{\"issuer\":\"\xff\"}"},
		{ruleJSON, "", `{} {}`},
		{message.RuleMetadataStatus, "", `[]`},
		{message.RuleMetadataStatus, "issuer", raw(goodProvider(), `"issuer":"x"`)},
		{message.RuleMetadataStatus, "x.y", raw(goodProvider(), `"x":{"y":1,"y":2}`)},
		{message.RuleMetadataStatus, "Issuer", p("Issuer", "x")},
		{message.RuleMetadataStatus, "x", p("x", json.RawMessage(strings.Repeat("[", 20)+strings.Repeat("]", 20)))},
		{message.RuleMetadataMemberType, "scopes_supported", p("scopes_supported", "openid")},
		{message.RuleMetadataMemberType, "scopes_supported[1]", p("scopes_supported", []any{"openid", 1})},
		{message.RuleMetadataMemberType, "claims_parameter_supported", p("claims_parameter_supported", "true")},
		{message.RuleMetadataMemberType, "mtls_endpoint_aliases.a", p("mtls_endpoint_aliases", object{"a": 1})},
		{message.RuleMetadataIssuer, "issuer", p("issuer", op+"/")},
		{message.RuleMetadataIssuerSyntax, "issuer", p("issuer", "http://op.example")},
		{message.RuleMetadataIssuerSyntax, "issuer", p("issuer", op+"?a")},
		{message.RuleMetadataIssuerTemplate, "issuer", p("issuer", op+"/{tenantid}")},
		{message.RuleMetadataRequired, "issuer", p("issuer", nil)},
		{message.RuleMetadataRequired, "jwks_uri", p("jwks_uri", nil)},
		{message.RuleMetadataRequired, "token_endpoint", p("token_endpoint", nil)},
		{message.RuleMetadataRequired, "subject_types_supported", p("subject_types_supported", nil)},
		{message.RuleMetadataEndpointURL, "token_endpoint", p("token_endpoint", "http://op.example/token")},
		{message.RuleMetadataEndpointURL, "token_endpoint", p("token_endpoint", op+"/token#x")},
		{message.RuleMetadataEndpointURL, "mtls_endpoint_aliases.token_endpoint", p("mtls_endpoint_aliases", object{"token_endpoint": "x"})},
		{message.RuleMetadataValues, "scopes_supported", p("scopes_supported", []string{"email"})},
		{message.RuleMetadataValues, "id_token_signing_alg_values_supported", p("id_token_signing_alg_values_supported", []string{"none"})},
		{message.RuleMetadataValues, "token_endpoint_auth_signing_alg_values_supported", p("token_endpoint_auth_signing_alg_values_supported", []string{"none"})},
		{message.RuleOPMetadataRequired, "id_token_signing_alg_values_supported", p("id_token_signing_alg_values_supported", []string{"ES256"})},
		{message.RuleOPMetadataRequired, "acr_values_supported", p("acr_values_supported", []string{})},
		{message.RuleMetadataPKCE, "code_challenge_methods_supported", p("code_challenge_methods_supported", nil)},
		{message.RuleMetadataSigned, "signed_metadata", p("signed_metadata", "x.y.z")},
		{ruleNull, "acr_values_supported", p("acr_values_supported", json.RawMessage("null"))},
		{ruleEmpty, "op_tos_uri", p("op_tos_uri", "")},
		{ruleListDuplicate, "scopes_supported[1]", p("scopes_supported", []string{"openid", "openid"})},
		{ruleValueUnknown, "subject_types_supported", p("subject_types_supported", []string{"private"})},
		{ruleValueUnknown, "grant_types_supported", p("grant_types_supported", []string{"authorization_code", "code"})},
		{ruleRecommended, "userinfo_endpoint", p("userinfo_endpoint", nil)},
		{ruleDocumentURL, "op_policy_uri", p("op_policy_uri", "policy")},
		{ruleAlgNone, "id_token_signing_alg_values_supported", p("id_token_signing_alg_values_supported", []string{"RS256", "none"})},
		{ruleRequestObjectNone, "request_object_signing_alg_values_supported", p("request_object_signing_alg_values_supported", []string{"none", "RS256"})},
		{ruleAlgRSA15, "id_token_encryption_alg_values_supported", p("id_token_encryption_alg_values_supported", []string{"RSA1_5"})},
		{rulePKCEPlain, "code_challenge_methods_supported", p("code_challenge_methods_supported", []string{"S256", "plain"})},
		{ruleImplicit, "response_types_supported", p("response_types_supported", []string{"code", "code token"})},
		{rulePassword, "grant_types_supported", p("grant_types_supported", []string{"authorization_code", "password"})},
		{ruleGrantResponse, "grant_types_supported", p("grant_types_supported", []string{"refresh_token"})},
		{ruleAuthSigningAlg, "token_endpoint_auth_signing_alg_values_supported", p("token_endpoint_auth_signing_alg_values_supported", nil)},
		{ruleMemberPair, "pushed_authorization_request_endpoint", p("require_pushed_authorization_requests", true)},
		{ruleIssParameter, "authorization_response_iss_parameter_supported", p("authorization_response_iss_parameter_supported", nil)},
		{ruleRequestURI, "request_uri_parameter_supported", p("request_uri_parameter_supported", nil)},
	}
}

func badSets() []bad {
	first, second := keys()[0], keys()[1]
	two := func(a, b object) object { return object{"keys": []any{a, b}} }
	return []bad{
		{message.RuleJWKSShape, "", `[]`},
		{message.RuleJWKSShape, "keys", `{"x":1}`},
		{message.RuleJWKSShape, "keys", `{"keys":{}}`},
		{message.RuleJWKSShape, "keys", `{"keys":[],"keys":[]}`},
		{ruleKeysEmpty, "keys", `{"keys":[]}`},
		{message.RuleJWKSSkipUnknown, "keys[0]", `{"keys":[1]}`},
		{message.RuleJWKSSkipUnknown, "keys[0].kty", key("kty", "XYZ")},
		{message.RuleJWKSSkipUnknown, "keys[0].x", key("x", "AA")},
		{message.RuleJWKSSkipUnknown, "keys[0].Kid", key("Kid", "x")},
		{message.RuleJWKSSkipUnknown, "keys[0].kid", `{"keys":[{"kty":"EC","kid":"a","kid":"b"}]}`},
		{message.RuleJWKSSkipUnknown, "keys[0].use", key("use", 1)},
		{message.RuleJWKSNoPrivate, "keys[0].d", key("d", "c2VjcmV0")},
		{message.RuleJWKSNoPrivate, "keys[0].kty", `{"keys":[{"kty":"oct","kid":"a","k":"c2VjcmV0"}]}`},
		{message.RuleKeyStrength, "keys[0].n", weakKey()},
		{message.RuleKeyTypeForAlg, "keys[0].alg", key("alg", "RS256")},
		{message.RuleKeyKid, "keys[0].kid", key("kid", strings.Repeat("k", 300))},
		{ruleKidMissing, "keys[0].kid", key("kid", nil)},
		{ruleKidDuplicate, "keys[1].kid", two(with(first, "kid", "a"), with(second, "kid", "a"))},
		{ruleUseMissing, "keys[0].use", key("use", nil)},
		{ruleUseRequired, "keys[2].use", object{"keys": []any{first, with(second, "use", "enc"), with(first, "kid", "c", "use", nil)}}},
		{ruleUseOps, "keys[0].key_ops", key("key_ops", []string{"verify"})},
		{ruleValueUnknown, "keys[0].use", key("use", "signature")},
		{ruleAlgMissing, "keys[0].alg", key("alg", nil)},
		{ruleCertificate, "keys[0].x5c", key("x5c", []string{"AAAA"})},
		{ruleKeyForAlg, "keys", key()},
		{ruleNull, "keys[0].alg", key("alg", json.RawMessage("null"))},
	}
}

func badClients() []bad {
	c := func(set ...any) object { return with(goodClient(), set...) }
	native := func(uri string) object { return c("application_type", "native", "redirect_uris", []string{uri}) }
	return []bad{
		{message.RuleOPRegistrationRequest, "", `1`},
		{message.RuleOPRegistrationRequest, "redirect_uris", c("redirect_uris", "x")},
		{message.RuleOPRegistrationRequest, "default_max_age", c("default_max_age", 1.5)},
		{message.RuleOPRegistrationRequest, "Redirect_uris", c("Redirect_uris", []string{})},
		{message.RuleRegistrationRedirectURIs, "redirect_uris", c("redirect_uris", nil)},
		{message.RuleRegistrationRedirectURIs, "redirect_uris[0]", c("redirect_uris", []string{"/cb"})},
		{message.RuleRegistrationRedirectURIs, "redirect_uris[0]", c("redirect_uris", []string{"https://rp.example/cb#x"})},
		{message.RuleRegistrationRedirectURIs, "redirect_uris[0]", c("redirect_uris", []string{"com.example:/cb"})},
		{message.RuleRegistrationRedirectURIs, "redirect_uris[0]", native("myapp:/cb")},
		{message.RuleRegistrationRedirectURIs, "redirect_uris[0]", native("http://rp.example/cb")},
		{message.RuleRegistrationRedirectURIs, "redirect_uris[0]", c("redirect_uris", []string{"https://localhost/cb"}, "response_types", []string{"id_token"}, "grant_types", []string{"implicit"})},
		{message.RuleOPRegistrationRedirectURIs, "redirect_uris[0]", c("redirect_uris", []string{"https://ann:hush@rp.example/cb"})},
		{message.RuleOPRegistrationRedirectURIs, "redirect_uris[0]", c("redirect_uris", []string{"https://ann:at@hush@rp.example/cb"})},
		{message.RuleOPRegistrationRedirectWeb, "redirect_uris[0]", c("redirect_uris", []string{"http://rp.example/cb"})},
		{message.RuleOPRegistrationRedirectScheme, "redirect_uris[0]", c("redirect_uris", []string{"javascript:alert(1)"})},
		{ruleRedirectLocalhost, "redirect_uris[0]", native("http://localhost:1/cb")},
		{ruleRedirectWildcard, "redirect_uris[0]", c("redirect_uris", []string{"https://*.rp.example/cb"})},
		{message.RuleRegistrationGrantTypes, "grant_types", c("grant_types", []string{"refresh_token"}, "response_types", []string{"code"})},
		{message.RuleRegistrationGrantTypes, "grant_types", c("grant_types", []string{"authorization_code", "implicit"})},
		{message.RuleRegistrationGrantTypes, "grant_types", c("grant_types", nil, "response_types", []string{"id_token"})},
		{message.RuleRegistrationKeys, "jwks", c("jwks", goodKeys())},
		{message.RuleRegistrationKeys, "jwks_uri", c("jwks_uri", "http://rp.example/jwks")},
		{message.RuleRegistrationKeys, "jwks", c("jwks_uri", nil)},
		{message.RuleRegistrationKeys, "jwks.keys[0].d", c("jwks_uri", nil, "jwks", key("d", "c2VjcmV0"))},
		{message.RuleRegistrationEncryptionPair, "id_token_encrypted_response_enc", c("id_token_encrypted_response_enc", "A128GCM")},
		{message.RuleRegistrationNoneAlg, "id_token_signed_response_alg", c("id_token_signed_response_alg", "none", "response_types", []string{"code id_token"})},
		{message.RuleRegistrationHTTPSURIs, "initiate_login_uri", c("initiate_login_uri", "http://rp.example/l")},
		{message.RuleRegistrationHTTPSURIs, "frontchannel_logout_uri", c("frontchannel_logout_uri", "https://other.example/l")},
		{message.RuleRegistrationHTTPSURIs, "request_uris[0]", c("request_uris", []string{"http://rp.example/r"})},
		{message.RuleRegistrationSecret, "client_secret_expires_at", c("client_secret", strings.Repeat("s", 32))},
		{message.RuleRegistrationSecret, "client_secret", c("client_id", "x", "token_endpoint_auth_method", "client_secret_basic")},
		{message.RuleRegistrationManagementPair, "registration_access_token", c("registration_client_uri", op)},
		{message.RuleOPRegistrationSecret, "client_secret", c("client_secret", "hush", "client_secret_expires_at", 0)},
		{message.RuleOPRegistrationAlgs, "userinfo_signed_response_alg", c("userinfo_signed_response_alg", "XX")},
		{message.RuleOPRegistrationAlgs, "token_endpoint_auth_signing_alg", c("token_endpoint_auth_signing_alg", "HS256")},
		{message.RuleOPRegistrationSector, "sector_identifier_uri", c("subject_type", "pairwise", "redirect_uris", []string{"https://a.example/", "https://b.example/"})},
		{message.RuleOPRegistrationSubjectType, "subject_type", c("subject_type", "private")},
		{message.RuleOPRegistrationURIs, "post_logout_redirect_uris[0]", c("post_logout_redirect_uris", []string{"bye"})},
		{message.RuleOPRegistrationDisplayURIs, "logo_uri", c("logo_uri", "data:image/png,x")},
		{ruleAlgNone, "id_token_signed_response_alg", c("id_token_signed_response_alg", "none")},
		{rulePublicClientSecret, "client_secret", c("client_secret", strings.Repeat("s", 32), "token_endpoint_auth_method", "none")},
		{ruleTLSClientAuth, "token_endpoint_auth_method", c("token_endpoint_auth_method", "tls_client_auth")},
		{ruleMemberPair, "backchannel_token_delivery_mode", c("grant_types", []string{"authorization_code", message.GrantTypeCIBA})},
		{rulePassword, "grant_types", c("grant_types", []string{"authorization_code", "password"})},
	}
}

func TestFindings(t *testing.T) {
	seen := map[message.Rule]bool{
		// These take two documents, an option or the network; the verb's tests have them.
		message.RuleOPMetadataRFC8414: true, ruleHTTP: true, message.RuleTransportAddress: true, message.RuleTransportLimits: true,
	}
	for kind, list := range map[Type][]bad{Provider: badProviders(), JWKS: badSets(), Client: badClients()} {
		for i, b := range list {
			t.Run(fmt.Sprintf("%s/%s/%d", kind, b.rule, i), func(t *testing.T) {
				seen[b.rule] = true
				d := &Document{Location: "x", Type: kind, Data: encode(t, b.doc), Issuer: op}
				if kind == JWKS {
					d.Algorithms = []string{"RS256"}
				}
				found := Check(d)
				at := slices.IndexFunc(found, func(f Finding) bool { return f.Rule == b.rule && f.Member == b.member })
				if at < 0 {
					t.Fatalf("not found among %+v", found)
				}
				f := found[at]
				if r := RuleOf(b.rule); f.Severity != r.Severity() || f.Spec == "" || f.Text == "" || f.Line == 0 || f.Column == 0 || f.Want == "" {
					t.Errorf("incomplete: %+v", f)
				}
				for _, f := range found {
					if strings.Contains(fmt.Sprint(f), "hush") || strings.Contains(fmt.Sprint(f), "c2VjcmV0") {
						t.Errorf("a secret is shown: %+v", f)
					}
				}
			})
		}
	}
	for _, r := range Rules() {
		if !seen[r.ID] {
			t.Errorf("no bad document for %s", r.ID)
		}
		if r.Text == "" || r.Level == 0 || r.Reference.Document == "" && !strings.HasPrefix(string(r.ID), "transport_") {
			t.Errorf("%s is not described", r.ID)
		}
	}
}

func TestEverythingIsReported(t *testing.T) {
	text := "{\n  \"issuer\": \"http://op.example?x\",\n  \"token_endpoint\": \"http://op.example/t#x\"\n}"
	found := Check(&Document{Location: "x", Type: Provider, Dialect: OpenID, Data: []byte(text), Issuer: op})
	count := map[message.Rule]int{}
	for _, f := range found {
		count[f.Rule]++
		if f.Rule == message.RuleMetadataEndpointURL && (f.Line != 3 || f.Column != 3) {
			t.Errorf("at %d:%d", f.Line, f.Column)
		}
	}
	if count[message.RuleMetadataRequired] != 5 || count[message.RuleMetadataIssuerSyntax] != 2 || count[message.RuleMetadataEndpointURL] != 2 || count[message.RuleMetadataIssuer] != 1 {
		t.Errorf("%v", count)
	}
	found = Check(&Document{Type: Provider, AllowHTTP: true, Data: encode(t, with(goodProvider(), "jwks_uri", "http://op.example/jwks"))})
	if len(found) != 1 || found[0].Rule != ruleHTTP || found[0].Severity != Note {
		t.Errorf("http admitted: %+v", found)
	}
	a := &Document{Location: "a", Data: encode(t, goodProvider())}
	b := &Document{Location: "b", Data: encode(t, with(goodProvider(), "jwks_uri", op+"/other"))}
	if d := Difference(a, b); len(d) != 1 || d[0].Member != "jwks_uri" || d[0].Location != "b" {
		t.Errorf("difference: %+v", d)
	}
}
