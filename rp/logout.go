package rp

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"

	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/service"
	"github.com/oidcservice/oidc/state"
)

var crossOrigin = http.NewCrossOriginProtection()

// Logout returns the handler that ends the browser's session and, where the provider
// has an endpoint for it, the session there (OpenID Connect RP-Initiated Logout 1.0).
//
// It takes a POST of our own pages, or a link on them. A request that may come from
// elsewhere is answered with a page that asks.
func (p *Party) Logout() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		secureHeader(w.Header())
		site := r.Header.Get("Sec-Fetch-Site")
		switch {
		case r.Method == http.MethodPost && crossOrigin.Check(r) == nil:
		case r.Method == http.MethodGet && site == "same-origin":
		case r.Method == http.MethodGet || r.Method == http.MethodHead:
			showPage(w, http.StatusOK, pagePolicy, "logout", nil)
			return
		default:
			p.fail(w, r, problemError{KindRequest, requestError{errMethod, http.StatusForbidden, "a logout that was not asked for on our pages"}}, "", "")
			return
		}
		record, err := p.session(r.Context(), r)
		p.dropCookie(w, p.sessionCookieName())
		if errors.Is(err, ErrNoLogin) {
			seeOther(w, p.o.AfterLogout)
			return
		}
		var there *service.Request
		if err == nil {
			there, err = p.leave(r.Context(), record)
		}
		switch {
		case err != nil:
			p.fail(w, r, err, record.Issuer, "")
		case there == nil:
			seeOther(w, p.o.AfterLogout)
		default:
			sendOn(w, there)
		}
	})
}

// leave closes a session, and returns the request that the browser takes to the provider,
// nil if that has no logout endpoint. A provider that cannot be asked keeps nobody
// logged in here.
func (p *Party) leave(ctx context.Context, record state.Record) (there *service.Request, err error) {
	ctx, end := p.trace(ctx, OperationLogout, record.Issuer)
	defer func() { end(record.Issuer, err) }()
	// "the local session already closed" (rule endsession_request): the record stays
	// until the browser is back, for its ID Token.
	_, err = p.db.Update(ctx, record.State, func(r *state.Record) error {
		r.Keep(keptSession, "")
		return nil
	})
	if err != nil && !errors.Is(err, state.ErrUnknown) {
		return nil, err
	}
	v, err := p.provider(ctx, record.Issuer)
	if err != nil || v.ready(ctx) != nil || v.context.Snapshot().Endpoint(service.EndSessionName) == "" {
		return nil, p.db.End(ctx, record.State)
	}
	req, err := v.runner(ctx).Request(ctx, v.get(service.EndSessionName), service.Args{State: record.State})
	if err != nil {
		p.logger.WarnContext(ctx, "the provider cannot be asked to end its session", "issuer", v.issuer, "rule", string(ruleOf(err)), "error", err)
		return nil, p.db.End(ctx, record.State)
	}
	if asked, ok := req.Message().(*message.EndSessionRequest); ok && asked.PostLogoutRedirectURI == "" {
		return req, p.db.End(ctx, record.State) // nobody comes back
	}
	return req, nil
}

// LoggedOut returns the handler of the post-logout redirect URI. It forgets the login
// and sends the browser to Options.AfterLogout. Anybody can open the address: without a
// state of ours it confirms nothing, and nothing happens (RP-Initiated Logout 1.0,
// Section 3).
func (p *Party) LoggedOut() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		if err := p.forgetLogout(ctx, r); err != nil {
			p.logger.InfoContext(ctx, "a return from a logout confirms nothing", "rule", string(ruleOf(err)), "error", err)
		}
		seeOther(w, p.o.AfterLogout)
	})
}

func (p *Party) forgetLogout(ctx context.Context, r *http.Request) error {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return err
	}
	logins, err := p.db.States(ctx, state.KindLogoutState, values.Get("state"))
	if err != nil {
		return err
	}
	if len(logins) == 0 {
		return refuse(KindRequest, message.RuleEndSessionReturn, "state", "the state of a logout that is under way")
	}
	record, err := p.db.Session(ctx, logins[0])
	if err != nil {
		return err
	}
	v, err := p.provider(ctx, record.Issuer)
	if err != nil {
		return err
	}
	in := service.Inbound{Mode: message.ResponseModeQuery, Method: r.Method, Raw: r.URL.RawQuery}
	_, err = v.finish(ctx, service.EndSessionName, service.ParseCallback(in), nil)
	return err
}

// met finds a provider that this party has met, without sending anything: what names it
// is a message that anybody can make.
func (p *Party) met(ctx context.Context, issuer string) *provider {
	p.mu.Lock()
	v := p.known[issuer]
	p.mu.Unlock()
	if v != nil {
		return v
	}
	if p.dynamic == nil || issuer == "" {
		return nil
	}
	c := p.dynamic.Client
	c.Issuer = issuer
	c.Metadata.RedirectURIs = []string{p.RedirectURI(issuer)}
	v, err := p.newProvider(c, p.open)
	if err != nil || v.recall(ctx) != nil || !v.complete() {
		return nil
	}
	v.named = true
	return p.hold(v)
}

// BackchannelLogout returns the handler that the provider posts logout tokens to
// (OpenID Connect Back-Channel Logout 1.0, Section 2.5). The logins that a token means
// are ended.
func (p *Party) BackchannelLogout() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := readForm(w, r)
		if err == nil {
			in := service.Inbound{Mode: message.ResponseModeFormPost, Method: r.Method, ContentType: r.Header.Get("Content-Type"), Raw: body}
			err = p.endNamed(r.Context(), service.BackchannelLogoutName, p.notifier(r.Context(), body, in), in)
		}
		p.replyLogout(w, r, err)
		if err != nil {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusBadRequest)
			_ = json.NewEncoder(w).Encode(map[string]string{"error": string(message.InvalidRequest), "error_description": string(ruleOf(err))})
			return
		}
		w.WriteHeader(http.StatusOK)
	})
}

// notifier finds the provider that a logout token claims to come from.
func (p *Party) notifier(ctx context.Context, body string, in service.Inbound) *provider {
	if v := p.only(); v != nil {
		return v
	}
	values, err := url.ParseQuery(body)
	if err != nil {
		return nil
	}
	text := values.Get("logout_token")
	if keyjar.IsEncrypted(text) {
		// Only the party it is for can read it: whose keys open it is who it is for.
		for _, v := range p.providers() {
			_, err := v.get(service.BackchannelLogoutName).ParseResponse(ctx, service.ParseCallback(in))
			var need *service.NeedError
			if err == nil || errors.As(err, &need) {
				return v
			}
		}
		return nil
	}
	token, err := keyjar.Parse(text)
	if err != nil {
		return nil
	}
	var claims struct {
		Issuer string `json:"iss"`
	}
	if json.Unmarshal(token.Payload, &claims) != nil {
		return nil
	}
	return p.met(ctx, claims.Issuer)
}

// endNamed ends the logins that a notification means.
func (p *Party) endNamed(ctx context.Context, name string, v *provider, in service.Inbound) error {
	if v == nil {
		return refuse(KindRequest, message.RuleBackchannelIss, "iss", "a provider of ours")
	}
	if !v.complete() {
		if err := v.ready(ctx); err != nil {
			return err
		}
	}
	res, err := v.finish(ctx, name, service.ParseCallback(in), sharedKeyWaits[:1])
	if err != nil {
		return err
	}
	if p.o.Ended != nil && len(res.Ended) > 0 {
		p.o.Ended(ctx, res.Ended)
	}
	return nil
}

// replyLogout sets what every reply to a notification has, and logs a refusal.
func (p *Party) replyLogout(w http.ResponseWriter, r *http.Request, err error) {
	_, header := service.LogoutReply(err)
	for name, values := range header {
		w.Header()[name] = values
	}
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if err == nil {
		return
	}
	level := slog.LevelWarn
	var v *message.Violation
	if errors.As(err, &v) && v.Rule == message.RuleFrontchannelMatch && v.Param == "sid" {
		// Where a provider uses both channels the other one has ended the session before.
		level = slog.LevelInfo
	}
	p.logger.Log(r.Context(), level, "a logout notification was refused", "rule", string(ruleOf(err)), "error", err)
}

// FrontchannelLogout returns the handler that the provider loads in a frame (OpenID
// Connect Front-Channel Logout 1.0, Section 2). It ends the local session only. Browsers
// bring no session cookie into a frame of another site, so register
// frontchannel_logout_session_required: then iss and sid name the session.
func (p *Party) FrontchannelLogout() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v, err := p.endFramed(w, r)
		p.replyLogout(w, r, err)
		policy := "default-src 'none'; base-uri 'none'; frame-ancestors " + frameAncestors(v)
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Content-Type", "text/html; charset=utf-8")
		status, _ := service.LogoutReply(err)
		w.WriteHeader(status)
		_, _ = w.Write([]byte("<!DOCTYPE html><title>.</title>"))
	})
}

func (p *Party) endFramed(w http.ResponseWriter, r *http.Request) (*provider, error) {
	ctx := r.Context()
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return nil, refuse(KindRequest, message.RuleFrontchannelParameters, "method", "GET")
	}
	in := service.Inbound{Mode: message.ResponseModeQuery, Method: r.Method, Raw: r.URL.RawQuery}
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, refuse(KindRequest, message.RuleFrontchannelParameters, "parameters", "strictly encoded parameters")
	}
	if values.Get("iss") != "" || values.Get("sid") != "" {
		v := p.only()
		if v == nil {
			v = p.met(ctx, values.Get("iss"))
		}
		return v, p.endNamed(ctx, service.FrontchannelLogoutName, v, in)
	}
	// No session is named: the browser's own is meant, if it brings its cookie.
	record, err := p.session(r.Context(), r)
	if errors.Is(err, ErrNoLogin) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	v := p.met(ctx, record.Issuer)
	if err := p.endNamed(ctx, service.FrontchannelLogoutName, v, in); err != nil {
		return v, err
	}
	p.dropCookie(w, p.sessionCookieName())
	if err := p.db.End(ctx, record.State); err != nil {
		return v, err
	}
	if p.o.Ended != nil {
		p.o.Ended(ctx, []string{record.State})
	}
	return v, nil
}

// frameAncestors lists the origins of the provider's pages.
func frameAncestors(v *provider) string {
	if v == nil {
		return "'none'"
	}
	addresses := []string{v.issuer}
	if meta := v.context.Snapshot().Provider; meta != nil {
		addresses = append(addresses, meta.AuthorizationEndpoint, meta.EndSessionEndpoint)
	}
	var origins []string
	for _, address := range addresses {
		u, err := url.Parse(address)
		if err != nil || u.Host == "" || strings.ContainsAny(u.Host, "; ,'\"") {
			continue
		}
		if origin := u.Scheme + "://" + u.Host; len(origins) == 0 || origins[len(origins)-1] != origin {
			origins = append(origins, origin)
		}
	}
	return strings.Join(origins, " ")
}
