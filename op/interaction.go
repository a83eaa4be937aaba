package op

import (
	"context"
	"mime"
	"net/http"
	"net/url"

	"github.com/oidcservice/oidc/endpoint"
	"github.com/oidcservice/oidc/message"
)

// interactionPath is where the forms of the pages go, followed by the endpoint's name.
const interactionPath = "/interaction/"

// serveInteraction takes what a user answered. The ticket in the form and the cookie of
// the browser together keep out forged answers; a request that a browser says comes from
// another site is refused before that.
func (p *Provider) serveInteraction(w http.ResponseWriter, r *http.Request, name string) {
	resumer, ok := p.set.Get(name).(endpoint.Resumer)
	if !ok {
		p.showError(w, r, http.StatusNotFound, message.InvalidRequest, "there is nothing at this address")
		return
	}
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		p.showError(w, r, http.StatusMethodNotAllowed, message.InvalidRequest, "this address takes the forms of our own pages")
		return
	}
	site := r.Header.Get("Sec-Fetch-Site")
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/x-www-form-urlencoded" || site != "" && site != "same-origin" {
		p.showError(w, r, http.StatusBadRequest, message.InvalidRequest, "this address takes the forms of our own pages")
		return
	}
	body, status := readBody(w, r)
	form, err := url.ParseQuery(string(body))
	if status != 0 || err != nil {
		p.showError(w, r, http.StatusBadRequest, message.InvalidRequest, "the form cannot be read")
		return
	}
	answer := endpoint.Answer{
		Action:     endpoint.Action(form.Get("action")),
		Username:   form.Get("username"),
		Password:   message.Secret(form.Get("password")),
		UserCode:   form.Get("user_code"),
		Question:   form.Get("question"),
		Cookies:    cookies(r),
		RemoteAddr: p.remote(r),
	}
	if form.Has("scope") {
		// The consent page has a check box for each scope: what is not checked is not sent.
		answer.Scope = append(message.List{}, form["scope"]...)
	}
	ticket := form.Get("ticket")
	r, end := p.traced(r, OperationInteraction)
	resp, err := p.rounds(r.Context(), func() (*endpoint.Response, error) {
		return endpoint.Continue(r.Context(), resumer, ticket, answer)
	})
	end(outcome(resp, err))
	p.answer(w, r, resp, err)
}

// Complete goes on with a question that somebody else's page asked: a login by other
// means. It is what a POST to the interaction address does with the fields of a form.
func (p *Provider) Complete(ctx context.Context, need *endpoint.NeedUser, answer endpoint.Answer) (*endpoint.Response, error) {
	return p.rounds(ctx, func() (*endpoint.Response, error) {
		return endpoint.Continue(ctx, p.set.Get(need.Endpoint), need.Ticket, answer)
	})
}
