package service_test

import (
	"testing"

	"github.com/oidcservice/oidc/factory"
	"github.com/oidcservice/oidc/service"
	"github.com/oidcservice/oidc/servicecontext"
)

// Every standard service says what it is, and says it as it behaves.
func TestDescription(t *testing.T) {
	sc, err := servicecontext.New(servicecontext.Config{Issuer: testIssuer})
	if err != nil {
		t.Fatal(err)
	}
	spec := factory.Spec{}
	for _, n := range factory.Names() {
		spec[n.Service] = factory.Config{}
	}
	services, err := factory.Build(spec, sc, nil)
	if err != nil {
		t.Fatal(err)
	}
	describe := func(name string) service.Description {
		d, ok := services.Get(name).(service.Describer)
		if !ok {
			t.Fatalf("%s does not describe itself", name)
		}
		return d.Description()
	}
	for _, n := range factory.Names() {
		d := describe(n.Service)
		if d.Name != n.Service || d.Method == "" || d.RequestMessage == nil || d.ResponseMessage == nil {
			t.Errorf("%s: %+v", n.Service, d)
		}
		if front := d.Channel == service.FrontChannel; front != (d.Status == 0) {
			t.Errorf("%s: status %d on the %s channel", n.Service, d.Status, d.Channel)
		}
	}

	token := describe(service.AccessTokenName)
	if token.Method != "POST" || token.Request != service.Form || token.Proof != service.ClientProof || !token.Login || !token.Remembers || !token.Commits || token.Status != 200 {
		t.Errorf("accesstoken: %+v", token)
	}
	browser := describe(service.AuthorizationName)
	if browser.Channel != service.FrontChannel || browser.Method != "GET" || browser.Login || browser.Inbound || browser.Media != nil {
		t.Errorf("authorization: %+v", browser)
	}
	if inbound := describe(service.BackchannelLogoutName); !inbound.Inbound {
		t.Errorf("backchannel_logout: %+v", inbound)
	}
	if registered := describe(service.RegistrationName); registered.Status != 201 {
		t.Errorf("registration: %+v", registered)
	}
}
