package message_test

import (
	"errors"
	"fmt"
	"log"

	"github.com/oidcservice/oidc/message"
)

// A message shows no secret wherever it is printed, and keeps what it does not know.
func Example() {
	var token message.AccessTokenResponse
	err := message.DecodeJSON([]byte(`{"access_token":"SlAV32hkKG","token_type":"Bearer","x_tier":"gold"}`), &token)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(token.AccessToken, token.Extra.Text("x_tier"))

	// Encoding is the only way in which a secret leaves a message.
	sent, err := message.EncodeJSON(token)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(sent))
	// Output:
	// *** gold
	// {"access_token":"SlAV32hkKG","token_type":"Bearer","x_tier":"gold"}
}

// Of two members with one name nobody can say which one the peer means.
func ExampleDecodeJSON() {
	var metadata message.ProviderMetadata
	err := message.DecodeJSON([]byte(`{"issuer":"https://op.example","issuer":"https://evil.example"}`), &metadata)
	fmt.Println(err)
	fmt.Printf("%q\n", metadata.Issuer)
	// Output:
	// issuer: occurs twice
	// ""
}

// A rule knows what it demands and where that is written.
func ExampleRule() {
	err := fmt.Errorf("accesstoken: %w", &message.Violation{
		Rule: message.RuleIDTokenAud, Param: "id_token.aud", Got: "another-client", Want: "s6BhdRkqt3",
	})
	if errors.Is(err, message.RuleIDTokenAud) {
		fmt.Println(message.RuleIDTokenAud.Text())
	}
	fmt.Println(err)
	// Output:
	// aud is a string or an array of strings and contains our client_id; an array with one value is fine.
	// accesstoken: id_token.aud: got "another-client", want s6BhdRkqt3 [idtoken_aud; OpenID Connect Core 1.0, Section 3.1.3.7]
}
