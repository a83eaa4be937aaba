package rp

import (
	"context"
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/service"
	"github.com/oidcservice/oidc/state"
)

// Callback returns the handler of the redirect URIs. It judges what the browser brings,
// redeems the code, asks for UserInfo, and starts the session. Then it calls done, which
// answers the request, for instance by sending the browser to Login.ReturnTo; nil does
// just that. Nothing that was not verified reaches done.
//
// With a CallbackBase it serves every address below it.
func (p *Party) Callback(done func(w http.ResponseWriter, r *http.Request, l *Login)) http.Handler {
	if done == nil {
		done = func(w http.ResponseWriter, _ *http.Request, l *Login) { seeOther(w, l.ReturnTo) }
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		secureHeader(w.Header())
		in, err := p.inbound(w, r)
		if err != nil {
			p.fail(w, r, err, "", "")
			return
		}
		if in == nil {
			showPage(w, http.StatusOK, fragmentPolicy, "fragment", nil)
			return
		}
		ctx, keepPending := p.browserState(r)
		l, issuer, target, err := p.complete(ctx, w, r, in)
		keepPending(w, false)
		if err != nil {
			p.fail(w, r, err, issuer, target)
			return
		}
		done(w, r, l)
	})
}

// inbound reads the authorization response. It is nil when there is none: then it may
// stand in the fragment, which only the browser sees.
func (p *Party) inbound(w http.ResponseWriter, r *http.Request) (*service.Inbound, error) {
	in := &service.Inbound{Method: r.Method, ContentType: r.Header.Get("Content-Type"), RedirectURI: p.arrived(r)}
	switch r.Method {
	case http.MethodGet:
		if r.URL.RawQuery == "" {
			return nil, nil
		}
		in.Mode, in.Raw = message.ResponseModeQuery, r.URL.RawQuery
	case http.MethodPost:
		body, err := readForm(w, r)
		if err != nil {
			return nil, err
		}
		in.Mode, in.Raw = message.ResponseModeFormPost, body
		if fragment, ok := movedFragment(r, body); ok {
			in.Mode, in.Raw = message.ResponseModeFragment, fragment
		}
	default:
		w.Header().Set("Allow", "GET, POST")
		return nil, problemError{KindRequest, requestError{errMethod, http.StatusMethodNotAllowed, "method " + message.Excerpt(r.Method)}}
	}
	return in, nil
}

// movedFragment returns the fragment that our own page posts. A browser that says where
// a request comes from must say: from here.
func movedFragment(r *http.Request, body string) (string, bool) {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/x-www-form-urlencoded" {
		return "", false
	}
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "same-origin" {
		return "", false
	}
	values, err := url.ParseQuery(body)
	if err != nil || len(values) != 1 || len(values["fragment"]) != 1 {
		return "", false
	}
	return values.Get("fragment"), true
}

// stateOf returns the state of a response without believing anything. That of a signed
// response stands in the JWT; that of an encrypted one cannot be seen.
func stateOf(raw string) (name string, sealed bool) {
	for pair := range strings.SplitSeq(raw, "&") {
		if name, found := strings.CutPrefix(pair, "state="); found && name != "" && !strings.ContainsAny(name, "%+;") {
			return name, false // one of ours is as plain as that
		}
	}
	values, err := url.ParseQuery(raw)
	if err != nil {
		return "", false // ParseResponse says why it is refused
	}
	if name := values.Get("state"); name != "" {
		return name, false
	}
	response := values.Get("response")
	if response == "" {
		return "", false
	}
	token, err := keyjar.Parse(response)
	if err != nil {
		return "", keyjar.IsEncrypted(response)
	}
	var claims struct {
		State string `json:"state"`
	}
	if json.Unmarshal(token.Payload, &claims) != nil {
		return "", false
	}
	return claims.State, false
}

// complete finishes the login that a response belongs to.
func (p *Party) complete(ctx context.Context, w http.ResponseWriter, r *http.Request, in *service.Inbound) (l *Login, issuer, target string, err error) {
	ctx, end := p.trace(ctx, OperationCallback, "")
	defer func() { end(issuer, err) }()
	ctx = p.db.Hold(ctx)
	name, sealed := stateOf(in.Raw)
	v, err := p.providerOf(ctx, name, in.RedirectURI)
	if err != nil {
		return nil, "", "", err
	}
	issuer = v.issuer
	waiting := p.loginCookieName(name)
	in.Binding = cookie(r, waiting)
	if strings.Contains(in.Raw, "error=") {
		target = p.targetOf(ctx, name, in.Binding) // a declared error ends the login
	}
	v.freshKeys(ctx)
	res, err := p.judgeResponse(ctx, v, *in, sealed, r)
	if err != nil {
		// The cookie goes when the login does. One that waits for a response that
		// somebody forged stays: its own response may still come.
		var declared *message.Error
		if errors.As(err, &declared) {
			p.dropCookie(w, waiting)
		}
		if target == "" {
			target = p.targetOf(ctx, name, in.Binding)
		}
		return nil, issuer, target, err
	}
	if res.State != name { // it was sealed
		waiting = p.loginCookieName(res.State)
	}
	p.dropCookie(w, waiting)
	brought, err := p.redeem(ctx, v, res)
	if err != nil {
		// The code is spent, or its fate unknown: this login is over.
		target = p.giveUp(ctx, res.State)
		v.forget(context.WithoutCancel(ctx), err)
		return nil, issuer, target, err
	}
	if target, err = p.settle(ctx, w, r, res.State); err != nil {
		p.giveUp(ctx, res.State)
		return nil, issuer, target, err
	}
	l = brought.login
	if local, ok := service.LocalTarget(target, p.sites...); ok {
		l.ReturnTo = local
	} else {
		l.ReturnTo = p.o.AfterLogin
	}
	return l, issuer, target, nil
}

// settle starts the session of a login that is complete, and returns where the browser
// was on its way to.
func (p *Party) settle(ctx context.Context, w http.ResponseWriter, r *http.Request, name string) (target string, err error) {
	if p.o.SkipSession {
		record, err := p.db.Session(ctx, name)
		return record.Kept(state.KeptReturnTo), errors.Join(err, p.db.Flush(ctx))
	}
	secret, err := p.random(make([]byte, 0, 43))
	if err != nil {
		return "", err
	}
	_, err = p.db.Update(ctx, name, func(r *state.Record) error {
		target = r.Kept(state.KeptReturnTo)
		r.Keep(keptSession, sessionHash(secret))
		if target != "" {
			r.Keep(state.KeptReturnTo, "")
		}
		return nil
	})
	if err == nil {
		err = p.db.Flush(ctx)
	}
	if err != nil {
		return target, err
	}
	return target, p.openSession(ctx, w, r, secret, name)
}

// targetOf returns where a login that failed was on its way to, for the browser that
// began it: nobody else is told.
func (p *Party) targetOf(ctx context.Context, name, binding string) string {
	if binding == "" {
		return ""
	}
	pending, err := p.db.Pending(ctx, name)
	if err != nil {
		return ""
	}
	return pending.Kept(state.KeptReturnTo)
}

// giveUp ends a login that cannot be completed, and returns where it was on its way to.
// Its record would otherwise stay, with tokens that nobody can use.
func (p *Party) giveUp(ctx context.Context, name string) (target string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if record, err := p.db.Session(ctx, name); err == nil {
		target = record.Kept(state.KeptReturnTo)
	}
	if err := p.db.End(ctx, name); err != nil {
		p.logger.WarnContext(ctx, "a login that failed cannot be forgotten; it expires", "error", err)
	}
	return target
}

// providerOf finds the provider of a response by its state, and where that leads nowhere
// by the address at which it arrived. It judges nothing: the service does.
func (p *Party) providerOf(ctx context.Context, name, redirectURI string) (*provider, error) {
	v := p.only()
	if v != nil && !v.registers() {
		return v, v.ready(ctx)
	}
	var pending state.Record
	if name != "" {
		var err error
		if pending, err = p.db.Pending(ctx, name); err != nil && !errors.Is(err, state.ErrUnknown) {
			return nil, err
		}
	}
	if pending.Issuer != "" {
		v, err := p.provider(ctx, pending.Issuer)
		if err != nil {
			return nil, err
		}
		return v, v.meet(ctx, pending)
	}
	all := p.providers()
	for _, v := range all {
		if slices.Contains(v.context.Snapshot().Metadata.RedirectURIs, redirectURI) {
			return v, nil
		}
	}
	if len(all) > 0 {
		return all[0], nil
	}
	return nil, refuse(KindExpired, message.RuleAuthzResponseState, "state", "a state of ours that waits for its response")
}

// meet sees to it that a login that another process began can be finished here.
func (v *provider) meet(ctx context.Context, pending state.Record) error {
	if v.registers() {
		var asked struct {
			ClientID string `json:"client_id"`
		}
		if json.Unmarshal(pending.Item(state.ItemAuthRequest), &asked) == nil && asked.ClientID != v.context.Snapshot().ClientID() {
			if err := v.recall(ctx); err != nil {
				return err
			}
		}
	}
	return v.ready(ctx)
}

// judgeResponse runs the authorization service on what came. The cookie of a response
// whose state is encrypted is found by trying: ParseResponse changes nothing.
func (p *Party) judgeResponse(ctx context.Context, v *provider, in service.Inbound, sealed bool, r *http.Request) (*service.Result, error) {
	if sealed {
		for _, binding := range p.loginCookies(r) {
			in.Binding = binding
			_, err := v.get(service.AuthorizationName).ParseResponse(ctx, service.ParseCallback(in))
			if !errors.Is(err, message.RuleAuthzResponseBrowserBinding) {
				break
			}
		}
	}
	return v.finish(ctx, service.AuthorizationName, service.ParseCallback(in), sharedKeyWaits)
}

// brought is what a login brought: all of it verified.
type brought struct {
	login  *Login
	front  *message.AuthorizationResponse
	tokens *message.AccessTokenResponse // nil without a code
}

// redeem makes the back-channel requests of a login.
func (p *Party) redeem(ctx context.Context, v *provider, res *service.Result) (*brought, error) {
	b := &brought{
		login: &Login{ID: res.State, Issuer: v.issuer, IDToken: res.IDToken, party: p},
		front: service.MessageOf[message.AuthorizationResponse](res),
	}
	l, args := b.login, service.Args{State: res.State}
	judged := append(make([][]service.Check, 0, 3), res.Checks)
	if b.front.Code != "" {
		res, err := v.run(ctx, service.AccessTokenName, args)
		if err != nil {
			return nil, err
		}
		b.tokens = service.MessageOf[message.AccessTokenResponse](res)
		judged = append(judged, res.Checks)
		if res.IDToken != nil {
			l.IDToken = res.IDToken
		}
	}
	sn := v.context.Snapshot()
	if (b.tokens != nil || b.front.AccessToken != "") && !p.o.SkipUserInfo && sn.Profile.OpenID() && sn.Endpoint(service.UserInfoName) != "" {
		res, err := v.run(ctx, service.UserInfoName, args)
		if err != nil {
			return nil, err
		}
		l.UserInfo = service.MessageOf[message.UserInfoResponse](res)
		judged = append(judged, res.Checks)
	} else {
		l.UserInfo = new(message.UserInfoResponse)
	}
	l.Checks = slices.Concat(judged...)
	if l.IDToken == nil {
		l.IDToken = new(message.IDToken) // plain OAuth brings none
	}
	l.Subject = l.IDToken.Subject
	return b, nil
}
