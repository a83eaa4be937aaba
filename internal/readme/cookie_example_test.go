package readme

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/oidcservice/oidc/op/optest"
	"github.com/oidcservice/oidc/rp"
	"github.com/oidcservice/oidc/state"
	"github.com/oidcservice/oidc/state/cookiestate"
)

// withoutStore makes a relying party that keeps nothing between two requests. All its
// processes have the key. welcome starts the application's own session.
func withoutStore(c rp.Config, key []byte, welcome func(http.ResponseWriter, *http.Request, *rp.Login)) (http.Handler, error) {
	cookies, err := cookiestate.New(cookiestate.Options{Keys: [][]byte{key}})
	if err != nil {
		return nil, err
	}
	c.DB, c.SkipSession = &state.DB{Store: cookies, SessionTTL: time.Minute}, true
	party, err := rp.New(c)
	if err != nil {
		return nil, err
	}
	site := http.NewServeMux()
	site.Handle("/login", party.Login())
	site.Handle("/callback", party.Callback(welcome))
	return site, nil
}

func TestWithoutStore(t *testing.T) {
	provider, err := optest.New()
	if err != nil {
		t.Fatal(err)
	}
	c := rp.Config{Issuer: "https://op.example", RedirectURI: "https://app.example/callback"}
	c.HTTP.Transport = provider.Transport()
	site, err := withoutStore(c, []byte("a key of at least 32 random bytes"), func(w http.ResponseWriter, _ *http.Request, l *rp.Login) {
		fmt.Fprint(w, "welcome ", l.Subject)
	})
	if err != nil {
		t.Fatal(err)
	}
	user := browser{t: t, Client: provider.Client()}
	user.Transport = hosts{
		"op.example":  provider.Transport(),
		"app.example": &optest.Transport{Host: "app.example", Handler: site},
	}
	if got := user.visit("https://app.example/login"); got.status != http.StatusOK || got.body != "welcome diana" {
		t.Errorf("the user ends at %+v", got)
	}
}
