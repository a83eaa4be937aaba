package optest_test

import (
	"fmt"
	"log"

	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/op"
	"github.com/oidcservice/oidc/op/optest"
)

// A test has a provider of its own, as strict or as poor as it wants it.
func Example() {
	provider, err := optest.New(func(c *op.Config) {
		c.Policy.ResponseTypes = []string{message.ResponseTypeCode}
	})
	if err != nil {
		log.Fatal(err)
	}
	resp, err := provider.Client().Get(optest.Issuer + "/.well-known/openid-configuration")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	fmt.Println(resp.Status, provider.Endpoints().Metadata().ResponseTypesSupported)

	// Nothing else can be reached with that client.
	_, err = provider.Client().Get("https://elsewhere.example/")
	fmt.Println(err)
	// Output:
	// 200 OK [code]
	// Get "https://elsewhere.example/": optest: there is no such host
}
