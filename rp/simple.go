package rp

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/service"
	"github.com/oidcservice/oidc/state"
)

// These are the three calls of a login for programs that have no use for handlers: a
// command line, a test, another framework. Everything is verified as in Callback.

// Tokens are what a login brought.
type Tokens struct {
	*Login
	AccessToken  message.Secret // empty if none was issued
	TokenType    string         // Bearer or DPoP
	Expiry       time.Time      // of the access token; zero if the provider did not say
	RefreshToken message.Secret // empty if none was issued
	// RawIDToken is the ID Token as it came, for Claims. Its verified claims are
	// Login.IDToken.
	RawIDToken message.Secret
}

// kindIDToken finds a login by its ID Token.
const kindIDToken = "id_token"

// AuthorizationURL begins a login and returns where to send the user. Keep binding
// where only this user's browser, or this process, can present it again: it is what
// makes the callback of another user's login worthless here.
func (p *Party) AuthorizationURL(ctx context.Context, l LoginRequest) (address string, binding message.Secret, err error) {
	target := ""
	if l.ReturnTo != "" {
		var ok bool
		if target, ok = service.LocalTarget(l.ReturnTo, p.sites...); !ok {
			return "", "", refuse(KindRequest, message.RuleAuthzResponseReturnURL, "return_to", "a path of this site")
		}
	}
	v, err := p.choose(ctx, l)
	if err != nil {
		return "", "", err
	}
	begun, err := p.begin(ctx, v, &l.Message, target)
	if err != nil {
		return "", "", err
	}
	return begun.address, message.Secret(begun.binding), nil
}

// Tokens finishes the login: it takes the whole address that the user was sent back to,
// and the binding that AuthorizationURL gave, and returns tokens that are verified.
func (p *Party) Tokens(ctx context.Context, callbackURL string, binding message.Secret) (t *Tokens, err error) {
	issuer := ""
	ctx, end := p.trace(ctx, OperationCallback, issuer)
	defer func() { end(issuer, err) }()
	ctx = p.db.Hold(ctx)
	in := service.Inbound{Mode: message.ResponseModeQuery, Method: http.MethodGet, Binding: binding.Reveal()}
	rest, fragment, _ := strings.Cut(callbackURL, "#")
	in.RedirectURI, in.Raw, _ = strings.Cut(rest, "?")
	if fragment != "" {
		in.Mode, in.Raw = message.ResponseModeFragment, fragment
	}
	if u, err := url.Parse(in.RedirectURI); err == nil {
		if uri, ok := p.routes[u.EscapedPath()]; ok {
			in.RedirectURI = uri
		}
	}
	name, _ := stateOf(in.Raw)
	v, err := p.providerOf(ctx, name, in.RedirectURI)
	if err != nil {
		return nil, err
	}
	issuer = v.issuer
	v.freshKeys(ctx)
	res, err := v.finish(ctx, service.AuthorizationName, service.ParseCallback(in), sharedKeyWaits)
	if err != nil {
		return nil, err
	}
	t, err = p.tokensOf(ctx, v, res)
	if err != nil {
		p.giveUp(ctx, res.State)
		v.forget(context.WithoutCancel(ctx), err)
		return nil, err
	}
	return t, nil
}

func (p *Party) tokensOf(ctx context.Context, v *provider, res *service.Result) (*Tokens, error) {
	b, err := p.redeem(ctx, v, res)
	if err != nil {
		return nil, err
	}
	t := &Tokens{Login: b.login, AccessToken: b.front.AccessToken, TokenType: b.front.TokenType, RawIDToken: b.front.IDToken}
	expiresIn := b.front.ExpiresIn
	if m := b.tokens; m != nil {
		t.AccessToken, t.TokenType, t.RefreshToken, expiresIn = m.AccessToken, m.TokenType, m.RefreshToken, m.ExpiresIn
		if m.IDToken != "" {
			t.RawIDToken = m.IDToken
		}
	}
	if expiresIn != nil {
		t.Expiry = v.context.Now().Add(time.Duration(*expiresIn) * time.Second)
	}
	target := ""
	_, err = p.db.Update(ctx, res.State, func(r *state.Record) error {
		target = r.Kept(state.KeptReturnTo)
		r.Keep(state.KeptReturnTo, "")
		if t.RawIDToken != "" {
			r.Link(kindIDToken, hashOf(t.RawIDToken))
		}
		return nil
	})
	if err == nil {
		err = p.db.Flush(ctx)
	}
	if err != nil {
		return nil, err
	}
	if local, ok := service.LocalTarget(target, p.sites...); ok {
		t.ReturnTo = local
	}
	return t, nil
}

func hashOf(token message.Secret) string {
	sum := sha256.Sum256([]byte(token.Reveal()))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// ErrUnknownToken reports an ID Token that no login of this party brought. Such a token
// cannot be verified: its nonce, and whether it was meant for this login, are known of
// our own logins only.
var ErrUnknownToken = errors.New("rp: the ID Token is of no login of ours")

// Claims returns the verified claims of an ID Token that Tokens returned, as long as it
// has not expired and the login has not ended. Signature, issuer, audience, nonce and
// all else were verified when it came; a token that differs in one bit is another.
func (p *Party) Claims(ctx context.Context, idToken message.Secret) (*message.IDToken, error) {
	names, err := p.db.States(ctx, kindIDToken, hashOf(idToken))
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return nil, ErrUnknownToken
	}
	record, err := p.db.Session(ctx, names[0])
	if errors.Is(err, state.ErrUnknown) {
		return nil, ErrUnknownToken
	}
	if err != nil {
		return nil, err
	}
	l, err := p.loginOf(record)
	if err != nil {
		return nil, err
	}
	v, err := p.provider(ctx, record.Issuer)
	if err != nil {
		return nil, err
	}
	sn := v.context.Snapshot()
	claims := l.IDToken
	if token, err := keyjar.Parse(idToken.Reveal()); err == nil {
		claims = new(message.IDToken) // a refresh may have brought others since
		if err := sn.Compat.DecodeClaims(token.Payload, claims); err != nil {
			return nil, err
		}
	}
	// "The current time MUST be before the time represented by the exp Claim" (OpenID
	// Connect Core 1.0, Section 3.1.3.7).
	if !v.context.Now().Before(claims.Expiration.Time().Add(sn.Leeway)) {
		return nil, &message.Violation{Rule: message.RuleIDTokenExp, Param: "id_token.exp", Want: "later than now"}
	}
	return claims, nil
}
