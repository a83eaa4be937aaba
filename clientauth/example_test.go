package clientauth_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/oidcservice/oidc/clientauth"
	"github.com/oidcservice/oidc/message"
)

// Both sides of client_secret_basic: a client proves itself, a provider checks it.
func Example() {
	ctx := context.Background()
	secret := message.Secret("cf136dc3c1fc93f31185e5885805d")

	var draft clientauth.Draft
	err := clientauth.Authenticate(ctx, message.AuthMethodClientSecretBasic,
		clientauth.Credentials{ClientID: "s6BhdRkqt3", ClientSecret: secret}, &draft)
	if err != nil {
		log.Fatal(err)
	}

	// The provider finds out who that claims to be, and looks the client up.
	presented, err := clientauth.Present(draft.Header, draft.Form, nil)
	if err != nil {
		log.Fatal(err)
	}
	proof, err := clientauth.Verify(ctx, presented, clientauth.Registered{
		ClientID: presented.ClientID, Method: message.AuthMethodClientSecretBasic, ClientSecret: secret, Now: time.Now(),
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(proof.ClientID, "by", proof.Method)

	// No other method is tried than the one that is registered.
	_, err = clientauth.Verify(ctx, presented, clientauth.Registered{
		ClientID: presented.ClientID, Method: message.AuthMethodPrivateKeyJWT, Now: time.Now(),
	})
	fmt.Println(err)
	// Output:
	// s6BhdRkqt3 by client_secret_basic
	// client authentication: got "client_secret_basic", want private_key_jwt [op_client_auth_registered; OpenID Connect Core 1.0, Section 9]
}
