package readme

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/oidcservice/oidc/factory"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/service"
	"github.com/oidcservice/oidc/servicecontext"
)

// what says of a service what its definition does not: in words what it is for, where
// the request goes, what is kept, and the families of its rules.
type what struct{ does, to, keeps, rules string }

var services = map[string]what{
	"webfinger": {
		"Finds the issuer of a user's identifier.",
		"the well-known address of the identifier's host",
		"the issuer, in the service context", "webfinger",
	},
	"provider_info": {
		"Reads the provider's metadata (OpenID Connect Discovery).",
		"the issuer's `/.well-known/openid-configuration`",
		"the metadata, and what both sides can do, in the service context", "metadata",
	},
	"server_metadata": {
		"Reads the metadata of an OAuth 2.0 authorization server (RFC 8414).",
		"the issuer's well-known address, inserted before its path",
		"the metadata, in the service context", "metadata",
	},
	"jwks": {
		"Fetches the provider's key set.",
		"`jwks_uri`",
		"the usable keys and what was skipped, in the service context; a mark in the state database that limits refetching", "jwks key",
	},
	"registration": {
		"Registers the client (Dynamic Client Registration).",
		"`registration_endpoint`",
		"the registration, in the service context", "registration",
	},
	"registration_read": {
		"Reads the client's registration.",
		"`registration_client_uri`",
		"the registration as it is now, in the service context", "registration",
	},
	"registration_update": {
		"Replaces the client's registration (RFC 7592).",
		"`registration_client_uri`",
		"the registration as it is now, in the service context", "registration",
	},
	"registration_delete": {
		"Deletes the client's registration (RFC 7592).",
		"`registration_client_uri`",
		"nothing: the credentials are forgotten", "registration",
	},
	"authorization": {
		"Sends the browser to the provider, and judges what it brings back.",
		"`authorization_endpoint`, by browser",
		"the pending login when the request is built; `auth_response` when the answer is committed, which claims the login", "authz_request authz_response idtoken",
	},
	"pushed_authorization": {
		"Hands the authorization request to the provider before the browser goes there (RFC 9126).",
		"`pushed_authorization_request_endpoint`",
		"the `request_uri` and its expiry, in the pending login", "par client_auth",
	},
	"accesstoken": {
		"Redeems the code for tokens, and verifies the ID Token.",
		"`token_endpoint`",
		"`token_response` and the verified claims; the code is dropped", "token_request token_response idtoken",
	},
	"refresh_token": {
		"Exchanges the refresh token for new tokens.",
		"`token_endpoint`",
		"`refresh_token_request` and `refresh_token_response`", "refresh token_response idtoken",
	},
	"userinfo": {
		"Asks for claims about the user.",
		"`userinfo_endpoint`",
		"`user_info`", "userinfo",
	},
	"claims_source": {
		"Fetches distributed claims from where the provider said, as an optional task of its answer.",
		"the source's `endpoint`, with the source's own token",
		"`claims_sources`", "claims_source",
	},
	"backchannel_logout": {
		"Judges the logout token that a provider posts to us (Back-Channel Logout).",
		"our `backchannel_logout_uri`, with a POST",
		"the `jti` as used; the logins that it names are ended", "backchannel",
	},
	"frontchannel_logout": {
		"Judges a call of our logout page in an iframe (Front-Channel Logout).",
		"our `frontchannel_logout_uri`",
		"nothing: the logins that it names are ended", "frontchannel",
	},
	"check_session": {
		"Asks the provider's iframe whether the user is still logged in there (Session Management).",
		"`check_session_iframe`, by a page of ours",
		"nothing", "session",
	},
	"initiate_login": {
		"Begins a login that a third party asked for (Core, Section 4).",
		"our `initiate_login_uri`",
		"nothing: the login begins with the authorization request that the result names", "initlogin",
	},
	"end_session": {
		"Sends the browser to the provider to log out, and judges its return.",
		"`end_session_endpoint`, by browser",
		"the logout's state when the request is built; on return the login is ended", "endsession",
	},
	"client_credentials": {
		"Asks for a token of the client's own (RFC 6749, Section 4.4).",
		"`token_endpoint`",
		"`token_response` under a key of its own", "client_credentials token_response",
	},
	"token_exchange": {
		"Exchanges a token for another (RFC 8693).",
		"`token_endpoint`",
		"`token_response` under a key of its own", "exchange token_response",
	},
	"jwt_bearer": {
		"Exchanges a signed statement for a token (RFC 7523).",
		"`token_endpoint`",
		"`token_response` under a key of its own", "token_response",
	},
	"device_authorization": {
		"Begins a login on a device without a browser (RFC 8628).",
		"`device_authorization_endpoint`",
		"a new record with `device_authorization_request` and `device_authorization_response`; the device code is private", "device",
	},
	"device_token": {
		"Polls for the tokens of such a login.",
		"`token_endpoint`",
		"the interval when the request is built; then `token_response` and the verified claims", "device token_response idtoken",
	},
	"backchannel_authentication": {
		"Asks that a user be authenticated on the user's own device (CIBA).",
		"`backchannel_authentication_endpoint`",
		"a new record with `backchannel_authentication_request` and `backchannel_authentication_response`; `auth_req_id` and the hash of the notification token are private", "ciba",
	},
	"ciba_token": {
		"Polls for the tokens of a backchannel authentication, or fetches them after a ping.",
		"`token_endpoint`",
		"the interval when the request is built; then `token_response` and the verified claims", "ciba token_response idtoken",
	},
	"client_notification": {
		"Judges what the provider brings to the client notification endpoint: a ping, or the tokens.",
		"nowhere: the provider posts JSON to an address of ours",
		"`token_response` and the verified claims, in push mode", "ciba token_response idtoken",
	},
	"introspection": {
		"Asks whether a token is active, and what it stands for (RFC 7662, RFC 9701).",
		"`introspection_endpoint`",
		"nothing", "introspection",
	},
	"revocation": {
		"Tells the provider that a token is no longer needed (RFC 7009).",
		"`revocation_endpoint`",
		"nothing: the token is taken out of the record", "revocation",
	},
	"resource": {
		"Sends any request of the caller's with the current access token.",
		"the caller's URL",
		"nothing", "challenge dpop",
	},
	"resource_metadata": {
		"Reads what a protected resource says about itself (RFC 9728).",
		"the address that a challenge named, or the resource's well-known one",
		"nothing", "challenge",
	},
}

// servicesPage prints the services of the standard factory.
func servicesPage() ([]byte, error) {
	sc, err := servicecontext.New(servicecontext.Config{Issuer: "https://op.example"})
	if err != nil {
		return nil, err
	}
	spec := factory.Spec{}
	for _, n := range factory.Names() {
		spec[n.Service] = factory.Config{}
	}
	built, err := factory.Build(spec, sc, nil)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.WriteString(`# Services

<!-- Generated from the definitions of package service by "make docs"; do not edit. -->

A service is one step of the relying party. This page prints what their definitions say; how a step works
stands in [Architecture](architecture.md#a-step), how to add one in [Writing a service](writing-a-service.md).

A specification names services by the name or by the class name that the Python original has for it.

| service | class name | in a login | channel |
|---|---|---|---|
`)
	var details bytes.Buffer
	var messages messageList
	for _, n := range factory.Names() {
		describer, ok := built.Get(n.Service).(service.Describer)
		if !ok {
			return nil, fmt.Errorf("service %s has no description", n.Service)
		}
		about, ok := services[n.Service]
		if !ok {
			return nil, fmt.Errorf("nothing is written about service %s", n.Service)
		}
		d := describer.Description()
		login := ""
		if d.Login {
			login = "yes"
		}
		fmt.Fprintf(&b, "| [`%s`](#%s) | `%s` | %s | %s |\n", n.Service, n.Service, n.Class, login, d.Channel)

		fmt.Fprintf(&details, "\n## %s\n\n%s\n\n| | |\n|---|---|\n", n.Service, about.does)
		switch {
		case d.Inbound:
			fmt.Fprintf(&details, "| request | none |\n| judges | what comes to %s |\n", about.to)
		case d.Channel == service.FrontChannel:
			fmt.Fprintf(&details, "| request | %s to %s |\n| parameters | %s |\n", d.Method, about.to, parameters(d))
			fmt.Fprintf(&details, "| answer | by browser: query, fragment or form post |\n")
		default:
			media := strings.Join(d.Media, ", ")
			if media == "" {
				media = "no body"
			}
			fmt.Fprintf(&details, "| request | %s to %s |\n| parameters | %s |\n", d.Method, about.to, parameters(d))
			fmt.Fprintf(&details, "| proof | %s |\n| answer | status %d, %s |\n", d.Proof, d.Status, media)
		}
		fmt.Fprintf(&details, "| kept | %s |\n", about.keeps)
		var families []string
		for family := range strings.FieldsSeq(about.rules) {
			if !slices.ContainsFunc(message.Rules(), func(r message.Rule) bool { return strings.HasPrefix(string(r), family+"_") }) {
				return nil, fmt.Errorf("service %s: there are no rules %s_*", n.Service, family)
			}
			families = append(families, fmt.Sprintf("`%s_*`", family))
		}
		fmt.Fprintf(&details, "| [rules](rules.md) | %s |\n", strings.Join(families, ", "))
		links := messages.link(d.RequestMessage)
		if answer := messages.link(d.ResponseMessage); answer != links {
			links += ", " + answer
		}
		fmt.Fprintf(&details, "| messages | %s |\n", links)
	}
	b.Write(details.Bytes())
	b.WriteString("\n## Messages\n\nThe members that are known by name, in the order of the specifications. Others are kept and sent\nagain unchanged.\n")
	for _, t := range messages {
		fmt.Fprintf(&b, "\n### %s\n\n`%s`\n", t.Name(), strings.Join(wireNames(t), "` `"))
	}
	return b.Bytes(), nil
}

func parameters(d service.Description) string {
	if len(wireNames(reflect.TypeOf(d.RequestMessage))) == 0 {
		return "none"
	}
	switch d.Request {
	case service.Query:
		return "in the query"
	case service.Form:
		return "in a form body"
	case service.JSON:
		return "in a JSON body"
	case service.Text:
		return "in a text"
	}
	return "none: the URL and the proof say everything"
}

// A messageList is the message types that were linked to, in that order.
type messageList []reflect.Type

// link names a message's type; one that has members is described further down.
func (l *messageList) link(m message.Message) string {
	t := reflect.TypeOf(m)
	if len(wireNames(t)) == 0 {
		return "`" + t.Name() + "`"
	}
	if !slices.Contains(*l, t) {
		*l = append(*l, t)
	}
	return fmt.Sprintf("[`%s`](#%s)", t.Name(), strings.ToLower(t.Name()))
}

func wireNames(t reflect.Type) []string {
	var names []string
	for f := range fields(t) {
		tag, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && f.Type.Kind() == reflect.Struct:
			names = append(names, wireNames(f.Type)...)
		case tag == "-" || tag == "":
			if tag, _, _ = strings.Cut(f.Tag.Get("url"), ","); tag != "" && tag != "-" {
				names = append(names, tag)
			}
		default:
			names = append(names, tag)
		}
	}
	return names
}

func fields(t reflect.Type) func(yield func(reflect.StructField) bool) {
	return func(yield func(reflect.StructField) bool) {
		if t.Kind() != reflect.Struct {
			return
		}
		for i := range t.NumField() {
			if !yield(t.Field(i)) {
				return
			}
		}
	}
}
