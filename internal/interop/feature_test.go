package interop

import (
	"crypto/rand"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/oidcservice/oidc/keyjar"
)

// clientConfig writes client metadata to a file for --client-config.
func clientConfig(t *testing.T, metadata map[string]any) string {
	t.Helper()
	text, err := json.Marshal(metadata)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "client.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// clientKeys is a private JWK Set with one key for each algorithm.
func clientKeys(t *testing.T, algs ...string) json.RawMessage {
	t.Helper()
	var keys []*keyjar.Key
	for _, alg := range algs {
		use := "enc"
		if slices.Contains(keyjar.SigningAlgorithms(), alg) {
			use = "sig"
		}
		key, err := keyjar.Generate(alg, rand.Reader, keyjar.KeyOptions{Use: use, Algorithm: alg})
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key)
	}
	set, err := keyjar.NewSet(keys...).PrivateJWKS()
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// certifiedKey is a private JWK Set with the key of the client certificate, which goes
// with it (RFC 8705, Section 2.2.2).
func certifiedKey(t *testing.T) json.RawMessage {
	t.Helper()
	pair, err := certificates(t).pair("client")
	if err != nil {
		t.Fatal(err)
	}
	key, err := keyjar.NewKey(pair.PrivateKey, keyjar.KeyOptions{Use: "sig", Algorithm: "ES256", Certificates: pair.Certificate})
	if err != nil {
		t.Fatal(err)
	}
	set, err := keyjar.NewSet(key).PrivateJWKS()
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// TestFeatures: what a login can have beside its response type, each by what both
// sides say of it.
func TestFeatures(t *testing.T) {
	type m = map[string]any
	a := certificates(t)
	mutual := []string{"--tls-cert", a.file("client.pem"), "--tls-key", a.file("client.key"), "--insecure-allow-private"}
	for _, c := range []struct {
		name     string
		flags    []string
		client   m
		services []string // in this order
		rules    []string
		saw      []event // what the provider must have seen, without the client
	}{
		{
			name: "pushed request", flags: []string{"--request-method", "par"},
			services: []string{"pushed_authorization", "authorization", "accesstoken"},
			rules:    []string{"par_response"},
			saw:      []event{{Event: "pushed", Method: "client_secret_basic"}},
		},
		{
			name: "pushed request, required", flags: []string{"--request-method", "par", "--token-endpoint-auth-method", "private_key_jwt"},
			client:   m{"require_pushed_authorization_requests": true},
			services: []string{"pushed_authorization", "authorization", "accesstoken"},
			saw:      []event{{Event: "pushed", Method: "private_key_jwt"}},
		},
		{
			name: "request object by value", flags: []string{"--request-method", "request"},
			client: m{"request_object_signing_alg": "ES256", "require_signed_request_object": true},
			saw:    []event{{Event: "authorized", Type: "code", PKCE: "S256", Object: true}},
		},
		{
			name: "pushed request object", flags: []string{"--request-method", "par", "--token-endpoint-auth-method", "private_key_jwt"},
			client:   m{"request_object_signing_alg": "ES256", "require_signed_request_object": true},
			services: []string{"pushed_authorization", "authorization", "accesstoken"},
			saw:      []event{{Event: "pushed", Method: "private_key_jwt", Object: true}},
		},
		{
			name: "encrypted request object", flags: []string{"--request-method", "request"},
			client: m{"request_object_signing_alg": "RS256", "request_object_encryption_alg": "RSA-OAEP-256", "request_object_encryption_enc": "A256GCM"},
			saw:    []event{{Event: "authorized", Type: "code", PKCE: "S256", Object: true}},
		},
		{
			name: "DPoP", flags: []string{"--dpop", "--refresh", "--scope", "openid profile offline_access", "--prompt", "consent"},
			services: []string{"accesstoken", "userinfo", "refresh_token"},
			rules:    []string{"dpop_nonce_retry"},
			saw: []event{
				{Event: "granted", Grant: "authorization_code", Method: "client_secret_basic", Bound: "dpop"},
				{Event: "granted", Grant: "refresh_token", Method: "client_secret_basic", Bound: "dpop"},
			},
		},
		{
			name: "DPoP with assertions and a pushed request", flags: []string{"--dpop", "--request-method", "par", "--token-endpoint-auth-method", "private_key_jwt"},
			rules: []string{"dpop_nonce_retry"},
			saw: []event{
				{Event: "pushed", Method: "private_key_jwt"},
				{Event: "granted", Grant: "authorization_code", Method: "private_key_jwt", Bound: "dpop"},
			},
		},
		{
			name:   "ID Token encrypted with RSA",
			client: m{"id_token_encrypted_response_alg": "RSA-OAEP-256", "id_token_encrypted_response_enc": "A256GCM", "jwks": clientKeys(t, "RSA-OAEP-256")},
			rules:  []string{"idtoken_not_encrypted"},
		},
		{
			name:   "ID Token encrypted with ECDH",
			client: m{"id_token_encrypted_response_alg": "ECDH-ES", "id_token_encrypted_response_enc": "A128CBC-HS256", "id_token_signed_response_alg": "ES256", "jwks": clientKeys(t, "ECDH-ES")},
			rules:  []string{"idtoken_not_encrypted"},
		},
		{
			name: "ID Token encrypted in front", flags: []string{"--response-type", "code id_token", "--compat", "issuer_in_id_token"},
			client: m{"id_token_encrypted_response_alg": "ECDH-ES", "id_token_encrypted_response_enc": "A256GCM", "jwks": clientKeys(t, "ECDH-ES")},
			rules:  []string{"idtoken_not_encrypted", "idtoken_c_hash", "idtoken_hybrid_binding"},
		},
		{
			name:   "UserInfo signed",
			client: m{"userinfo_signed_response_alg": "ES256"},
			rules:  []string{"userinfo_signature", "userinfo_iss", "userinfo_aud", "userinfo_sub"},
		},
		{
			name:   "UserInfo signed and encrypted",
			client: m{"userinfo_signed_response_alg": "RS256", "userinfo_encrypted_response_alg": "RSA-OAEP-256", "userinfo_encrypted_response_enc": "A256GCM", "jwks": clientKeys(t, "RSA-OAEP-256")},
			rules:  []string{"userinfo_signature", "userinfo_not_encrypted", "userinfo_sub"},
		},
		{
			name: "response signed by another algorithm", flags: []string{"--response-mode", "jwt"},
			client: m{"authorization_signed_response_alg": "ES256"},
			rules:  []string{"jarm_protection", "jarm_iss", "jarm_aud", "jarm_exp"},
		},
		{
			name: "response encrypted", flags: []string{"--response-mode", "form_post.jwt"},
			client: m{"authorization_signed_response_alg": "ES256", "authorization_encrypted_response_alg": "ECDH-ES", "authorization_encrypted_response_enc": "A256GCM", "jwks": clientKeys(t, "ECDH-ES")},
			rules:  []string{"jarm_protection", "jarm_iss", "jarm_aud", "jarm_exp"},
		},
		{
			name: "claims asked for one by one", flags: []string{"--claims", `{"userinfo":{"email":{"essential":true}},"id_token":{"auth_time":{"essential":true}}}`},
			rules: []string{"idtoken_auth_time"},
		},
		{
			name: "max_age", flags: []string{"--max-age", "300"},
			rules: []string{"idtoken_auth_time"},
		},
		{
			name: "resource indicator", flags: []string{"--resource-indicator", "https://api.example/", "--scope", "openid read", "--userinfo", "none"},
			services: []string{"authorization", "accesstoken"},
			saw:      []event{{Event: "granted", Grant: "authorization_code", Method: "client_secret_basic", Audience: "https://api.example/"}},
		},
		{
			name: "signed introspection", flags: []string{"--introspect"},
			client:   m{"introspection_signed_response_alg": "ES256"},
			services: []string{"accesstoken", "introspection"},
			rules:    []string{"introspection_jwt", "introspection_active"},
		},
		{
			name: "mutual TLS", flags: append([]string{"--token-endpoint-auth-method", "tls_client_auth"}, mutual...),
			client: m{"tls_client_auth_san_dns": "rp.example", "tls_client_certificate_bound_access_tokens": true},
			saw:    []event{{Event: "granted", Grant: "authorization_code", Method: "tls_client_auth", Bound: "mtls"}},
		},
		{
			name: "mutual TLS with a certificate of our own", flags: append([]string{"--token-endpoint-auth-method", "self_signed_tls_client_auth"}, mutual...),
			client: m{"tls_client_certificate_bound_access_tokens": true, "jwks": certifiedKey(t)},
			saw:    []event{{Event: "granted", Grant: "authorization_code", Method: "self_signed_tls_client_auth", Bound: "mtls"}},
		},
		{
			name: "tokens bound to a certificate beside assertions", flags: append([]string{"--token-endpoint-auth-method", "private_key_jwt", "--introspect"}, mutual...),
			client: m{"tls_client_certificate_bound_access_tokens": true},
			rules:  []string{"introspection_active"},
			saw:    []event{{Event: "granted", Grant: "authorization_code", Method: "private_key_jwt", Bound: "mtls"}},
		},
		// The provider registers RS256 for whatever is not named, which FAPI forbids: the
		// profile names what is used and leaves out what is not.
		{
			name: "FAPI 2.0 with mutual TLS", flags: append([]string{"--profile", "fapi2", "--token-endpoint-auth-method", "tls_client_auth"}, mutual...),
			client: m{
				"client_name": "FAPI 2.0", "id_token_signed_response_alg": "ES256", "tls_client_auth_san_dns": "rp.example",
				"tls_client_certificate_bound_access_tokens": true, "require_pushed_authorization_requests": true,
			},
			saw: []event{
				{Event: "pushed", Method: "tls_client_auth"},
				{Event: "granted", Grant: "authorization_code", Method: "tls_client_auth", Bound: "mtls"},
			},
		},
		{
			name: "FAPI 2.0", flags: []string{"--profile", "fapi2", "--request-method", "par", "--dpop", "--token-endpoint-auth-method", "private_key_jwt"},
			client: m{
				"client_name": "FAPI 2.0", "id_token_signed_response_alg": "ES256", "token_endpoint_auth_signing_alg": "ES256",
				"require_pushed_authorization_requests": true, "dpop_bound_access_tokens": true,
			},
			saw: []event{
				{Event: "pushed", Method: "private_key_jwt"},
				{Event: "granted", Grant: "authorization_code", Method: "private_key_jwt", Bound: "dpop"},
			},
		},
		{
			name: "FAPI 2.0 Message Signing", flags: []string{"--profile", "fapi2-message-signing", "--request-method", "par", "--dpop", "--response-mode", "jwt", "--introspect", "--token-endpoint-auth-method", "private_key_jwt"},
			client: m{
				"client_name": "FAPI 2.0", "id_token_signed_response_alg": "ES256", "token_endpoint_auth_signing_alg": "ES256",
				"request_object_signing_alg": "ES256", "require_signed_request_object": true, "authorization_signed_response_alg": "ES256",
				"introspection_signed_response_alg": "ES256", "require_pushed_authorization_requests": true, "dpop_bound_access_tokens": true,
			},
			rules: []string{"jarm_protection", "introspection_jwt"},
			saw: []event{
				{Event: "pushed", Method: "private_key_jwt", Object: true},
				{Event: "granted", Grant: "authorization_code", Method: "private_key_jwt", Bound: "dpop"},
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := oidcProvider.get(t)
			arguments := slices.Concat([]string{"--issuer", p.issuer}, c.flags, person)
			if c.client != nil {
				arguments = append(arguments, "--client-config", clientConfig(t, c.client))
			}
			r, exit, narration := walkthrough(t, p, arguments...)
			if exit != 0 {
				t.Fatalf("exit %d at %q, %v\n%s", exit, r.FailedStep, r.Error, narration)
			}
			wantInOrder(t, r.services(), c.services...)
			wantPassed(t, r, append(c.rules, "idtoken_signature")...)
			if r.IDToken["sub"] != "alice" || !slices.Contains(c.flags, "none") && r.UserInfo["sub"] != "alice" {
				t.Errorf("ID Token %v, UserInfo %v", r.IDToken, r.UserInfo)
			}
			p.wantSeen(t, r.ClientID, c.saw...)
		})
	}
}
