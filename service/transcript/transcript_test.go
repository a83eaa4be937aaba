package transcript_test

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oidcservice/oidc/factory"
	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/service"
	"github.com/oidcservice/oidc/service/transcript"
	"github.com/oidcservice/oidc/servicecontext"
	"github.com/oidcservice/oidc/state"
)

const (
	issuer   = "https://op.example"
	callback = "https://rp.example/cb"
)

var start = time.Unix(1_700_000_000, 123456789)

// noise looks random and is the same each time.
type noise struct{ n uint64 }

func (s *noise) Read(p []byte) (int, error) {
	for i := 0; i < len(p); s.n++ {
		sum := sha256.Sum256(binary.BigEndian.AppendUint64(nil, s.n))
		i += copy(p[i:], sum[:])
	}
	return len(p), nil
}

// provider answers every request of one login.
type provider struct {
	t     *testing.T
	key   *keyjar.Key
	nonce string
	fail  error // instead of the UserInfo answer
}

func newProvider(t *testing.T) *provider {
	t.Helper()
	key, err := keyjar.Generate("ES256", &noise{}, keyjar.KeyOptions{ID: "k", Use: "sig", Algorithm: "ES256"})
	if err != nil {
		t.Fatal(err)
	}
	return &provider{t: t, key: key}
}

func (p *provider) back(_ context.Context, r *service.Request) (*service.Response, error) {
	jsonAnswer := func(status int, v any) (*service.Response, error) {
		body, err := json.Marshal(v)
		if err != nil {
			p.t.Fatal(err)
		}
		return r.Answer(status, map[string][]string{"Content-Type": {"application/json"}}, body), nil
	}
	switch r.Service {
	case "provider_info":
		return jsonAnswer(200, map[string]any{
			"issuer": issuer, "authorization_endpoint": issuer + "/a", "token_endpoint": issuer + "/t", "userinfo_endpoint": issuer + "/u",
			"jwks_uri": issuer + "/j", "registration_endpoint": issuer + "/r", "response_types_supported": []string{"code"},
			"subject_types_supported": []string{"public"}, "id_token_signing_alg_values_supported": []string{"ES256", "RS256"},
			"code_challenge_methods_supported": []string{"S256"}, "authorization_response_iss_parameter_supported": true,
		})
	case "jwks":
		return r.Answer(200, map[string][]string{"Content-Type": {"application/json"}}, keyjar.NewSet(p.key).Public().PublicJWKS()), nil
	case "accesstoken":
		claims, _ := json.Marshal(map[string]any{"iss": issuer, "sub": "ann", "aud": "c1", "exp": start.Unix() + 300, "iat": start.Unix(), "nonce": p.nonce})
		token, err := p.key.Sign(keyjar.Header{Algorithm: "ES256"}, claims, nil)
		if err != nil {
			p.t.Fatal(err)
		}
		return jsonAnswer(200, map[string]any{"access_token": "at-1", "token_type": "Bearer", "id_token": token})
	case "userinfo":
		if p.fail != nil {
			return nil, p.fail
		}
		return jsonAnswer(200, map[string]any{"sub": "ann", "name": "Ann\u00e9"})
	}
	p.t.Fatalf("an unexpected request of %s", r.Service)
	return nil, nil
}

func (p *provider) front(_ context.Context, r *service.Request) (service.Inbound, error) {
	u, err := url.Parse(r.URL)
	if err != nil {
		p.t.Fatal(err)
	}
	q := u.Query()
	p.nonce = q.Get("nonce")
	raw := url.Values{"code": {"the-code"}, "state": {q.Get("state")}, "iss": {issuer}}.Encode()
	return service.Inbound{Mode: message.ResponseModeQuery, Method: "GET", Raw: raw, RedirectURI: callback, Binding: "b"}, nil
}

// talk has a login and returns what it learnt: the claims of both verified messages.
func talk(t *testing.T, now func() time.Time, rand interface{ Read([]byte) (int, error) }, send service.SendFunc) (string, error) {
	t.Helper()
	sc, err := servicecontext.New(servicecontext.Config{
		Issuer: issuer, ClientID: "c1", ClientSecret: "a secret that is long enough", Now: now, Rand: rand,
		Metadata: message.ClientMetadata{RedirectURIs: []string{callback}, IDTokenSignedResponseAlg: "ES256"},
	})
	if err != nil {
		t.Fatal(err)
	}
	services, err := factory.Build(factory.Spec{"provider_info": {}, "authorization": {}, "accesstoken": {}, "userinfo": {}}, sc, &state.DB{})
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	if _, err := service.Run(ctx, services.Get("provider_info"), service.Args{}, send); err != nil {
		return "", err
	}
	login, err := service.Run(ctx, services.Get("authorization"), service.Args{Binding: "b"}, send)
	if err != nil {
		return "", err
	}
	tokens, err := service.Run(ctx, services.Get("accesstoken"), service.Args{State: login.State}, send)
	if err != nil {
		return "", err
	}
	info, err := service.Run(ctx, services.Get("userinfo"), service.Args{State: login.State}, send)
	if err != nil {
		return "", err
	}
	claims, err := message.EncodeJSON(service.MessageOf[message.UserInfoResponse](info))
	return fmt.Sprintf("%s %s %s", login.State, tokens.IDToken.Subject, claims), err
}

// recorded has the login and returns its transcript, through its encoding.
func recorded(t *testing.T, p *provider) (*transcript.Transcript, string, error) {
	t.Helper()
	ticks := 0
	recorder := transcript.NewRecorder(func() time.Time { ticks++; return start.Add(time.Duration(ticks) * time.Millisecond) }, &noise{})
	learnt, err := talk(t, recorder.Now, recorder, recorder.Send(p.back, p.front))
	data, encodeErr := recorder.Transcript([]byte(`{"mine":1}`)).Encode()
	if encodeErr != nil {
		t.Fatal(encodeErr)
	}
	tr, parseErr := transcript.Parse(data)
	if parseErr != nil {
		t.Fatal(parseErr)
	}
	return tr, learnt, err
}

func TestReplayIsByteExact(t *testing.T) {
	tr, learnt, err := recorded(t, newProvider(t))
	if err != nil {
		t.Fatal(err)
	}
	if string(tr.Settings) == "" || len(tr.Exchanges) != 5 || len(tr.Random) == 0 || len(tr.Clock) == 0 {
		t.Fatalf("recorded %d exchanges, %d random bytes, %d readings", len(tr.Exchanges), len(tr.Random), len(tr.Clock))
	}
	p := transcript.NewPlayer(tr)
	again, err := talk(t, p.Now, p, p.Send)
	if err != nil || again != learnt {
		t.Errorf("got %q, %v, want %q", again, err, learnt)
	}
	if d := p.Differences(); len(d) != 0 {
		t.Errorf("differences: %v", d)
	}
	if in, ok := p.Callback(); ok {
		t.Errorf("the last exchange was no callback: %v", in)
	}
}

// Any byte that differs is found and named.
func TestDifferencesAreFound(t *testing.T) {
	flip := func(b []byte) { b[len(b)-1] ^= 1 }
	for _, tt := range []struct {
		name   string
		change func(*transcript.Transcript)
		want   string
	}{
		{"a random byte", func(tr *transcript.Transcript) { tr.Random[0] ^= 1 }, "exchange 2 (authorization): url parameter state"},
		{"the last random byte", func(tr *transcript.Transcript) { flip(tr.Random) }, "exchange 2 (authorization): url parameter code_challenge"},
		{"too little randomness", func(tr *transcript.Transcript) { tr.Random = tr.Random[:10] }, "random: more bytes than were recorded"},
		{"randomness left over", func(tr *transcript.Transcript) { tr.Random = append(tr.Random, 1, 2) }, "random: 2 recorded bytes were not consumed"},
		{"a clock that stands still", func(tr *transcript.Transcript) { tr.Clock = tr.Clock[:1] }, "clock: more readings than were recorded"},
		{"a clock reading left over", func(tr *transcript.Transcript) { tr.Clock = append(tr.Clock, start) }, "clock: 1 recorded readings were not taken"},
		{"a method", func(tr *transcript.Transcript) { tr.Exchanges[2].Request.Method = "PUT" }, "exchange 3 (accesstoken): method"},
		{"an address", func(tr *transcript.Transcript) { tr.Exchanges[2].Request.URL += "x" }, "exchange 3 (accesstoken): url"},
		{"a channel", func(tr *transcript.Transcript) { tr.Exchanges[0].Request.Channel = "front" }, "exchange 1 (provider_info): channel"},
		{"a header", func(tr *transcript.Transcript) { tr.Exchanges[2].Request.Header["Authorization"][0] += "x" }, "exchange 3 (accesstoken): header Authorization"},
		{"a header that is gone", func(tr *transcript.Transcript) { tr.Exchanges[0].Request.Header["X"] = []string{"1"} }, "exchange 1 (provider_info): header X"},
		{"a body parameter", func(tr *transcript.Transcript) {
			tr.Exchanges[2].Request.Body = transcript.Bytes(strings.Replace(string(tr.Exchanges[2].Request.Body), "the-code", "no-code", 1))
		}, "exchange 3 (accesstoken): body parameter code"},
		{"the order of parameters", func(tr *transcript.Transcript) {
			parts := strings.Split(string(tr.Exchanges[2].Request.Body), "&")
			slices.Reverse(parts)
			tr.Exchanges[2].Request.Body = transcript.Bytes(strings.Join(parts, "&"))
		}, "exchange 3 (accesstoken): body: order or encoding of the parameters"},
		{"a request less", func(tr *transcript.Transcript) { tr.Exchanges = tr.Exchanges[:4] }, "exchange 5 (userinfo): a request that was not recorded"},
		{"a request more", func(tr *transcript.Transcript) { tr.Exchanges = append(tr.Exchanges, tr.Exchanges[4]) }, "exchange 6 (userinfo): a request that was recorded and not made"},
		{"another step", func(tr *transcript.Transcript) {
			tr.Exchanges[3], tr.Exchanges[4] = tr.Exchanges[4], tr.Exchanges[3]
		}, "exchange 4 (userinfo): service"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tr, _, err := recorded(t, newProvider(t))
			if err != nil {
				t.Fatal(err)
			}
			tt.change(tr)
			p := transcript.NewPlayer(tr)
			_, _ = talk(t, p.Now, p, p.Send)
			var found []string
			for _, d := range p.Differences() {
				found = append(found, d.String())
			}
			if !slices.Contains(found, tt.want) {
				t.Errorf("found %q, want %q", found, tt.want)
			}
			if s := strings.Join(found, " "); strings.Contains(s, "the-code") || strings.Contains(s, "Basic") {
				t.Errorf("a secret is named: %s", s)
			}
		})
	}
}

type slow struct{}

func (slow) Error() string        { return "too slow" }
func (slow) Timeout() bool        { return true }
func (slow) Is(target error) bool { return target == message.RuleTransportLimits }
func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}
func declared(err error) bool      { return errors.Is(err, message.AccessDenied) }
func tooBig(err error) bool        { return errors.Is(err, message.RuleTransportLimits) && !isTimeout(err) }
func notConfigured(err error) bool { return errors.Is(err, service.ErrNotConfigured) }
func plain(err error) bool         { return err != nil && strings.Contains(err.Error(), "the line is dead") }
func timedOutByRule(err error) bool {
	return isTimeout(err) && errors.Is(err, message.RuleTransportLimits)
}

// A failure is played back as what it was.
func TestFailuresAreRecorded(t *testing.T) {
	for _, tt := range []struct {
		name string
		err  error
		same func(error) bool
	}{
		{"the network", errors.New("the line is dead"), plain},
		{"time", slow{}, timedOutByRule},
		{"policy", &message.Violation{Rule: message.RuleTransportLimits, Param: "body"}, tooBig},
		{"a declared error", &message.Error{Code: message.AccessDenied, Description: "no"}, declared},
		{"our own fault", fmt.Errorf("%w: a browser", service.ErrNotConfigured), notConfigured},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newProvider(t)
			p.fail = tt.err
			tr, _, err := recorded(t, p)
			if !tt.same(err) {
				t.Fatalf("recording: %v", err)
			}
			player := transcript.NewPlayer(tr)
			if _, err := talk(t, player.Now, player, player.Send); !tt.same(err) {
				t.Errorf("replay: %v", err)
			}
			if d := player.Differences(); len(d) != 0 {
				t.Errorf("differences: %v", d)
			}
		})
	}
}

func TestAnUnfinishedExchangeIsAFailure(t *testing.T) {
	p := newProvider(t)
	r := transcript.NewRecorder(func() time.Time { return start }, &noise{})
	var seen *transcript.Transcript
	send := r.Send(func(ctx context.Context, req *service.Request) (*service.Response, error) {
		seen = r.Transcript(nil)
		return p.back(ctx, req)
	}, p.front)
	if _, err := talk(t, r.Now, r, send); err != nil {
		t.Fatal(err)
	}
	if last := seen.Exchanges[len(seen.Exchanges)-1]; last.Failure == nil {
		t.Errorf("got %+v", last)
	}
}

func TestParseRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"no JSON":             `{`,
		"another version":     `{"version":2}`,
		"no answer":           `{"version":1,"exchanges":[{"service":"x","request":{}}]}`,
		"two answers":         `{"version":1,"exchanges":[{"service":"x","request":{},"response":{"status":200},"failure":{"text":"x"}}]}`,
		"a body of no kind":   `{"version":1,"exchanges":[{"service":"x","request":{"body":[1]},"response":{"status":200}}]}`,
		"base64 that is none": `{"version":1,"exchanges":[{"service":"x","request":{"body":{"base64":"*"}},"response":{"status":200}}]}`,
	} {
		if _, err := transcript.Parse([]byte(text)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestBodiesSurvive(t *testing.T) {
	for _, body := range []string{"", "text é <&>", "\xff\x00binary"} {
		data, err := json.Marshal(transcript.Bytes(body))
		if err != nil {
			t.Fatal(err)
		}
		var back transcript.Bytes
		if err := json.Unmarshal(data, &back); err != nil || string(back) != body {
			t.Errorf("%q came back as %q, %v", body, back, err)
		}
	}
}
