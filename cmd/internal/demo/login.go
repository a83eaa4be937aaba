package demo

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/rp"
	"github.com/oidcservice/oidc/servicecontext"
)

// A loginForm is what a login is begun with.
type loginForm struct {
	Scope, ACR, Prompt, MaxAge, UILocales, LoginHint, Claims string
	ForceAuthn, ForceConsent                                 bool
	Send, ResponseType, ResponseMode                         string
	// Field is the one that cannot be used, Fault why.
	Field, Fault string
}

// firstForm is what the settings say.
func (d *Demo) firstForm() *loginForm {
	return &loginForm{
		Scope: d.config.Scope, ACR: d.config.ACR, UILocales: d.config.UILocales,
		Send: string(sendNames[d.config.SendVia]), ResponseType: message.ResponseTypeCode,
		// A refresh token needs it (OpenID Connect Core 1.0, Section 11).
		ForceConsent: message.ParseList(d.config.Scope).Has(message.ScopeOfflineAccess),
	}
}

func formOf(v url.Values) *loginForm {
	text := func(name string) string { return strings.TrimSpace(v.Get(name)) }
	return &loginForm{
		Scope: text("scope"), ACR: text("acr"), Prompt: text("prompt"), MaxAge: text("max_age"), UILocales: text("ui_locales"),
		LoginHint: text("login_hint"), Claims: text("claims"), ForceAuthn: v.Has("force_authn"), ForceConsent: v.Has("force_consent"),
		Send: text("send"), ResponseType: text("response_type"), ResponseMode: text("response_mode"),
	}
}

// request is the authorization request that the form asks for. What cannot be understood is
// noted in the form.
func (f *loginForm) request() message.AuthorizationRequest {
	m := message.AuthorizationRequest{
		Scope: message.ParseList(f.Scope), ACRValues: message.ParseList(f.ACR), UILocales: message.ParseList(f.UILocales),
		LoginHint: f.LoginHint, ResponseType: message.ParseList(f.ResponseType), ResponseMode: message.ResponseMode(f.ResponseMode),
	}
	if f.ForceAuthn {
		m.Prompt = append(m.Prompt, message.PromptLogin)
	}
	if f.ForceConsent {
		m.Prompt = append(m.Prompt, message.PromptConsent)
	}
	if f.Prompt != "" && !m.Prompt.Has(f.Prompt) {
		m.Prompt = append(m.Prompt, f.Prompt)
	}
	if f.MaxAge != "" {
		age, err := strconv.Atoi(f.MaxAge)
		if err != nil || age < 0 {
			f.Field, f.Fault = "max_age", "Want a number of seconds."
		}
		m.MaxAge = &age
	}
	if f.Claims != "" {
		var object map[string]json.RawMessage
		claims := new(message.ClaimsRequest)
		if json.Unmarshal([]byte(f.Claims), &object) != nil || message.DecodeJSON([]byte(f.Claims), claims) != nil {
			f.Field, f.Fault = "claims", `Want a JSON object such as {"id_token": {"email": null}}.`
		}
		m.Claims = claims
	}
	return m
}

// login begins a login with the settings of the form.
func (d *Demo) login(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, "the form cannot be read", http.StatusBadRequest)
		return
	}
	f := formOf(r.PostForm)
	m := f.request()
	c := dialogueOf(r.Context())
	c.settle()
	c.change(func() { c.form = f })
	if f.Fault != "" {
		back(w)
		return
	}
	d.begin(w, r, servicecontext.RequestMethod(f.Send), m, nil)
}

// breakIt begins a login to which something will be done. Its parameters travel in the open,
// where they can be changed.
func (d *Demo) breakIt(w http.ResponseWriter, r *http.Request) {
	f := faultByID(r.PostFormValue("fault"))
	if f == nil {
		http.NotFound(w, r)
		return
	}
	dialogueOf(r.Context()).settle()
	d.begin(w, r, servicecontext.RequestByQuery, message.AuthorizationRequest{
		Scope: message.List{message.ScopeOpenID, message.ScopeEmail}, ResponseType: message.List{message.ResponseTypeCode},
	}, f)
}

// begin sends the browser to the provider, with the request as the relying party made it, or
// as a fault has it.
func (d *Demo) begin(w http.ResponseWriter, r *http.Request, method servicecontext.RequestMethod, m message.AuthorizationRequest, f *fault) {
	party := d.parties[method]
	if party == nil {
		http.Error(w, "there is no such way to send a request", http.StatusBadRequest)
		return
	}
	c := dialogueOf(r.Context())
	t := newTap()
	party.Begin(t, r, rp.LoginRequest{Message: m})
	if address, ok := d.leaves(t); ok {
		var broken *fault
		if f != nil {
			address, broken = c.arm(address, f)
			t.header.Set("Location", address)
		}
		c.front("authorization", address, broken)
		if method == servicecontext.RequestByReference {
			d.hub.host(c)
		}
	}
	t.sendTo(w)
}

// arm lets a fault wait for the callback of a login, and changes the request if the fault
// wants that.
func (c *dialogue) arm(address string, f *fault) (changed string, broken *fault) {
	u, err := url.Parse(address)
	if err != nil {
		return address, nil
	}
	query := u.Query()
	c.change(func() { c.faults[query.Get("state")] = f })
	if f.request == nil {
		return address, nil
	}
	f.request(query)
	u.RawQuery = query.Encode()
	return u.String(), f
}

// sendMethods are the ways in which the provider takes requests.
func (d *Demo) sendMethods() []choice {
	p, all := d.provider, []choice{{string(servicecontext.RequestByQuery), "in the query"}}
	if servicecontext.ProviderAllows(p.RequestParameterSupported, false) {
		all = append(all, choice{string(servicecontext.RequestByValue), "in a signed request object"})
	}
	if d.secure() && d.config.ClientID == "" && servicecontext.ProviderAllows(p.RequestURIParameterSupported, true) {
		all = append(all, choice{string(servicecontext.RequestByReference), "as a request_uri that we serve"})
	}
	if p.PushedAuthorizationRequestEndpoint != "" {
		all = append(all, choice{string(servicecontext.RequestPushed), "pushed beforehand (PAR)"})
	}
	return all
}

// responseModes are those that the provider offers, beside the default of the type.
func (d *Demo) responseModes() []choice {
	supported := d.provider.ResponseModesSupported
	if len(supported) == 0 {
		supported = []string{"query", "fragment"}
	}
	all := []choice{{"", "the default of the type"}}
	for _, mode := range []string{"query", "fragment", "form_post"} {
		if slices.Contains(supported, mode) {
			all = append(all, choice{mode, mode})
		}
	}
	return all
}

// A choice is an option of a list.
type choice struct{ Value, Text string }
