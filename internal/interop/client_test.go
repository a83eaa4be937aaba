package interop

import (
	"errors"
	"slices"
	"testing"

	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/service"
	"github.com/oidcservice/oidc/servicecontext"
)

// TestClientCredentials: a token of the client's own for an API, and another after it,
// each with an entry of its own; the API's provider says whose they are.
func TestClientCredentials(t *testing.T) {
	t.Parallel()
	p := oidcProvider.get(t)
	d := newDriver(t, p, servicecontext.Config{Metadata: message.ClientMetadata{
		GrantTypes: []string{message.GrantTypeClientCredentials, message.GrantTypeAuthorizationCode},
	}}, service.ClientCredentialsName, service.IntrospectionName)
	first := d.run(service.ClientCredentialsName, service.Args{Message: message.ClientCredentialsRequest{Scope: message.List{"read"}, Resource: message.Audience{"https://api.example/"}}})
	tokens := service.MessageOf[message.AccessTokenResponse](first)
	if tokens.AccessToken == "" || !tokens.Scope.Equal(message.List{"read"}) {
		t.Errorf("the token is for %v", tokens.Scope)
	}
	second := d.run(service.ClientCredentialsName, service.Args{Message: message.ClientCredentialsRequest{}})
	own := service.MessageOf[message.AccessTokenResponse](second)
	if first.State == second.State || own.AccessToken.Equal(tokens.AccessToken) {
		t.Error("both requests brought the same")
	}
	said := service.MessageOf[message.IntrospectionResponse](d.run(service.IntrospectionName, service.Args{Message: message.IntrospectionRequest{Token: own.AccessToken}}))
	if said.Active == nil || !*said.Active || said.ClientID != d.context.Snapshot().ClientID() {
		t.Errorf("the provider says of the token: %v", said)
	}
	granted := event{Event: "granted", Grant: "client_credentials", Method: "client_secret_basic"}
	bound := granted
	bound.Audience = "https://api.example/"
	p.wantSeen(t, said.ClientID, granted, bound)
}

// TestUnknownResource: what the provider refuses is reported with its code.
func TestUnknownResource(t *testing.T) {
	t.Parallel()
	d := newDriver(t, oidcProvider.get(t), servicecontext.Config{Metadata: message.ClientMetadata{
		GrantTypes: []string{message.GrantTypeClientCredentials, message.GrantTypeAuthorizationCode},
	}}, service.ClientCredentialsName)
	_, err := d.try(service.ClientCredentialsName, service.Args{Message: message.ClientCredentialsRequest{Resource: message.Audience{"https://other.example/"}}})
	var declared *message.Error
	if !errors.As(err, &declared) || declared.Code != "invalid_target" {
		t.Errorf("got %v, want invalid_target", err)
	}
}

// TestRegistrationManagement: a registration is read, changed and deleted (RFC 7592);
// the provider gives another management token with every change.
func TestRegistrationManagement(t *testing.T) {
	t.Parallel()
	p := oidcProvider.get(t)
	d := newDriver(t, p, servicecontext.Config{Metadata: message.ClientMetadata{ClientName: "before"}},
		service.RegistrationReadName, service.RegistrationUpdateName, service.RegistrationDeleteName)
	client := d.context.Snapshot().ClientID()
	before := d.context.Snapshot().Client.RegistrationAccessToken

	read := service.MessageOf[message.RegistrationResponse](d.run(service.RegistrationReadName, service.Args{}))
	if read.ClientID != client || read.ClientName != "before" {
		t.Errorf("read: %q, %q", read.ClientID, read.ClientName)
	}
	changed := service.MessageOf[message.RegistrationResponse](d.run(service.RegistrationUpdateName, service.Args{
		Message: message.RegistrationUpdateRequest{ClientMetadata: message.ClientMetadata{ClientName: "after"}},
	}))
	if changed.ClientName != "after" || d.context.Snapshot().Client.ClientName != "after" {
		t.Errorf("changed to %q, and the context has %q", changed.ClientName, d.context.Snapshot().Client.ClientName)
	}
	if d.context.Snapshot().Client.RegistrationAccessToken.Equal(before) {
		t.Error("the management token that the change brought was not taken over")
	}
	if again := service.MessageOf[message.RegistrationResponse](d.run(service.RegistrationReadName, service.Args{})); again.ClientName != "after" {
		t.Errorf("read again: %q", again.ClientName)
	}
	d.run(service.RegistrationDeleteName, service.Args{})
	if d.context.Snapshot().Client != nil {
		t.Error("the credentials of a deleted registration were kept")
	}
	p.wantSeen(t, client, event{Event: "registered", Method: "client_secret_basic"}, event{Event: "updated"}, event{Event: "deleted"})
}

// TestRequestByReference: the provider takes no request_uri but those of its own, and
// says so; nothing is sent there.
func TestRequestByReference(t *testing.T) {
	t.Parallel()
	p := oidcProvider.get(t)
	r, exit, _ := walkthrough(t, p, append([]string{
		"--issuer", p.issuer, "--request-method", "request_uri", "--request-uri-base", "https://127.0.0.1:0/requests",
	}, person...)...)
	if exit != 2 || r.Error["rule"] != "metadata_capability" || slices.Contains(r.services(), "authorization") {
		t.Errorf("exit %d at %q: %v, after %v", exit, r.FailedStep, r.Error, r.services())
	}
}
