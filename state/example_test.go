package state_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/oidcservice/oidc/state"
)

// A login from its request to its end.
func ExampleDB() {
	ctx := context.Background()
	var db state.DB // in memory

	r := state.NewRecord("af0ifjsldkj", "https://op.example.com")
	r.Set(state.ItemAuthRequest, []byte(`{"response_type":"code","state":"af0ifjsldkj"}`))
	r.Keep(state.KeptCodeVerifier, "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")
	if err := db.Begin(ctx, r); err != nil {
		fmt.Println(err)
		return
	}

	// The callback claims the login; a second one with the same state cannot.
	r, err := db.Claim(ctx, "af0ifjsldkj")
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = db.Claim(ctx, "af0ifjsldkj")
	fmt.Println("claimed twice:", errors.Is(err, state.ErrUnknown))

	r.Set(state.ItemTokenResponse, []byte(`{"access_token":"SlAV32hkKG"}`))
	r.Link(state.KindSubject, state.PerIssuer(r.Issuer, "248289761001"))
	if err := db.Save(ctx, r); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(r.Items())

	// A logout of the subject ends every login of theirs.
	states, err := db.States(ctx, state.KindSubject, state.PerIssuer(r.Issuer, "248289761001"))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, s := range states {
		if err := db.End(ctx, s); err != nil {
			fmt.Println(err)
		}
	}
	_, err = db.Session(ctx, "af0ifjsldkj")
	fmt.Println(err)
	// Output:
	// claimed twice: true
	// [iss auth_request token_response]
	// state: no such login
}

// A store that encrypts, with the key of last month still known.
func ExampleSealed() {
	thisMonth, lastMonth := make([]byte, 32), make([]byte, 32) // from a secret store
	sealed, err := state.Sealed(new(state.Memory), thisMonth, lastMonth)
	if err != nil {
		fmt.Println(err)
		return
	}
	db := &state.DB{Store: sealed}
	fmt.Println(db.Begin(context.Background(), state.NewRecord("af0ifjsldkj", "https://op.example.com")))
	// Output: <nil>
}
