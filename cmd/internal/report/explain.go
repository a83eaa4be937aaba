package report

// An Explanation says what a step is for, to somebody who sees the protocol for
// the first time.
type Explanation struct{ Title, Section, Why string }

var explanations = map[string]Explanation{
	"webfinger": {"Who looks after this user?", "OpenID Connect Discovery 1.0, Section 2",
		"The user named an account, not a provider. The account's host says which provider (issuer) answers for it."},
	"provider_info": {"What can this provider do, and where?", "OpenID Connect Discovery 1.0, Section 4",
		"The provider describes itself: its endpoints, its keys, what it supports. The issuer in the document must be the one that was asked for, or somebody else is answering."},
	"server_metadata": {"What can this server do, and where?", "RFC 8414, Section 3",
		"The authorization server describes itself at an address of OAuth's own."},
	"jwks": {"Which keys does the provider sign with?", "OpenID Connect Core 1.0, Section 10.1",
		"A token was signed with a key we have not seen. The only place to learn it from is the jwks_uri of the provider's verified metadata, never the token itself."},
	"registration": {"Introducing ourselves", "OpenID Connect Dynamic Client Registration 1.0, Section 3",
		"We tell the provider who we are and where it may send users back to. It answers with a client_id, and mostly a secret."},
	"registration_read": {"What does the provider know about us?", "RFC 7592, Section 2.1",
		"The registration is read back with the token that came with it."},
	"authorization": {"Sending the user to log in", "OpenID Connect Core 1.0, Section 3.1.2",
		"The browser goes to the provider, which knows the user; we never see a password. state ties the answer to this request and this browser, nonce ties the ID Token to it, and the code challenge makes a stolen code worthless."},
	"pushed_authorization": {"Depositing the request", "RFC 9126, Section 2",
		"The parameters go to the provider directly; the browser carries a reference only, so that nobody can change or read them on the way."},
	"accesstoken": {"Trading the code for tokens", "OpenID Connect Core 1.0, Section 3.1.3",
		"The code passed through the browser and proves little. Now we prove who we are and that we began this login, and receive the tokens. The ID Token counts only after its signature, issuer, audience, times and nonce have been verified."},
	"refresh_token": {"Renewing the tokens", "OpenID Connect Core 1.0, Section 12",
		"Access tokens are short-lived. The refresh token brings a new one without the user; a new ID Token must be about the same user at the same issuer."},
	"userinfo": {"Who is the user?", "OpenID Connect Core 1.0, Section 5.3",
		"The access token opens the UserInfo endpoint. Its answer is about our user only if its sub is the ID Token's."},
	"end_session": {"Logging out at the provider", "OpenID Connect RP-Initiated Logout 1.0, Section 2",
		"The browser goes to the provider once more, so that the user's session ends there too."},
	"introspection": {"Is this token still good?", "RFC 7662, Section 2",
		"The provider says whether a token is active and what it stands for."},
	"registration_update": {"Changing what the provider knows about us", "RFC 7592, Section 2.2",
		"The whole registration is sent again, with the token that came with it."},
	"registration_delete": {"Taking our leave", "RFC 7592, Section 2.3",
		"The registration is deleted, and its credentials are forgotten."},
	"client_credentials": {"A token for ourselves", "RFC 6749, Section 4.4",
		"No user is involved: the client asks in its own name."},
	"token_exchange": {"Trading one token for another", "RFC 8693, Section 2",
		"A token that was received is exchanged for one that fits where it will be used."},
	"jwt_bearer": {"A token for an assertion", "RFC 7523, Section 2.1",
		"A signed statement takes the place of a user's login."},
	"device_authorization": {"Logging in on another device", "RFC 8628, Section 3.1",
		"The user types a short code on a device that has a browser."},
	"device_token": {"Has the user agreed yet?", "RFC 8628, Section 3.4",
		"The provider is asked in intervals until the user has decided on the other device."},
	"backchannel_authentication": {"Asking the user without a browser", "OpenID Connect CIBA Core 1.0, Section 7",
		"The provider contacts the user itself, on a device that it knows."},
	"ciba_token": {"Has the user agreed yet?", "OpenID Connect CIBA Core 1.0, Section 10.1",
		"The provider is asked in intervals until the user has decided."},
	"client_notification": {"The provider says that the user decided", "OpenID Connect CIBA Core 1.0, Section 10",
		"Instead of being asked, the provider tells."},
	"initiate_login": {"Somebody else begins a login", "OpenID Connect Core 1.0, Section 4",
		"A page elsewhere sends the user here to log in with a provider that it names."},
	"request_object": {"The provider fetches the request", "OpenID Connect Core 1.0, Section 6.2",
		"The browser brought no more than the address of the request object. The provider fetches it from us and verifies our signature."},
	"check_session": {"Is the user still logged in there?", "OpenID Connect Session Management 1.0, Section 3",
		"A page asks the provider's frame whether the session has changed."},
	"frontchannel_logout": {"The provider ended the session, says the browser", "OpenID Connect Front-Channel Logout 1.0, Section 2",
		"The provider loads an address of ours in the user's browser."},
	"backchannel_logout": {"The provider ended the session", "OpenID Connect Back-Channel Logout 1.0, Section 2.5",
		"The provider sends a logout token to us directly."},
	"resource": {"Using the access token", "RFC 6750, Section 2",
		"The access token opens an API."},
	"resource_metadata": {"What does this API want?", "RFC 9728, Section 3",
		"The API describes itself: which authorization servers it trusts, which scopes and proofs it takes."},
	"claims_source": {"Claims from somebody else", "OpenID Connect Core 1.0, Section 5.6.2",
		"The provider names another party that knows more about the user."},
	"revocation": {"Giving a token back", "RFC 7009, Section 2",
		"A token that is no longer needed should not lie around."},
}

// Explain returns the explanation of a service, by its name.
func Explain(service string) Explanation {
	if e, ok := explanations[service]; ok {
		return e
	}
	return Explanation{Title: service}
}

// items says what each item of the state record holds.
var items = map[string]string{
	"iss":                    "the issuer this login was begun at",
	"auth_request":           "what the browser was sent with",
	"auth_response":          "what the browser brought back",
	"token_response":         "the tokens, with the ID Token's verified claims beside them",
	"refresh_token_request":  "what the renewal asked for",
	"refresh_token_response": "the renewed tokens",
	"user_info":              "the verified claims about the user",
}
