package op_test

import (
	"crypto/rand"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/op"
	"github.com/oidcservice/oidc/op/optest"
	"github.com/oidcservice/oidc/state"
)

// A provider is an http.Handler. In earnest it is served over TLS, keys come from a file,
// the store is one that is shared, and the users are those of your own directory.
func Example() {
	key, err := keyjar.Generate("RS256", rand.Reader, keyjar.KeyOptions{Use: "sig", Algorithm: "RS256"})
	if err != nil {
		log.Fatal(err)
	}
	provider, err := op.New(op.Config{
		Issuer: "https://op.example",
		Keys:   keyjar.NewSet(key),
		Store:  new(state.Memory),
		Users:  optest.Users{"diana": {Password: "krall", User: optest.Diana()}},
	})
	if err != nil {
		log.Fatal(err)
	}
	w := httptest.NewRecorder()
	provider.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "https://op.example/.well-known/openid-configuration", nil))
	fmt.Println(w.Code, w.Header().Get("Content-Type"))
	// Output: 200 application/json
}
