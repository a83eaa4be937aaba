package demo

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
)

// A fault is an entry of the menu "break it": what is done to the messages of one login on
// their way between provider and application. Nothing is simulated; the application does
// not know.
type fault struct {
	ID, Title string
	// Does says what is done, Attack why somebody would.
	Does, Attack string
	// Rule is what catches it.
	Rule message.Rule
	// Mark stands in the diagram beside the message; empty is that it was changed.
	Mark string

	request  func(query url.Values)                                // of the authorization request
	callback func(parameters url.Values)                           // of the authorization response
	answer   func(resp *http.Response, body []byte) ([]byte, bool) // of the provider
	Spend    bool                                                  // the code is redeemed before the application redeems it
	Replay   bool                                                  // the callback is made twice
	Stranger bool                                                  // the callback comes from a browser without the login's cookie
}

// faults are the entries in their order.
var faults = []*fault{
	{
		ID: "state", Title: "Wrong state", Rule: message.RuleAuthzResponseState,
		Does:     "The callback carries another state than the application sent.",
		Attack:   "An attacker makes your browser open a callback that you never asked for.",
		callback: func(p url.Values) { p.Set("state", invented()) },
	},
	{
		ID: "nonce", Title: "Wrong nonce", Rule: message.RuleIDTokenNonce,
		Does:    "The provider was sent another nonce: it signs an ID Token that belongs to another request.",
		Attack:  "An attacker injects a code, or an ID Token, of another login.",
		request: func(q url.Values) { q.Set("nonce", invented()) },
	},
	{
		ID: "issuer", Title: "Other issuer", Rule: message.RuleAuthzResponseIss,
		Does:     "The callback says that it comes from another provider.",
		Attack:   "In a mix-up attack the code of an honest provider is sent to a malicious one.",
		callback: func(p url.Values) { p.Set("iss", "https://attacker.example") },
	},
	{
		ID: "alg-none", Title: "Algorithm none", Rule: message.RuleIDTokenAlgNone,
		Does:   "The ID Token comes with the algorithm none and without a signature.",
		Attack: "Whoever can change the answer could write any name into a token that nobody signs.",
		answer: changeIDToken(func(header, payload, _ string) string {
			return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + payload + "."
		}),
	},
	{
		ID: "signature", Title: "Changed claims", Rule: message.RuleIDTokenSignature,
		Does:   "The subject in the ID Token is another one; the signature is the old one.",
		Attack: "An attacker wants to be somebody else.",
		answer: changeIDToken(func(header, payload, signature string) string {
			return header + "." + changeSubject(payload) + "." + signature
		}),
	},
	{
		ID: "expired-code", Title: "Expired code", Rule: message.RuleTokenResponseError,
		Does:   "Somebody redeems the code first; when the application comes with it, it is worth nothing any more.",
		Attack: "A code leaks, or the browser is slower than the code lives.",
		Mark:   "with a code that leaked", Spend: true,
	},
	{
		ID: "replay", Title: "Replayed callback", Rule: message.RuleAuthzResponseState,
		Does:   "The callback is made twice: the first logs in, this page is about the second.",
		Attack: "Somebody finds the address in a history or a log and opens it again.",
		Mark:   "comes a second time", Replay: true,
	},
	{
		ID: "stranger", Title: "Another browser", Rule: message.RuleAuthzResponseBrowserBinding,
		Does:   "The callback arrives without the cookie of the browser that began the login.",
		Attack: "Login CSRF: an attacker has you open their own callback, so that you work in their account.",
		Mark:   "comes without its cookie", Stranger: true,
	},
	{
		ID: "userinfo", Title: "Another user's claims", Rule: message.RuleUserInfoSub,
		Does:   "The UserInfo endpoint answers about another user than the ID Token.",
		Attack: "An access token was exchanged for one of another user.",
		answer: changeUserInfo,
	},
}

func faultByID(id string) *fault {
	for _, f := range faults {
		if f.ID == id {
			return f
		}
	}
	return nil
}

// ofCallback is the fault if it is about the callback, and nil otherwise.
func (f *fault) ofCallback() *fault {
	if f == nil || f.callback == nil && !f.Replay && !f.Stranger {
		return nil
	}
	return f
}

func invented() string { return rand.Text() }

func isTokenRequest(body []byte) bool {
	return bytes.Contains(body, []byte("grant_type=authorization_code"))
}

// changeIDToken changes the ID Token of a token response.
func changeIDToken(change func(header, payload, signature string) string) func(*http.Response, []byte) ([]byte, bool) {
	return func(_ *http.Response, body []byte) ([]byte, bool) {
		return changeMember(body, "id_token", func(raw json.RawMessage) (any, bool) {
			var token string
			if json.Unmarshal(raw, &token) != nil || strings.Count(token, ".") != 2 {
				return nil, false
			}
			parts := strings.Split(token, ".")
			return change(parts[0], parts[1], parts[2]), true
		})
	}
}

// changeSubject writes another subject into the payload of a JWT.
func changeSubject(payload string) string {
	raw, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil {
		return payload
	}
	changed, _ := changeMember(raw, "sub", func(json.RawMessage) (any, bool) { return "mallory", true })
	return base64.RawURLEncoding.EncodeToString(changed)
}

// changeUserInfo changes who an answer of the UserInfo endpoint is about. Neither the
// provider's metadata nor a token response has a sub.
func changeUserInfo(_ *http.Response, body []byte) ([]byte, bool) {
	return changeMember(body, "sub", func(json.RawMessage) (any, bool) { return "mallory", true })
}

// changeMember changes one member of a JSON object, where there is one.
func changeMember(body []byte, name string, change func(json.RawMessage) (any, bool)) ([]byte, bool) {
	var members map[string]json.RawMessage
	if json.Unmarshal(body, &members) != nil || members[name] == nil {
		return body, false
	}
	value, ok := change(members[name])
	if !ok {
		return body, false
	}
	var err error
	if members[name], err = json.Marshal(value); err != nil {
		return body, false
	}
	out, err := json.Marshal(members)
	if err != nil {
		return body, false
	}
	return out, true
}

// decoded takes a JWT apart for people to read; nothing is verified here.
func decoded(token string) (header, claims string, ok bool) {
	t, err := keyjar.Parse(token)
	if err != nil {
		return "", "", false
	}
	raw, err := base64.RawURLEncoding.DecodeString(strings.SplitN(token, ".", 2)[0])
	if err != nil {
		return "", "", false
	}
	return string(raw), string(t.Payload), true
}
