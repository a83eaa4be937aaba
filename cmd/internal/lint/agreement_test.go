package lint

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/service"
	"github.com/oidcservice/oidc/servicecontext"
	"github.com/oidcservice/oidc/state"
)

// TestAgreement lets the relying party judge the same metadata: what it refuses is an
// error here, of the same rule, and what it accepts breaks none of its MUSTs.
func TestAgreement(t *testing.T) {
	own := []message.Rule{
		message.RuleMetadataStatus, message.RuleMetadataIssuer, message.RuleMetadataIssuerSyntax, message.RuleMetadataRequired,
		message.RuleMetadataMemberType, message.RuleMetadataValues, message.RuleMetadataEndpointURL,
	}
	docs := badProviders()
	docs = append(docs, bad{doc: goodProvider()})
	for _, b := range docs {
		data := encode(t, b.doc)
		ctx := context.Background()
		sc, err := servicecontext.New(servicecontext.Config{Issuer: op})
		if err != nil {
			t.Fatal(err)
		}
		svc := service.NewProviderInfo(service.Env{Context: sc, DB: &state.DB{}})
		req, err := svc.GetRequestParameters(ctx, service.Args{})
		if err != nil {
			t.Fatal(err)
		}
		_, refused := svc.ParseResponse(ctx, req.Answer(200, map[string][]string{"Content-Type": {"application/json"}}, data))
		found := Check(&Document{Type: Provider, Dialect: OpenID, Data: data, Issuer: op})
		broken := func(rule message.Rule) bool {
			return slices.ContainsFunc(found, func(f Finding) bool {
				return f.Severity == Error && (f.Rule == rule || f.Rule == ruleJSON)
			})
		}
		var v *message.Violation
		switch {
		case refused == nil:
			for _, rule := range own {
				if broken(rule) {
					t.Errorf("%s: only here, in %s", rule, data)
				}
			}
		case errors.As(refused, &v) && slices.Contains(own, v.Rule) && !broken(v.Rule):
			t.Errorf("%v: not found in %s, but %+v", refused, data, found)
		}
	}
}
