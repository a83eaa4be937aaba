package service_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/service"
)

// What the provider of the world gives outside a browser's login.
const (
	testDeviceCode   = "GmRhmhcxhwAzkoEqiMEg_DnyEysNkuNhszIySk9eS"
	testAuthReqID    = "1c266114-a1be-4252-8ad1-04986c5b9ac1"
	testGrantToken   = "2YotnFZFEjr1zCsicMWpAA"
	testGrantRefresh = "tGzv3JOkF0XG5Qx2TlKWIA"
	testResource     = "https://api.example/accounts?page=2"
)

// outside is what a vector changes in conversations outside a browser's login.
type outside struct {
	// Flow names the conversation; empty is the login.
	Flow string `json:"flow"`
	// Ask holds parameters of the calls by service.
	Ask map[string]map[string]any `json:"ask"`
	// Polls are the answers to successive polls, before the good one.
	Polls []answer `json:"polls"`
	// Patience is how often the caller waits; absent: as often as needed.
	Patience *int `json:"patience"`
	// Introspection patches the claims of an introspection response that is a JWT,
	// IntrospectionHeader its header; IntrospectionKey signs it, or is "json".
	Introspection       map[string]any `json:"introspection"`
	IntrospectionHeader map[string]any `json:"introspection_header"`
	IntrospectionKey    string         `json:"introspection_key"`
	// Notification patches the body of a client notification, Bearer replaces its
	// token; "none" leaves it out.
	Notification map[string]any `json:"notification"`
	Bearer       string         `json:"bearer"`
}

type outsideState struct {
	polled int
	waits  []time.Duration
	bearer message.Secret // the notification token that was sent
	result *service.Result
}

// flows are the conversations by name.
var flows = func() map[string][]string {
	known := []string{service.WebFingerName, service.ProviderInfoName, service.RegistrationName}
	login := append(slices.Clone(known), service.AuthorizationName, service.AccessTokenName)
	return map[string][]string{
		"":                   steps,
		"client_credentials": append(slices.Clone(known), service.ClientCredentialsName),
		"jwt_bearer":         append(slices.Clone(known), service.JWTBearerName),
		"token_exchange":     append(slices.Clone(login), service.TokenExchangeName),
		"introspection":      append(slices.Clone(login), service.IntrospectionName),
		"revocation":         append(slices.Clone(login), service.RevocationName),
		"resource":           append(slices.Clone(login), service.ResourceName),
		"resource_metadata":  {service.ResourceMetadataName},
		"device":             append(slices.Clone(known), service.DeviceAuthorizationName, service.DeviceTokenName),
		"ciba":               append(slices.Clone(known), service.BackchannelAuthenticationName, service.CIBATokenName),
		"ciba_notified":      append(slices.Clone(known), service.BackchannelAuthenticationName, service.ClientNotificationName),
	}
}()

// asks are the requests of these services, empty.
var asks = map[string]func() message.Message{
	service.ClientCredentialsName:         func() message.Message { return new(message.ClientCredentialsRequest) },
	service.JWTBearerName:                 func() message.Message { return new(message.JWTBearerRequest) },
	service.TokenExchangeName:             func() message.Message { return new(message.TokenExchangeRequest) },
	service.IntrospectionName:             func() message.Message { return new(message.IntrospectionRequest) },
	service.RevocationName:                func() message.Message { return new(message.RevocationRequest) },
	service.DeviceAuthorizationName:       func() message.Message { return new(message.DeviceAuthorizationRequest) },
	service.DeviceTokenName:               func() message.Message { return new(message.DeviceTokenRequest) },
	service.BackchannelAuthenticationName: func() message.Message { return new(message.BackchannelAuthenticationRequest) },
	service.CIBATokenName:                 func() message.Message { return new(message.BackchannelTokenRequest) },
}

var outsideSteps = func() map[string]bool {
	all := map[string]bool{service.ResourceName: true, service.ResourceMetadataName: true, service.ClientNotificationName: true}
	for name := range asks {
		all[name] = true
	}
	return all
}()

// errLost is a connection that timed out.
var errLost = lost{errors.New("the connection timed out")}

type lost struct{ error }

func (lost) Timeout() bool { return true }

func (w *world) steps() []string { return flows[w.o.Flow] }

// wait passes time without any passing.
func (w *world) wait(_ context.Context, d time.Duration) error {
	w.now = w.now.Add(d)
	w.flow.waits = append(w.flow.waits, d)
	return nil
}

// runner has somebody who waits, if the vector's caller is patient.
func (w *world) runner() service.Runner {
	r := service.Runner{Send: w.send, Observe: w.observe}
	if w.o.Patience == nil {
		r.Wait = w.wait
	}
	return r
}

// patiently runs a service; a caller of limited patience waits by hand.
func (w *world) patiently(ctx context.Context, svc service.Service, args service.Args) (*service.Result, error) {
	res, err := w.runner().Run(ctx, svc, args)
	var need *service.NeedError
	for w.o.Patience != nil && len(w.flow.waits) < *w.o.Patience && errors.As(err, &need) && need.Resend {
		if err := w.wait(ctx, need.After); err != nil {
			return nil, err
		}
		res, err = w.runner().Run(ctx, svc, need.Args)
	}
	return res, err
}

// answerTo is what the vector changes in the answer to a request.
func (w *world) answerTo(req *service.Request) answer {
	if (req.Service == service.DeviceTokenName || req.Service == service.CIBATokenName) && w.flow.polled < len(w.o.Polls) {
		w.flow.polled++
		return w.o.Polls[w.flow.polled-1]
	}
	return w.o.Answers[req.Service]
}

// goodOutside is the provider's good answer to a request outside a login.
func (w *world) goodOutside(req *service.Request, header map[string]string) (int, map[string]string, map[string]any) {
	tokens := map[string]any{"access_token": testGrantToken, "token_type": "Bearer", "expires_in": 300}
	switch req.Service {
	case service.ClientCredentialsName, service.JWTBearerName:
		return 200, header, tokens
	case service.TokenExchangeName:
		tokens["issued_token_type"] = message.TokenTypeURNAccessToken
		return 200, header, tokens
	case service.DeviceAuthorizationName:
		return 200, header, map[string]any{
			"device_code": testDeviceCode, "user_code": "WDJB-MJHT", "verification_uri": testIssuer + "/device",
			"verification_uri_complete": testIssuer + "/device?user_code=WDJB-MJHT", "expires_in": 1800, "interval": 5,
		}
	case service.BackchannelAuthenticationName:
		w.flow.bearer = req.Message().(*message.BackchannelAuthenticationRequest).ClientNotificationToken
		return 200, header, map[string]any{"auth_req_id": testAuthReqID, "expires_in": 120, "interval": 2}
	case service.DeviceTokenName, service.CIBATokenName:
		tokens["refresh_token"], tokens["id_token"] = testGrantRefresh, w.idToken(nil)
		return 200, header, tokens
	case service.IntrospectionName:
		return 200, header, map[string]any{"active": true, "sub": "248289761001", "client_id": testClientID, "exp": w.now.Unix() + 60}
	case service.RevocationName:
		return 200, map[string]string{}, map[string]any{}
	case service.ResourceName:
		return 200, header, map[string]any{"accounts": []string{}}
	case service.ResourceMetadataName:
		return 200, header, map[string]any{"resource": testResource, "authorization_servers": []string{testIssuer}}
	}
	return 404, header, map[string]any{}
}

func (w *world) introspectionJWT(req *service.Request) bool {
	return req.Service == service.IntrospectionName && w.o.IntrospectionKey != "json" && slices.Contains(req.Policy.Accept, "application/token-introspection+jwt")
}

// sealIntrospection puts an answer into a JWT.
func (w *world) sealIntrospection(body []byte, a answer) []byte {
	if a.Body != nil {
		return body
	}
	claims := map[string]any{"iss": testIssuer, "aud": testClientID, "iat": w.now.Unix(), "token_introspection": json.RawMessage(body)}
	patch(claims, w.o.Introspection)
	header := map[string]any{"typ": "token-introspection+jwt"}
	maps.Copy(header, w.o.IntrospectionHeader)
	return []byte(w.sign(mustJSON(claims), w.o.IntrospectionKey, header, ""))
}

// runOutside runs one step outside a browser's login.
func (w *world) runOutside(ctx context.Context, svc service.Service) error {
	name := svc.Name()
	if name == service.ClientNotificationName {
		res, err := w.runner().Finish(ctx, svc, service.ParseCallback(w.notification()))
		w.flow.result = res
		return err
	}
	args := service.Args{State: w.login}
	if name == service.ResourceName {
		asked := service.ResourceRequest{URL: testResource, Header: service.Header{}}
		if to, ok := w.o.Ask[name]["url"].(string); ok {
			asked.URL = to
		}
		if field, ok := w.o.Ask[name]["header"].(string); ok {
			asked.Header[field] = []string{"Basic cnA6c2VjcmV0"}
		}
		args.Message = asked
	} else if name == service.ResourceMetadataName {
		args.Message = service.ResourceMetadataRequest{Resource: testResource}
	} else if asked := w.o.Ask[name]; asked != nil {
		args.Message = asks[name]()
		if err := message.DecodeJSON(mustJSON(asked), args.Message); err != nil {
			return err
		}
	} else if name == service.BackchannelAuthenticationName {
		args.Message = message.BackchannelAuthenticationRequest{LoginHint: "jane@example.com"}
	}
	res, err := w.patiently(ctx, svc, args)
	if err != nil {
		return err
	}
	w.flow.result = res
	if res.State != "" {
		w.login = res.State
	}
	return nil
}

// notification is what the provider brings to our client notification endpoint.
func (w *world) notification() service.Inbound {
	body := map[string]any{"auth_req_id": testAuthReqID}
	if w.o.Config.Metadata["backchannel_token_delivery_mode"] == message.DeliveryModePush {
		half := func(value string) string {
			h, err := keyjar.HalfHash("RS256", "", value)
			if err != nil {
				w.t.Fatal(err)
			}
			return h
		}
		bound := map[string]any{
			"at_hash": half(testGrantToken), "urn:openid:params:jwt:claim:rt_hash": half(testGrantRefresh), "urn:openid:params:jwt:claim:auth_req_id": testAuthReqID,
		}
		for name := range w.o.IDToken {
			delete(bound, name) // the vector has the last word
		}
		maps.Copy(body, map[string]any{
			"access_token": testGrantToken, "token_type": "Bearer", "expires_in": 300, "refresh_token": testGrantRefresh, "id_token": w.idToken(bound),
		})
	}
	patch(body, w.o.Notification)
	in := service.Inbound{Method: "POST", ContentType: "application/json", Raw: string(mustJSON(body)), Authorization: "Bearer " + w.flow.bearer}
	switch w.o.Bearer {
	case "":
	case "none":
		in.Authorization = ""
	default:
		in.Authorization = message.Secret(w.o.Bearer)
	}
	if method, ok := w.o.Inbound["method"]; ok {
		in.Method = method
	}
	if media, ok := w.o.Inbound["content_type"]; ok {
		in.ContentType = media
	}
	return in
}
