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
