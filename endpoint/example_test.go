package endpoint_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"log"

	"github.com/oidcservice/oidc/endpoint"
	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/op/optest"
	"github.com/oidcservice/oidc/state"
)

// A provider without net/http: a request goes in as a value, the answer comes out as one.
func Example() {
	key, err := keyjar.Generate("RS256", rand.Reader, keyjar.KeyOptions{Use: "sig", Algorithm: "RS256"})
	if err != nil {
		log.Fatal(err)
	}
	c, err := endpoint.NewContext(endpoint.Config{
		Issuer: "https://op.example",
		Keys:   keyjar.NewSet(key),
		Store:  new(state.Memory), // forgets everything when the process ends
		Users:  optest.Users{},    // your own directory
	})
	if err != nil {
		log.Fatal(err)
	}
	set, err := endpoint.NewSet(c, nil)
	if err != nil {
		log.Fatal(err)
	}
	resp, err := endpoint.Serve(context.Background(), set.Get("token"), &endpoint.Request{
		Method: "POST",
		URL:    "https://op.example/token",
		Header: endpoint.Header{"Content-Type": {"application/x-www-form-urlencoded"}},
		Body:   []byte("grant_type=authorization_code&code=SplxlOBeZQQYbYS6WxSbIA&client_id=nobody"),
	})
	if err != nil {
		log.Fatal(err) // only what fails here: a store, the random source, the users
	}
	fmt.Println(resp.Status, string(resp.Body))
	fmt.Println(resp.Refusal.Error())
	// Output:
	// 401 {"error":"invalid_client","error_description":"client authentication failed"}
	// invalid_client: client_id: want a known client [op_client_auth_error; RFC 6749, Section 5.2]
}
