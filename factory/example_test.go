package factory_test

import (
	"context"
	"fmt"
	"log"

	"github.com/oidcservice/oidc/factory"
	"github.com/oidcservice/oidc/service"
	"github.com/oidcservice/oidc/servicecontext"
)

// A specification says which services there are and what is particular about each.
func Example() {
	spec, err := factory.ParseSpec([]byte(`{
		"provider_info": {},
		"authorization": {"request_args": {"prompt": "consent"}},
		"accesstoken": {"client_auth": "client_secret_post"}
	}`))
	if err != nil {
		log.Fatal(err)
	}
	sc, err := servicecontext.New(servicecontext.Config{Issuer: "https://op.example"})
	if err != nil {
		log.Fatal(err)
	}
	services, err := factory.Build(spec, sc, nil) // nil: logins are remembered in memory
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(services.Names())

	// A service that was not named is there, and says so when it is used.
	_, err = services.Get("userinfo").GetRequestParameters(context.Background(), service.Args{})
	fmt.Println(err)
	// Output:
	// [accesstoken authorization provider_info]
	// userinfo: not configured: the specification does not name this service
}
