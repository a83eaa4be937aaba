package rp

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/service"
	"github.com/oidcservice/oidc/state"
)

// sessionScript asks the provider's frame every few seconds whether the session there
// is still the one of this login, and believes nobody but that frame. After "changed"
// the whole page goes to log in again, without a word to the user; after "error" nothing
// is asked any more (OpenID Connect Session Management 1.0, Section 3.1).
//
// Where browsers keep the provider's cookies from its frame, that says "changed" for
// ever. A login that was made by such a message is therefore only given up when the
// frame has once said "unchanged".
const sessionScript = `"use strict";(function(){` +
	`var d=document,p=d.getElementById("provider"),o=p.dataset.origin,believe=p.dataset.silent!=="true",over=false,timer;` +
	`function ask(){if(!over)p.contentWindow.postMessage(p.dataset.message,o)}` +
	`addEventListener("message",function(e){` +
	`if(over||e.origin!==o||e.source!==p.contentWindow)return;` +
	`if(e.data==="unchanged"){believe=true;return}` +
	`over=true;if(e.data!=="changed"||!believe)return;` +
	`d.getElementById("return_to").value=top.location.pathname+top.location.search;` +
	`d.getElementById("changed").submit()});` +
	`p.addEventListener("load",function(){ask();timer=timer||setInterval(ask,5000)});p.src=p.dataset.address})();`

// CheckSession returns the handler of a page that watches the user's session at the
// provider (OpenID Connect Session Management 1.0). Load it in a hidden frame of the
// application's own pages:
//
//	<iframe src="/session" hidden></iframe>
//
// When the session at the provider has changed, the local session is closed and the
// browser goes to the provider without bothering the user (prompt=none), with the ID
// Token as a hint: it comes back logged in to the page where it was if the same user is
// still logged in there, and stays logged out otherwise. Where the provider has no
// session iframe, or told no session_state, the page does nothing.
//
// Browsers that keep a provider's cookies from its frame cannot watch it; back-channel
// logout does not depend on the browser.
func (p *Party) CheckSession() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		secureHeader(w.Header())
		switch r.Method {
		case http.MethodGet, http.MethodHead:
			p.showSession(w, r)
		case http.MethodPost:
			p.sessionStatus(w, r)
		default:
			w.Header().Set("Allow", "GET, HEAD, POST")
			p.fail(w, r, problemError{KindRequest, requestError{errMethod, http.StatusMethodNotAllowed, "method " + message.Excerpt(r.Method)}}, "", "")
		}
	})
}

// showSession shows the page that watches.
func (p *Party) showSession(w http.ResponseWriter, r *http.Request) {
	data, err := p.watch(r)
	if err != nil {
		p.logger.DebugContext(r.Context(), "the session at the provider is not watched", "rule", string(ruleOf(err)), "error", err)
		w.WriteHeader(http.StatusNoContent)
		return
	}
	showPage(w, http.StatusOK, sessionPolicy+"; frame-src "+data.Origin, "session", data)
}

// watched is what the page needs to know.
type watched struct {
	Address, Origin string // of the provider's frame
	Message         string // what it is asked
	Silent          bool   // the login was made by such a question
}

func (p *Party) watch(r *http.Request) (*watched, error) {
	ctx := r.Context()
	record, err := p.session(r.Context(), r)
	if err != nil {
		return nil, err
	}
	v, err := p.provider(ctx, record.Issuer)
	if err != nil {
		return nil, err
	}
	if err := v.ready(ctx); err != nil {
		return nil, err
	}
	req, err := v.runner(ctx).Request(ctx, v.get(service.CheckSessionName), service.Args{State: record.State})
	if err != nil {
		return nil, err
	}
	origin, err := service.SessionOrigin(req.URL)
	if err != nil || strings.ContainsAny(origin, "; ,'\"") {
		return nil, refuse(KindProvider, message.RuleSessionIframe, "check_session_iframe", "a URL with a host")
	}
	var asked message.AuthorizationRequest
	err = message.DecodeJSON(record.Item(state.ItemAuthRequest), &asked)
	return &watched{Address: req.URL, Origin: origin, Message: string(req.Body), Silent: asked.Prompt.Has(message.PromptNone)}, err
}

// sessionStatus does what a status calls for.
func (p *Party) sessionStatus(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	err := crossOrigin.Check(r)
	if err != nil {
		err = problemError{KindRequest, requestError{errMethod, http.StatusForbidden, "a status of another site"}}
	}
	var values url.Values
	if err == nil {
		values, err = p.parameters(w, r)
	}
	if err != nil {
		p.fail(w, r, err, "", "")
		return
	}
	record, err := p.session(r.Context(), r)
	if errors.Is(err, ErrNoLogin) {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	var res *service.Result
	if err == nil {
		var v *provider
		if v, err = p.provider(ctx, record.Issuer); err == nil {
			answer := url.Values{"state": {record.State}, "status": {values.Get("status")}}
			in := service.Inbound{Method: r.Method, ContentType: r.Header.Get("Content-Type"), Raw: answer.Encode()}
			res, err = v.finish(ctx, service.CheckSessionName, service.ParseCallback(in), nil)
		}
	}
	if err != nil {
		p.fail(w, r, err, record.Issuer, "")
		return
	}
	if len(res.Optional) == 0 {
		w.WriteHeader(http.StatusNoContent) // the page stays
		return
	}
	// Until the provider has decided nobody is logged in: when the answer never comes,
	// or is for another user, that was the logout.
	if err := p.db.End(ctx, record.State); err != nil {
		p.fail(w, r, err, record.Issuer, "")
		return
	}
	p.dropCookie(w, p.sessionCookieName())
	if p.o.Ended != nil {
		p.o.Ended(ctx, []string{record.State})
	}
	m, _ := res.Optional[0].Args.Message.(message.AuthorizationRequest)
	var asked message.AuthorizationRequest
	if message.DecodeJSON(record.Item(state.ItemAuthRequest), &asked) == nil {
		m.Scope = asked.Scope // what the user agreed to, and no more: consent cannot be asked for
	}
	target, _ := service.LocalTarget(values.Get("return_to"), p.sites...)
	p.Begin(w, r, LoginRequest{Issuer: record.Issuer, ReturnTo: target, Message: m})
}
