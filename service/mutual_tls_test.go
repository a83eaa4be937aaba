package service_test

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/service"
	"github.com/oidcservice/oidc/servicecontext"
)

// TestCertificateBoundTokens: a client whose tokens are bound to its certificate
// presents it, at the aliases, where it acquires them and where it uses them, whatever
// else proves who it is; a proof of possession names the alias.
func TestCertificateBoundTokens(t *testing.T) {
	key, err := keyjar.Generate("ES256", rand.Reader, keyjar.KeyOptions{ID: "ours"})
	if err != nil {
		t.Fatal(err)
	}
	const alias = "https://mtls.op.example"
	for _, bound := range []bool{true, false} {
		for _, method := range []string{"private_key_jwt", "none", "tls_client_auth"} {
			config := servicecontext.Config{ClientID: testClientID, Keys: keyjar.NewSet(key), DPoPKey: key}
			config.Metadata.TLSClientCertificateBoundAccessTokens = &bound
			k := redeeming(t, config, method, func(sn *servicecontext.Snapshot) {
				sn.Provider.UserInfoEndpoint = testIssuer + "/userinfo"
				sn.Provider.MTLSEndpointAliases = map[string]string{"token_endpoint": alias + "/token", "userinfo_endpoint": alias + "/userinfo"}
			})
			req, err := k.redeem()
			if err != nil {
				t.Fatal(err)
			}
			presented := bound || method == "tls_client_auth"
			if req.MutualTLS != presented || strings.HasPrefix(req.URL, alias) != presented {
				t.Errorf("%s, bound %v: the token request goes to %s, mutual TLS %v", method, bound, req.URL, req.MutualTLS)
			}
			if got := htu(t, req.Header["Dpop"][0]); got != req.URL {
				t.Errorf("%s, bound %v: the proof is for %s, the request goes to %s", method, bound, got, req.URL)
			}
			k.login(loginState, "")
			use, err := service.NewUserInfo(k.env()).GetRequestParameters(context.Background(), service.Args{
				State: loginState, Message: message.UserInfoRequest{AccessToken: "SlAV32hkKG"},
			})
			if err != nil {
				t.Fatal(err)
			}
			if use.MutualTLS != bound || strings.HasPrefix(use.URL, alias) != bound {
				t.Errorf("%s, bound %v: UserInfo is asked at %s, mutual TLS %v", method, bound, use.URL, use.MutualTLS)
			}
		}
	}
}

// htu is the address that a DPoP proof names.
func htu(t *testing.T, proof string) string {
	t.Helper()
	parts := strings.Split(proof, ".")
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var claims struct {
		URI string `json:"htu"`
	}
	if err := json.Unmarshal(payload, &claims); err != nil {
		t.Fatal(err)
	}
	return claims.URI
}
