package site

import (
	"fmt"
	"net/http"

	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/resource"
	"github.com/oidcservice/oidc/rp"
)

// NewAPI makes an API that takes the JWT access tokens of one provider.
func NewAPI(options rp.ClientOptions) (http.Handler, error) {
	api, err := rp.NewAPI(rp.APIConfig{
		Config: resource.Config{
			Resource: "https://api.example",
			Issuers:  []resource.Issuer{{Issuer: "https://op.example"}},
		},
		HTTP: options,
	})
	if err != nil {
		return nil, err
	}
	read := resource.Demand{Scope: message.List{"read"}}
	router := http.NewServeMux()
	router.Handle("GET /things", api.ProtectWith(read, http.HandlerFunc(things)))
	return router, nil
}

func things(w http.ResponseWriter, r *http.Request) {
	token := rp.AccessTokenOf(r.Context())
	fmt.Fprintf(w, "things of %s\n", token.Subject)
}
