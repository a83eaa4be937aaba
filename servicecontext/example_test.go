package servicecontext_test

import (
	"bytes"
	"fmt"
	"log"

	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/servicecontext"
)

// What was learnt survives a restart: discovery and registration are not made again.
func Example() {
	config := servicecontext.Config{
		Issuer:   "https://op.example",
		Metadata: message.ClientMetadata{RedirectURIs: []string{"https://app.example/callback"}},
		SealKeys: [][]byte{bytes.Repeat([]byte("k"), 32)}, // of a secret file, in earnest
	}
	sc, err := servicecontext.New(config)
	if err != nil {
		log.Fatal(err)
	}
	// The service "registration" does this when it commits.
	err = sc.Update(func(s *servicecontext.Snapshot) error {
		s.Client = &message.RegistrationResponse{ClientID: "s6BhdRkqt3", ClientSecret: "cf136dc3c1fc93f31185e5885805d"}
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	kept, err := sc.Marshal()
	if err != nil {
		log.Fatal(err)
	}

	again, err := servicecontext.Parse(kept, config)
	if err != nil {
		log.Fatal(err)
	}
	client := again.Snapshot().Client
	fmt.Println(client.ClientID, client.ClientSecret)
	// Output: s6BhdRkqt3 ***
}

// A configuration may be JSON. What the provider has a say in may be a list, best first.
func ExampleParseConfig() {
	config, err := servicecontext.ParseConfig([]byte(`{
		"issuer": "https://op.example",
		"redirect_uris": ["https://app.example/callback"],
		"client_preferences": {
			"client_name": "The Shop",
			"token_endpoint_auth_method": ["private_key_jwt", "client_secret_basic"]
		}
	}`))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(config.Metadata.ClientName, config.Preferences.TokenEndpointAuthMethods)

	_, err = servicecontext.ParseConfig([]byte(`{"isuer": "https://op.example"}`))
	fmt.Println(err)
	// Output:
	// The Shop [private_key_jwt client_secret_basic]
	// servicecontext: invalid configuration: unknown member "isuer"
}
