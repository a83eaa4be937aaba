package service_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/service"
	"github.com/oidcservice/oidc/servicecontext"
)

// metadata is what a provider publishes about itself.
const metadata = `{
	"issuer": "https://op.example",
	"authorization_endpoint": "https://op.example/authorize",
	"token_endpoint": "https://op.example/token",
	"jwks_uri": "https://op.example/jwks",
	"response_types_supported": ["code"],
	"subject_types_supported": ["public"],
	"id_token_signing_alg_values_supported": ["RS256"],
	"code_challenge_methods_supported": ["S256"]
}`

// The three parts of a step, here of discovery. Nothing is sent by them: the program
// sends what the first returned, by whatever means it has, and gives back the answer.
func Example() {
	ctx := context.Background()
	sc, err := servicecontext.New(servicecontext.Config{Issuer: "https://op.example"})
	if err != nil {
		log.Fatal(err)
	}
	discovery := service.NewProviderInfo(service.Env{Context: sc})

	req, err := discovery.GetRequestParameters(ctx, service.Args{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(req.Method, req.URL)

	resp := req.Answer(200, map[string][]string{"Content-Type": {"application/json"}}, []byte(metadata))
	res, err := discovery.ParseResponse(ctx, resp)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("verified, not yet known:", sc.Snapshot().Provider == nil)

	if err := discovery.UpdateServiceContext(ctx, res); err != nil {
		log.Fatal(err)
	}
	fmt.Println(sc.Snapshot().Provider.TokenEndpoint)
	// Output:
	// GET https://op.example/.well-known/openid-configuration
	// verified, not yet known: true
	// https://op.example/token
}

// A refusal names the rule that was broken and the text that demands it, and lists what
// was judged before.
func ExampleChecksOf() {
	ctx := context.Background()
	sc, err := servicecontext.New(servicecontext.Config{Issuer: "https://honest.example"})
	if err != nil {
		log.Fatal(err)
	}
	_, err = service.Run(ctx, service.NewProviderInfo(service.Env{Context: sc}), service.Args{}, published)
	fmt.Println(errors.Is(err, message.RuleMetadataIssuer))
	fmt.Println(err)
	for _, check := range service.ChecksOf(err) {
		fmt.Println(check.Verdict, check.Rule, check.Param)
	}
	// Output:
	// true
	// provider_info: issuer: got "https://op.example", want https://honest.example [metadata_issuer; OpenID Connect Discovery 1.0, Section 4.3]
	// passed metadata_status status
	// passed metadata_status content_type
	// passed metadata_member_type body
	// failed metadata_issuer issuer
}

// published sends nothing: every request gets the metadata of https://op.example.
func published(_ context.Context, req *service.Request) (*service.Response, error) {
	return req.Answer(200, map[string][]string{"Content-Type": {"application/json"}}, []byte(metadata)), nil
}
