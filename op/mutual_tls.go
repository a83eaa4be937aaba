package op

import (
	"net/http"
	"net/url"

	"github.com/oidcservice/oidc/message"
)

// MutualTLS returns the handler of the server at endpoint.Policy.MutualTLSBase, where
// clients show a certificate: it has the endpoints that the metadata lists as aliases (RFC
// 8705, Section 5) and nothing for browsers. A request that comes to it was sent to the
// alias, so that is what its DPoP proof names.
func (p *Provider) MutualTLS() http.Handler {
	at := map[string]int{}
	all := p.set.All()
	for i, d := range all {
		if u, err := url.Parse(d.Alias); err == nil && d.Alias != "" {
			at[u.Path] = i
		}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i, ok := at[r.URL.Path]
		if !ok {
			p.showError(w, r, http.StatusNotFound, message.InvalidRequest, "there is nothing at this address")
			return
		}
		d := all[i]
		d.URL = d.Alias
		p.serve(w, r, d)
	})
}
