package service_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/service"
	"github.com/oidcservice/oidc/servicecontext"
	"github.com/oidcservice/oidc/state"
)

const (
	testCode       = "SplxlOBeZQQYbYS6WxSbIA"
	testToken      = "SlAV32hkKG"
	testFrontToken = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"
	testSource     = "https://claims.example"
)

// aftermath is what a vector changes before, between and after the steps of a login.
type aftermath struct {
	// Before are logins held before in the same world, however they ended.
	Before []override `json:"before"`
	// ProviderKeys names the keys of the provider's key set; KeyPatch patches their
	// entries by kid.
	ProviderKeys []string                  `json:"provider_keys"`
	KeyPatch     map[string]map[string]any `json:"key_patch"`
	// Once are answers that are given the first time only.
	Once map[string]answer `json:"once"`
	// InFlight names a step of which one request was built before and not answered.
	InFlight string `json:"in_flight"`
	// Again names a step that is run once more at the end.
	Again string `json:"again"`
	// Race judges the callback twice before it commits the first.
	Race bool `json:"race"`
	// Unbound: no browser is named, at neither end.
	Unbound bool `json:"unbound"`
	// Kept changes private values of the record after the callback, RecordIssuer its
	// issuer.
	Kept         map[string]string `json:"kept"`
	RecordIssuer string            `json:"record_issuer"`
	// BackIDToken patches the ID Token of the token response alone, UserInfoEncrypt
	// wraps UserInfo, JARMEncrypt the response.
	BackIDToken     map[string]any `json:"back_id_token"`
	UserInfoEncrypt map[string]any `json:"userinfo_encrypt"`
	JARMEncrypt     map[string]any `json:"jarm_encrypt"`
	// SignedMetadata patches the claims of signed_metadata, SignedMetadataTyp its header;
	// SignedMetadataKey signs it.
	SignedMetadata    map[string]any `json:"signed_metadata"`
	SignedMetadataKey string         `json:"signed_metadata_key"`
	SignedMetadataTyp map[string]any `json:"signed_metadata_header"`
	// Hint gives the authorization request the ID Token of the login before, signed
	// by HintKey if that is set, with claims patched.
	Hint    map[string]any `json:"hint"`
	HintKey string         `json:"hint_key"`
	// Source is what another source of claims tells, Sources how the provider names
	// it; a JWT of {jwt} stands for it. SourceKey signs it, SourceTyp patches
	// its header.
	Source    map[string]any `json:"source"`
	SourceKey string         `json:"source_key"`
	SourceTyp map[string]any `json:"source_header"`
	// Notice patches the parameters that somebody brings to an address of ours,
	// NoticeRaw replaces them; Logout patches the claims of a logout token.
	Notice       map[string]any `json:"notice"`
	NoticeRaw    string         `json:"notice_raw"`
	Logout       map[string]any `json:"logout"`
	LogoutHeader map[string]any `json:"logout_header"`
	LogoutKey    string         `json:"logout_key"`
}

// exchanged is what one exchange told.
type exchanged struct {
	service string
	checks  []service.Check
}

func init() {
	login := slices.Clone(steps)
	for name, last := range map[string][]string{
		"registration_update": {service.RegistrationUpdateName},
		"registration_delete": {service.RegistrationUpdateName, service.RegistrationDeleteName},
		"end_session":         {service.EndSessionName},
		"backchannel_logout":  {service.BackchannelLogoutName},
		"frontchannel_logout": {service.FrontchannelLogoutName},
		"check_session":       {service.CheckSessionName},
		"initiate_login":      {service.InitiateLoginName},
		"claims_source":       {service.ClaimsSourceName},
		"server_metadata":     {service.ServerMetadataName},
	} {
		flows[name] = append(slices.Clone(login), last...)
	}
	// An implicit login has no code to redeem and no refresh token.
	flows["front_channel_tokens"] = []string{
		service.WebFingerName, service.ProviderInfoName, service.RegistrationName, service.AuthorizationName, service.UserInfoName,
	}
	flows["front_channel_id_token"] = []string{
		service.WebFingerName, service.ProviderInfoName, service.RegistrationName, service.AuthorizationName,
	}
	flows["hybrid"] = steps
	flows["oauth"] = []string{
		service.WebFingerName, service.ProviderInfoName, service.RegistrationName, service.AuthorizationName, service.AccessTokenName, service.RefreshTokenName,
	}
}

// usual completes a vector with what its flow needs.
func (o override) usual() override {
	metadata := func(also map[string]any) {
		m := map[string]any{}
		maps.Copy(m, also)
		maps.Copy(m, o.Config.Metadata)
		o.Config.Metadata = m
	}
	request := func(responseType string) {
		if o.Request == nil {
			o.Request = map[string]any{"response_type": responseType}
		}
	}
	switch o.Flow {
	case "front_channel_tokens":
		metadata(map[string]any{"response_types": []string{"id_token token"}, "grant_types": []string{"implicit"}})
		request("id_token token")
		if o.Config.Compat == nil {
			o.Config.Compat = []byte(`{"allow_front_channel_access_token": true}`)
		}
	case "front_channel_id_token":
		metadata(map[string]any{"response_types": []string{"id_token"}, "grant_types": []string{"implicit"}})
		request("id_token")
	case "hybrid":
		metadata(map[string]any{"response_types": []string{"code id_token"}, "grant_types": []string{"authorization_code", "implicit", "refresh_token"}})
		request("code id_token")
	case "oauth":
		o.Config.Profile = "oauth"
		if o.Config.Scope == nil {
			o.Config.Scope = []string{"profile"}
		}
	case "claims_source":
		answers := map[string]answer{service.UserInfoName: {JSON: map[string]any{
			"_claim_names":   map[string]any{"shoe_size": "src"},
			"_claim_sources": map[string]any{"src": map[string]any{"endpoint": testSource + "/claims", "access_token": "ksj3n283dke"}},
		}}}
		maps.Copy(answers, o.Answers)
		o.Answers = answers
	}
	return o
}

// asked is the message of a call: what the vector's ask says, in the service's type.
func (w *world) asked(svc service.Service, otherwise message.Message) (message.Message, error) {
	ask := w.o.Ask[svc.Name()]
	switch {
	case svc.Name() == service.AuthorizationName && w.o.Request != nil:
		ask = w.o.Request
	case svc.Name() == service.RefreshTokenName && w.o.Refresh != nil:
		ask = w.o.Refresh
	}
	if ask == nil {
		return otherwise, nil
	}
	d, ok := w.services.Get(svc.Name()).(service.Describer)
	if !ok {
		return nil, errors.New("cannot be described: " + svc.Name())
	}
	into := reflect.New(reflect.TypeOf(d.Description().RequestMessage)).Interface()
	if err := message.DecodeJSON(mustJSON(ask), into); err != nil {
		return nil, err
	}
	return into.(message.Message), nil
}

// observe keeps the checks of every exchange, and of every request.
func (w *world) observe(e service.Exchange) {
	if e.Request != nil {
		w.told = append(w.told, exchanged{e.Service, e.Request.Checks})
	}
	if e.Result != nil {
		w.told = append(w.told, exchanged{e.Service, e.Result.Checks})
	}
	if e.Err == nil {
		return
	}
	w.told = append(w.told, exchanged{e.Service, service.ChecksOf(e.Err)})
	var need *service.NeedError
	if _, known := w.refusedAt[e.Service]; !known && !errors.As(e.Err, &need) {
		w.refusedAt[e.Service] = len(w.sent)
	}
}

// worst is the worst verdict on a rule at a step, and whether there is one.
func (w *world) worst(rule message.Rule, step string) (worst service.Verdict, found bool) {
	rank := map[service.Verdict]int{service.Passed: 0, service.Skipped: 1, service.Warned: 2, service.Failed: 3}
	for _, e := range w.told {
		for _, c := range e.checks {
			if e.service == step && c.Rule == rule && (!found || rank[c.Verdict] > rank[worst]) {
				worst, found = c.Verdict, true
			}
		}
	}
	return worst, found
}

// keySet is the provider's.
func (w *world) keySet() map[string]any {
	names := w.o.ProviderKeys
	if names == nil {
		names = []string{"rs256", "es256", "eddsa"}
	}
	var keys []any
	for _, name := range names {
		entry := map[string]any{}
		mustDecode(testKeys()[name].Public().PublicJWK(), &entry)
		patch(entry, w.o.KeyPatch[name])
		keys = append(keys, entry)
	}
	return map[string]any{"keys": keys}
}

// hashes are the values of {at_hash} and the like in the claims of an ID Token, for
// what came beside it.
func (w *world) hashed(claims map[string]any, beside map[string]string) {
	alg := "RS256"
	switch key := w.o.IDTokenKey; key {
	case "", "none", "secret", "public-as-secret":
	default:
		alg = testKeys()[key].Algorithm()
	}
	for name, value := range claims {
		of, ok := beside[fmt.Sprint(value)]
		if !ok {
			continue
		}
		half, err := keyjar.HalfHash(alg, "Ed25519", of)
		if err != nil {
			w.t.Fatal(err)
		}
		claims[name] = half
	}
}

// frontIDToken is the one that comes through the browser: it binds what comes beside.
func (w *world) frontIDToken(responseType message.List, state string) string {
	beside := map[string]string{"{s_hash}": state, "{c_hash}": testCode, "{at_hash}": testFrontToken}
	claims := map[string]any{}
	if responseType.Has("code") {
		claims["c_hash"] = "{c_hash}"
	}
	if responseType.Has("token") {
		claims["at_hash"] = "{at_hash}"
	}
	patch(claims, w.o.IDToken)
	w.hashed(claims, beside)
	return w.idToken(claims)
}

// backIDToken is the one of the token response.
func (w *world) backIDToken(also map[string]any) string {
	claims := map[string]any{}
	maps.Copy(claims, w.o.IDToken)
	maps.Copy(claims, also) // null removes a claim below
	for _, name := range []string{"at_hash", "c_hash", "s_hash"} {
		if value, ok := claims[name]; ok && strings.HasPrefix(fmt.Sprint(value), "{") {
			w.hashed(claims, map[string]string{"{at_hash}": testToken, "{c_hash}": testCode, "{s_hash}": w.login})
		}
	}
	return w.idToken(claims)
}

// signedMetadata is the JWT of the provider's metadata (RFC 8414, Section 2.1).
func (w *world) signedMetadata() string {
	claims := map[string]any{"iss": testIssuer, "issuer": testIssuer}
	patch(claims, w.o.SignedMetadata)
	return w.sign(mustJSON(claims), w.o.SignedMetadataKey, w.o.SignedMetadataTyp, "")
}

// hint is an ID Token of an earlier login.
func (w *world) hint() message.Secret {
	claims := map[string]any{"iss": testIssuer, "sub": "248289761001", "aud": testClientID, "exp": w.now.Unix() - 3600, "iat": w.now.Unix() - 7200}
	patch(claims, w.o.Hint)
	return message.Secret(w.sign(mustJSON(claims), w.o.HintKey, nil, ""))
}

// sourceJWT is what another source tells.
func (w *world) sourceJWT() string {
	claims := map[string]any{"iss": testSource, "shoe_size": 42, "credit_score": 650, "sub": "somebody-else", "name": "Another Name"}
	patch(claims, w.o.Source)
	key := w.o.SourceKey
	if key == "" {
		key = "source"
	}
	return w.sign(mustJSON(claims), key, w.o.SourceTyp, "")
}

// sourced puts the source's JWT where the vector's answers say {jwt}.
func (w *world) sourced(members map[string]any) {
	for name, value := range members {
		switch v := value.(type) {
		case string:
			if v == "{jwt}" {
				members[name] = w.sourceJWT()
			}
		case map[string]any:
			v = maps.Clone(v)
			w.sourced(v)
			members[name] = v
		}
	}
}

// before holds the logins that came before, in this world.
func (w *world) before(ctx context.Context) {
	main := w.o
	for _, o := range main.Before {
		w.o = o.usual()
		_, _ = w.run(ctx)
	}
	w.o = main
	w.done, w.sent, w.told, w.refusedAt = nil, nil, nil, map[string]int{}
}

// tampered changes the record between the callback and the token request.
func (w *world) tampered(ctx context.Context) error {
	if len(w.o.Kept) == 0 && w.o.RecordIssuer == "" {
		return nil
	}
	_, err := w.db.Update(ctx, w.login, func(r *state.Record) error {
		for name, value := range w.o.Kept {
			r.Keep(name, value)
		}
		if w.o.RecordIssuer != "" {
			r.Issuer = w.o.RecordIssuer
		}
		return nil
	})
	return err
}

// race commits a callback that was judged twice.
func (w *world) race(ctx context.Context, svc service.Service, callback *service.Response) error {
	first, err := svc.ParseResponse(ctx, callback)
	if err != nil {
		return err
	}
	second, err := svc.ParseResponse(ctx, callback)
	if err != nil {
		return err
	}
	if err := svc.UpdateServiceContext(ctx, first); err != nil {
		return err
	}
	return svc.UpdateServiceContext(ctx, second)
}

// runAfter runs a step that follows a login. It reports false for every other.
func (w *world) runAfter(ctx context.Context, svc service.Service) (bool, error) {
	args := service.Args{State: w.login}
	msg, err := w.asked(svc, nil)
	if err != nil {
		return true, err
	}
	args.Message = msg
	switch svc.Name() {
	case service.RegistrationUpdateName, service.RegistrationDeleteName, service.ServerMetadataName:
		_, err := w.runner().Run(ctx, svc, args)
		return true, err
	case service.EndSessionName:
		req, err := w.runner().Request(ctx, svc, args)
		if err != nil {
			return true, err
		}
		w.told = append(w.told, exchanged{svc.Name(), req.Checks})
		asked := req.Message().(*message.EndSessionRequest)
		if asked.State == "" {
			return true, nil // nobody comes back
		}
		return true, w.notified(ctx, svc, map[string]any{"state": asked.State}, service.Inbound{Method: "GET"})
	case service.CheckSessionName:
		req, err := w.runner().Request(ctx, svc, args)
		if err != nil {
			return true, err
		}
		w.told = append(w.told, exchanged{svc.Name(), req.Checks})
		return true, w.notified(ctx, svc, map[string]any{"state": w.login, "status": "changed"}, service.Inbound{Method: "GET"})
	case service.BackchannelLogoutName:
		claims := map[string]any{
			"iss": testIssuer, "aud": testClientID, "iat": w.now.Unix(), "exp": w.now.Unix() + 120, "jti": "bWJq", "sub": "248289761001",
			"events": map[string]any{message.BackchannelLogoutEvent: map[string]any{}},
		}
		patch(claims, w.o.Logout)
		token := w.sign(mustJSON(claims), w.o.LogoutKey, w.o.LogoutHeader, "")
		in := service.Inbound{Method: "POST", ContentType: "application/x-www-form-urlencoded"}
		return true, w.notified(ctx, svc, map[string]any{"logout_token": w.wrapped(token, w.o.LogoutEncrypt)}, in)
	case service.FrontchannelLogoutName:
		return true, w.notified(ctx, svc, map[string]any{"iss": testIssuer, "sid": "sid-1"}, service.Inbound{Method: "GET"})
	case service.InitiateLoginName:
		return true, w.notified(ctx, svc, map[string]any{"iss": testIssuer, "login_hint": "jane"}, service.Inbound{Method: "GET"})
	case service.ClaimsSourceName:
		if w.tasks == nil {
			return true, errors.New("the provider named no source to ask")
		}
		_, err := w.runner().Run(ctx, svc, w.tasks[0].Args)
		return true, err
	}
	return false, nil
}

// notified hands a service what somebody brought, twice if the vector says so.
func (w *world) notified(ctx context.Context, svc service.Service, params map[string]any, in service.Inbound) error {
	patch(params, w.o.Notice)
	values := url.Values{}
	for k, v := range params {
		values.Set(k, fmt.Sprint(v))
	}
	in.Raw = values.Encode()
	if w.o.NoticeRaw != "" {
		in.Raw = strings.ReplaceAll(w.o.NoticeRaw, "{good}", in.Raw)
	}
	if method, ok := w.o.Inbound["method"]; ok {
		in.Method = method
	}
	if media, ok := w.o.Inbound["content_type"]; ok {
		in.ContentType = media
	}
	res, err := w.runner().Finish(ctx, svc, service.ParseCallback(in))
	if err == nil && w.o.Again == svc.Name() {
		_, err = w.runner().Finish(ctx, svc, service.ParseCallback(in))
	}
	w.last = res
	return err
}

// knows gives the context what is learnt elsewhere: the keys of a source of claims.
func (w *world) knows() error {
	return w.sc.Update(func(sn *servicecontext.Snapshot) error {
		sn.Jar = sn.Jar.With(testSource, keyjar.NewSet(testKeys()["source"].Public()))
		return nil
	})
}

// later moves the clock before a step.
func (w *world) later(name string) {
	w.now = w.now.Add(time.Duration(w.o.Later[name]) * time.Second)
}
