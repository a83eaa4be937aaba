package rp

import (
	"net/http"
	"net/url"

	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/service"
)

// InitiateLogin returns the handler of the initiate_login_uri: a third party, such as
// the provider's portal, asks us to begin a login (OpenID Connect Core 1.0, Section 4).
// It begins a login like any other, changes no session, and cannot be framed.
func (p *Party) InitiateLogin() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		secureHeader(w.Header())
		in := service.Inbound{Mode: message.ResponseModeQuery, Method: r.Method, ContentType: r.Header.Get("Content-Type"), Raw: r.URL.RawQuery}
		err := navigation(r)
		if err == nil && r.Method == http.MethodPost {
			in.Mode = message.ResponseModeFormPost
			in.Raw, err = readForm(w, r)
		}
		issuer := ""
		if values, parseErr := url.ParseQuery(in.Raw); parseErr == nil {
			issuer = values.Get("iss")
		}
		if err != nil {
			p.fail(w, r, err, issuer, "")
			return
		}
		v := p.only()
		if v == nil {
			if v, err = p.provider(r.Context(), issuer); err != nil {
				p.fail(w, r, err, issuer, "")
				return
			}
		}
		res, err := v.finish(r.Context(), service.InitiateLoginName, service.ParseCallback(in), nil)
		if err != nil {
			p.fail(w, r, err, v.issuer, "")
			return
		}
		target := ""
		if asked := service.MessageOf[message.InitiateLoginRequest](res); asked.TargetLinkURI != "" {
			// The service judged it; what is kept is the path, written anew.
			target, _ = service.LocalTarget(asked.TargetLinkURI, v.context.Snapshot().Metadata.RedirectURIs...)
		}
		var m message.AuthorizationRequest
		if len(res.Optional) > 0 {
			m, _ = res.Optional[0].Args.Message.(message.AuthorizationRequest)
		}
		p.send(w, r, v, &m, target)
	})
}
