package rp

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/service"
	"github.com/oidcservice/oidc/state"
)

// A Need is what a page asks of a login beyond its existence.
type Need struct {
	// MaxAge is how long ago the user may have been authenticated, at most. Zero means
	// any time.
	MaxAge time.Duration
	// ACRValues are the authentication contexts of which one is needed.
	ACRValues []string
	// Allow, if not nil, says whether this user may see the page.
	Allow func(l *Login) bool
}

// Protect shows next to users who are logged in; LoginOf(r.Context()) tells who. A
// browser that comes without a session is sent to log in, and back; a script gets 401.
// Requests of other sites that would change something get 403.
//
// Answers are not to be stored by caches, unless next says otherwise.
func (p *Party) Protect(next http.Handler) http.Handler { return p.ProtectWith(Need{}, next) }

// ProtectWith is Protect for pages that need more: a login that is too old or too weak
// is made again, with max_age and acr_values.
func (p *Party) ProtectWith(need Need, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := crossOrigin.Check(r); err != nil {
			p.fail(w, r, problemError{KindRequest, requestError{errMethod, http.StatusForbidden, "a request of another site"}}, "", "")
			return
		}
		record, err := p.session(r.Context(), r)
		if errors.Is(err, ErrNoLogin) {
			p.demand(w, r, "", message.AuthorizationRequest{})
			return
		}
		var l *Login
		if err == nil {
			l, err = p.loginOf(record)
		}
		if err != nil {
			p.fail(w, r, err, record.Issuer, "")
			return
		}
		if m, unmet := p.unmet(need, l); unmet {
			if askedFor(record, m) {
				// Asking again would go round in circles.
				err := &message.Error{Code: message.UnmetAuthenticationRequirements}
				p.fail(w, r, problemError{KindDenied, err}, l.Issuer, "")
				return
			}
			p.insist(l.Issuer, &m)
			p.demand(w, r, l.Issuer, m)
			return
		}
		if need.Allow != nil && !need.Allow(l) {
			p.fail(w, r, problemError{KindDenied, &message.Error{Code: message.AccessDenied}}, l.Issuer, "")
			return
		}
		w.Header().Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r.WithContext(WithLogin(r.Context(), l)))
	})
}

// unmet says what a login lacks, as the request that would bring it.
func (p *Party) unmet(need Need, l *Login) (m message.AuthorizationRequest, unmet bool) {
	if need.MaxAge > 0 {
		const leeway = 30 * time.Second
		at := l.IDToken.AuthTime
		if !at.Present() || p.o.Now().Sub(at.Time()) > need.MaxAge+leeway {
			seconds := int(need.MaxAge / time.Second)
			m.MaxAge, unmet = &seconds, true
		}
	}
	if len(need.ACRValues) > 0 && !slices.Contains(need.ACRValues, l.IDToken.ACR) {
		m.ACRValues, unmet = need.ACRValues, true
	}
	return m, unmet
}

// insist asks for an authentication context as an essential claim, where the provider
// reads the claims parameter: acr_values alone are a wish, which it may leave unfulfilled
// (OpenID Connect Core 1.0, Section 5.5.1.1). Both together have no defined meaning.
func (p *Party) insist(issuer string, m *message.AuthorizationRequest) {
	sc := p.ServiceContext(issuer)
	if len(m.ACRValues) == 0 || sc == nil {
		return
	}
	meta := sc.Snapshot().Provider
	if meta == nil || meta.ClaimsParameterSupported == nil || !*meta.ClaimsParameterSupported {
		return
	}
	essential := true
	wish := &message.ClaimRequest{Essential: &essential}
	for _, value := range m.ACRValues {
		if text, err := json.Marshal(value); err == nil {
			wish.Values = append(wish.Values, text)
		}
	}
	m.Claims = &message.ClaimsRequest{IDToken: map[string]*message.ClaimRequest{"acr": wish}}
	m.ACRValues = nil
}

// askedFor reports whether the login was made with these acr_values already, and brought
// another all the same.
func askedFor(record state.Record, m message.AuthorizationRequest) bool {
	if len(m.ACRValues) == 0 {
		return false
	}
	var asked struct {
		ACRValues string `json:"acr_values"`
	}
	if json.Unmarshal(record.Item(state.ItemAuthRequest), &asked) != nil {
		return false
	}
	return asked.ACRValues == m.ACRValues.String()
}

// demand sends a browser to log in, and back to where it was on its way to.
func (p *Party) demand(w http.ResponseWriter, r *http.Request, issuer string, m message.AuthorizationRequest) {
	if !goesThere(r) {
		h := w.Header()
		secureHeader(h)
		h.Set("WWW-Authenticate", `Cookie realm="login"`) // RFC 9110, Section 11.6.1: a challenge goes with 401
		http.Error(w, "nobody is logged in", http.StatusUnauthorized)
		return
	}
	target, ok := service.LocalTarget(r.RequestURI, p.sites...)
	if !ok {
		target = ""
	}
	if p.only() == nil && issuer == "" && len(p.static) != 1 {
		if p.o.LoginPath == "" {
			p.fail(w, r, problemError{KindConfig, ErrUnknownProvider}, "", target)
			return
		}
		seeOther(w, loginAddress(p.o.LoginPath, "", target, true))
		return
	}
	if issuer == "" {
		issuer = p.static[0].issuer
	}
	p.Begin(w, r, LoginRequest{Issuer: issuer, ReturnTo: target, Message: m})
}

// goesThere reports whether a request is a user's browser going to a page.
func goesThere(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead || navigation(r) != nil {
		return false
	}
	if mode := r.Header.Get("Sec-Fetch-Mode"); mode != "" {
		return mode == "navigate"
	}
	accept := r.Header.Get("Accept")
	return accept == "" || strings.Contains(accept, "text/html") || strings.Contains(accept, "*/*") && r.Header.Get("X-Requested-With") == ""
}
