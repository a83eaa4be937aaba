package pair_test

import (
	"context"
	"crypto/rand"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/oidcservice/oidc/endpoint"
	"github.com/oidcservice/oidc/factory"
	"github.com/oidcservice/oidc/internal/pair"
	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/op/optest"
	"github.com/oidcservice/oidc/service"
	"github.com/oidcservice/oidc/servicecontext"
	"github.com/oidcservice/oidc/state"
)

// everybody are as many users as log in, so that the logins of one do not pile up.
type everybody struct{}

func (everybody) User(_ context.Context, id string) (endpoint.User, bool, error) {
	return endpoint.User{ID: id, Claims: map[string]any{"email": id + "@op.example", "email_verified": true, "name": id}}, true, nil
}

func (everybody) Authenticate(context.Context, string, message.Secret) (endpoint.Authentication, bool, error) {
	return endpoint.Authentication{}, false, nil // nobody types a password here
}

// both are the two sides, the relying party registered at the provider, with ES256.
type both struct {
	provider *endpoint.Set
	services *factory.Services
	users    atomic.Int64
}

func newBoth(b *testing.B) *both {
	b.Helper()
	key, err := keyjar.Generate("ES256", rand.Reader, keyjar.KeyOptions{Algorithm: "ES256"})
	if err != nil {
		b.Fatal(err)
	}
	c, err := endpoint.NewContext(endpoint.Config{Issuer: optest.Issuer, Keys: keyjar.NewSet(key), Store: new(state.Memory), Users: everybody{}})
	if err != nil {
		b.Fatal(err)
	}
	x := new(both)
	if x.provider, err = endpoint.NewSet(c, nil); err != nil {
		b.Fatal(err)
	}
	sc, err := servicecontext.New(servicecontext.Config{
		Issuer: optest.Issuer, Scope: []string{"openid", "email"},
		Metadata: message.ClientMetadata{RedirectURIs: []string{callback}, ClientName: "Pair", IDTokenSignedResponseAlg: "ES256"},
	})
	if err != nil {
		b.Fatal(err)
	}
	spec := factory.Spec{"provider_info": {}, "jwks": {}, "registration": {}, "authorization": {}, "accesstoken": {}, "userinfo": {}}
	if x.services, err = factory.Build(spec, sc, nil); err != nil {
		b.Fatal(err)
	}
	p := &pair.Pair{Provider: x.provider}
	for _, name := range []string{"provider_info", "registration"} {
		if _, err := service.Run(b.Context(), x.services.Get(name), service.Args{}, p.Send); err != nil {
			b.Fatal(err)
		}
	}
	return x
}

// login is a login of a user who was never there: with the provider's questions, the
// token request and UserInfo.
func (x *both) login(b *testing.B) {
	user := "user-" + strconv.FormatInt(x.users.Add(1), 36)
	p := &pair.Pair{
		Provider: x.provider, Binding: "the own value of the browser of " + user,
		Login: endpoint.Authentication{User: user, AMR: []string{"pwd"}},
	}
	args := service.Args{Binding: p.Binding}
	for _, name := range []string{"authorization", "accesstoken", "userinfo"} {
		res, err := service.Run(b.Context(), x.services.Get(name), args, p.Send)
		if err != nil {
			b.Error(name, err)
			return
		}
		args = service.Args{State: res.State}
	}
}

// BenchmarkLogin is how many logins both sides together complete in a second, on as many
// cores as -cpu says.
func BenchmarkLogin(b *testing.B) {
	x := newBoth(b)
	x.login(b)
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			x.login(b)
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "logins/s")
}
