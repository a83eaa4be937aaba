package demo

import (
	"slices"
	"strings"
	"testing"
)

// The answer of a request stands below what was sent before it came, and everything is
// inside the picture.
func TestDiagram(t *testing.T) {
	d := draw([]*stepView{
		{Number: 1, Name: "authorization", Front: true, From: browser, To: provider, Response: "Location: https://a.example/callback?\n  code=***", Passed: 3},
		{Number: 2, Name: "resource", From: application, To: protectedAPI, Address: "https://a.example/api/greeting", Status: 401, Response: "HTTP 401", Last: 3},
		{Number: 3, Name: "introspection", From: protectedAPI, To: provider, Address: "https://op.example/introspect", Status: 200, Response: "HTTP 200", Last: 3},
		{Number: 4, Name: "accesstoken", From: application, To: provider, Status: 200, Response: "HTTP 200", Last: 4, Failed: "idtoken_alg_none", Broken: "x", Mark: "changed on its way"},
		{Number: 5, Name: "backchannel_logout", From: provider, To: application, Inbound: true, Request: "POST", Status: 400, Response: "HTTP 400", Err: "refused"},
		{Number: 7, Name: "accesstoken", From: application, To: provider, Status: 400, Response: "HTTP 400", Last: 7, Err: "x", Declared: "invalid_grant"},
		{Number: 6, Name: "authorization", From: browser, To: application, Inbound: true, Response: "Location: https://a.example/callback", Failed: "authz_response_state", Broken: "x", Mark: "comes a second time"},
	})
	var order []string
	for _, a := range d.Arrows {
		order = append(order, a.Text)
		if a.Head != "" && (a.From < 0 || a.To > d.Width || a.From == a.To) {
			t.Errorf("the arrow %+v leads nowhere", a)
		}
		if a.BoxX < 0 || a.BoxX+a.BoxW > d.Width || a.Y > d.Height {
			t.Errorf("%+v is outside", a)
		}
	}
	want := []string{
		"303 to the provider", "authorization", "sends the user back", "callback", "✓ 3 checks",
		"resource /api/greeting", "introspection /introspect", "200", "401",
		"accesstoken ", "200", "changed on its way", "✗ idtoken_alg_none", "backchannel_logout", "400", "✗ refused", "accesstoken ", "400", "✗ invalid_grant", "callback", "comes a second time", "✗ authz_response_state",
	}
	if !slices.Equal(order, want) {
		t.Errorf("the rows are\n%q, want\n%q", order, want)
	}
	if !strings.Contains(d.Description, "step 3: introspection /introspect; step 3: 200; step 2: 401") {
		t.Errorf("the description is %q", d.Description)
	}
	if empty := draw(nil); empty.Description == "" || len(empty.Lanes) != 3 {
		t.Errorf("an empty diagram is %+v", empty)
	}
}
