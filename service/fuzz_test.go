package service_test

import (
	"context"
	"testing"

	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/service"
)

// FuzzConversation changes one byte of one answer. The conversation may go on or
// be refused; it never ends with another subject.
func FuzzConversation(f *testing.F) {
	for step := range steps {
		f.Add(uint8(step), uint16(40), byte('"'))
		f.Add(uint8(step), uint16(7), byte('x'))
	}
	f.Fuzz(func(t *testing.T, step uint8, at uint16, to byte) {
		w, err := newWorld(t, override{IDTokenKey: "eddsa", Config: eddsaConfig()})
		if err != nil {
			t.Fatal(err)
		}
		name := steps[int(step)%len(steps)]
		w.mutate = func(service string, body []byte) []byte {
			if service == name && len(body) > 0 {
				body[int(at)%len(body)] = to
			}
			return body
		}
		w.wrap = func(s service.Service) service.Service { return subjects{s, t} }
		_, _ = w.run(context.Background())
	})
}

// subjects looks at every result before it is committed.
type subjects struct {
	service.Service
	t *testing.T
}

func (x subjects) UpdateServiceContext(ctx context.Context, res *service.Result) error {
	const want = "248289761001"
	if res.IDToken != nil && res.IDToken.Subject != want {
		x.t.Errorf("%s: an ID Token of %q", x.Name(), res.IDToken.Subject)
	}
	if m := service.MessageOf[message.UserInfoResponse](res); m != nil && m.Subject != want {
		x.t.Errorf("%s: claims of %q", x.Name(), m.Subject)
	}
	return x.Service.UpdateServiceContext(ctx, res)
}

// FuzzParseChallenges: what is accepted has a scheme, and parsing never panics.
func FuzzParseChallenges(f *testing.F) {
	f.Add(`Bearer realm="example", error="invalid_token", error_description="The access token expired"`)
	f.Add(`DPoP algs="ES256 PS256", Bearer`)
	f.Add(`Basic realm="a\"b", charset=UTF-8, Newauth realm="apps", type=1`)
	f.Fuzz(func(t *testing.T, field string) {
		challenges, ok := message.ParseChallenges([]string{field})
		if !ok && challenges != nil {
			t.Error("a failed parse returned something")
		}
		for _, c := range challenges {
			if c.Scheme == "" || c.Params == nil {
				t.Errorf("a challenge without a scheme: %+v", c)
			}
		}
	})
}

func TestParseChallenges(t *testing.T) {
	for _, test := range []struct {
		fields []string
		ok     bool
		want   []message.Challenge
	}{
		{[]string{"Bearer"}, true, []message.Challenge{{Scheme: "bearer", Params: map[string]string{}}}},
		{[]string{`bEARER realm="a, b", error=invalid_token`}, true, []message.Challenge{{Scheme: "bearer", Params: map[string]string{"realm": "a, b", "error": "invalid_token"}}}},
		{[]string{`Basic realm="x", DPoP algs="ES256", error="use_dpop_nonce"`}, true, []message.Challenge{
			{Scheme: "basic", Params: map[string]string{"realm": "x"}}, {Scheme: "dpop", Params: map[string]string{"algs": "ES256", "error": "use_dpop_nonce"}}}},
		{[]string{`Bearer error="a", error="b"`}, false, nil},
		{[]string{`Bearer error="a`}, false, nil},
		{[]string{`="a"`}, false, nil},
		{[]string{`Bearer error=`}, false, nil},
	} {
		got, ok := message.ParseChallenges(test.fields)
		if ok != test.ok || len(got) != len(test.want) {
			t.Errorf("%q: %v, %v", test.fields, got, ok)
			continue
		}
		for i := range got {
			if got[i].Scheme != test.want[i].Scheme || len(got[i].Params) != len(test.want[i].Params) {
				t.Errorf("%q: %v", test.fields, got[i])
			}
			for k, v := range test.want[i].Params {
				if got[i].Params[k] != v {
					t.Errorf("%q: %s is %q, want %q", test.fields, k, got[i].Params[k], v)
				}
			}
		}
	}
}
