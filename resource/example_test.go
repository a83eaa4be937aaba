package resource_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/resource"
)

// A request without an access token gets a challenge that says where to get one.
func Example() {
	api, err := resource.New(resource.Config{
		Resource: "https://api.example/v1",
		Issuers:  []resource.Issuer{{Issuer: "https://op.example"}},
		Now:      time.Now,
	})
	if err != nil {
		log.Fatal(err)
	}
	_, err = api.Verify(context.Background(), &resource.Request{
		Method: "GET", URL: "https://api.example/v1/things",
	}, resource.Demand{Scope: message.List{"read"}})

	var refusal *resource.Refusal
	if errors.As(err, &refusal) {
		fmt.Println(refusal.Status)
		for _, challenge := range refusal.Header()["Www-Authenticate"] {
			fmt.Println(challenge)
		}
	}
	// Output:
	// 401
	// Bearer resource_metadata="https://api.example/.well-known/oauth-protected-resource/v1"
	// DPoP algs="RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519", resource_metadata="https://api.example/.well-known/oauth-protected-resource/v1"
}
