package state_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oidcservice/oidc/state"
)

// login is a record with a value in every place.
func login() state.Record {
	r := state.NewRecord("af0ifjsldkj", issuer)
	r.SetCreated(time.Unix(1517736988, 5))
	r.Set(state.ItemUserInfo, []byte(`{"sub":"248289761001","name":"Jané \"D\""}`))
	r.Set(state.ItemTokenResponse, []byte(`{"access_token":"SlAV32hkKG","id_token":"raw.id.token","expires_in":3600}`))
	r.Set(state.ItemAuthRequest, []byte(`{"state":"af0ifjsldkj","nonce":"n-0S6_WzA2Mj","scope":"openid"}`))
	r.Set(state.ItemAuthResponse, []byte(`{"code":"SplxlOBeZQQYbYS6WxSbIA","state":"af0ifjsldkj"}`))
	r.Keep(state.KeptNonce, "n-0S6_WzA2Mj")
	r.Keep(state.KeptCodeVerifier, "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")
	r.Keep(state.KeptIDTokenClaims, `{"sub":"248289761001","nonce":"n-0S6_WzA2Mj"}`)
	r.Keep("own\u2028\x01\"", "\\ and <&> and \U0001F511")
	r.Link(state.KindSubject, state.PerIssuer(issuer, "248289761001"))
	return r
}

// secrets are what login holds and must not be seen.
var secrets = []string{
	"af0ifjsldkj", "n-0S6_WzA2Mj", "SplxlOBeZQQYbYS6WxSbIA", "SlAV32hkKG", "raw.id.token", "248289761001", "dBjftJeZ4CVP", "U0001F511",
}

func TestItemsInOrder(t *testing.T) {
	want := []string{"iss", "auth_request", "auth_response", "token_response", "user_info"}
	r := login()
	if got := r.Items(); !slices.Equal(got, want) {
		t.Errorf("the items are %q", got)
	}
	encoded, err := r.Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := state.ParseRecord(encoded)
	if err != nil || !slices.Equal(got.Items(), want) {
		t.Errorf("read again they are %q, %v", got.Items(), err)
	}
	at := 0
	for _, name := range want {
		i := strings.Index(string(encoded), `"`+name+`":`)
		if i < at {
			t.Errorf("%s is in another place: %s", name, encoded)
		}
		at = i
	}
	r.Set("z_own", []byte("1"))
	r.Set("a_own", []byte("2"))
	r.Set(state.ItemRefreshTokenResponse, []byte("{}"))
	r.Set(state.ItemRefreshTokenRequest, []byte("{}"))
	r.Set(state.ItemAuthResponse, nil)
	want = []string{"iss", "auth_request", "token_response", "refresh_token_request", "refresh_token_response", "user_info", "a_own", "z_own"}
	if got := r.Items(); !slices.Equal(got, want) {
		t.Errorf("the items are %q", got)
	}
	r.Set("a_own", nil)
	r.Set(state.ItemIssuer, nil)
	if got := r.Items(); !slices.Equal(got, slices.Delete(slices.DeleteFunc(want, func(s string) bool { return s == "a_own" }), 0, 1)) {
		t.Errorf("the items are %q", got)
	}
	if r.Item("a_own") != nil || r.Item("iss") != nil || r.Item("nothing") != nil || string(r.Item("z_own")) != "1" {
		t.Error("Item and Items differ")
	}
	r.Set(state.ItemIssuer, []byte(`"https:\/\/op.example.com\u002f"`))
	if r.Issuer != issuer+"/" || string(r.Item(state.ItemIssuer)) != `"`+issuer+`/"` {
		t.Errorf("the issuer is %s", r.Item(state.ItemIssuer))
	}
	r.Issuer = "\xff"
	if r.Item(state.ItemIssuer) != nil {
		t.Error("an issuer that is no text has a JSON value")
	}
}

func TestLaterItemWins(t *testing.T) {
	r := login()
	order := []string{state.ItemAuthRequest, state.ItemAuthResponse, state.ItemTokenResponse}
	got := r.Collect(order, "state", "scope", "id_token", "expires_in", "missing")
	want := map[string]string{
		"state": `"af0ifjsldkj"`, "scope": `"openid"`, "expires_in": "3600",
		"id_token": `{"sub":"248289761001","nonce":"n-0S6_WzA2Mj"}`, // the verified one
	}
	if len(got) != len(want) {
		t.Errorf("%d members", len(got))
	}
	for name, value := range want {
		if string(got[name]) != value {
			t.Errorf("%s is %s", name, got[name])
		}
	}
	r.Set(state.ItemAuthResponse, []byte(`{"state":"later","scope":null}`))
	got = r.Collect(order, "state", "scope")
	if string(got["state"]) != `"later"` || string(got["scope"]) != `"openid"` {
		t.Errorf("%s, %s", got["state"], got["scope"])
	}
	got = r.Collect([]string{state.ItemAuthResponse, state.ItemAuthRequest}, "state")
	if string(got["state"]) != `"af0ifjsldkj"` {
		t.Errorf("%s", got["state"])
	}
	r.Keep(state.KeptIDTokenClaims, "")
	if got := r.Collect(order, "id_token"); string(got["id_token"]) != `"raw.id.token"` {
		t.Errorf("%s", got["id_token"])
	}
}

func TestLatestTokenWins(t *testing.T) {
	r := state.NewRecord("S", issuer)
	is := func(want string) {
		t.Helper()
		if got := string(r.Latest("access_token")); got != want {
			t.Errorf("the token is %s, not %s", got, want)
		}
	}
	is("")
	r.Set(state.ItemAuthResponse, []byte(`{"access_token":"front"}`))
	is(`"front"`)
	r.Set(state.ItemTokenResponse, []byte(`{"access_token":"token"}`))
	is(`"token"`)
	r.Set(state.ItemRefreshTokenResponse, []byte(`{"scope":"openid"}`))
	is(`"token"`)
	r.Set(state.ItemRefreshTokenResponse, []byte(`{"access_token":"refresh"}`))
	is(`"refresh"`)
	r.Set(state.ItemRefreshTokenResponse, []byte(`["access_token"]`))
	is(`"token"`)
}

func TestCreated(t *testing.T) {
	r := login()
	if !r.Created().Equal(time.Unix(1517736988, 0)) {
		t.Errorf("created %v", r.Created())
	}
	if r = state.NewRecord("S", issuer); !r.Created().IsZero() {
		t.Errorf("created %v", r.Created())
	}
}

func TestRecordIsAValue(t *testing.T) {
	a := login()
	before, err := a.Encode()
	if err != nil {
		t.Fatal(err)
	}
	b := a
	b.Set(state.ItemAuthRequest, []byte("1"))
	b.Set("own_item", []byte("1"))
	c := b
	c.Set("own_item", []byte("2"))
	b.Keep(state.KeptNonce, "other")
	b.Keep("new", "other")
	b.Link(state.KindNonce, "other")
	b.Unlink(state.KindSubject, state.PerIssuer(issuer, "248289761001"))
	b.Unlink(state.KindSubject, state.PerIssuer(issuer, "248289761001"))
	if after, err := a.Encode(); err != nil || !bytes.Equal(before, after) {
		t.Errorf("a changed with b: %v", err)
	}
	if string(b.Item("own_item")) != "1" {
		t.Error("b changed with c")
	}
	if a.Equal(b) || b.Equal(c) || !a.Equal(a) || a.Equal(state.Record{}) || (state.Record{}).Equal(a) {
		t.Error("Equal is wrong")
	}
}

func TestRecordShowsNoSecret(t *testing.T) {
	r := login()
	shown := map[string]string{}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		shown[verb] = fmt.Sprintf(verb+verb, r, &r) + fmt.Sprintf(verb, []state.Record{r}) + fmt.Sprintf(verb, struct{ R state.Record }{r})
	}
	var text, object bytes.Buffer
	slog.New(slog.NewTextHandler(&text, nil)).Info("m", "r", r, "p", &r, "l", []state.Record{r})
	slog.New(slog.NewJSONHandler(&object, nil)).Info("m", "r", r, "p", &r, "l", []state.Record{r})
	shown["text log"], shown["JSON log"] = text.String(), object.String()
	encoded, err := json.Marshal(map[string]any{"r": r})
	if err != nil {
		t.Fatal(err)
	}
	shown["JSON"] = string(encoded)
	for how, got := range shown {
		for _, secret := range secrets {
			if strings.Contains(got, secret) {
				t.Errorf("%s shows %s: %s", how, secret, got)
			}
		}
		if !strings.Contains(got, "token_response") || !strings.Contains(got, issuer) {
			t.Errorf("%s does not say what the record has: %s", how, got)
		}
	}
	if got := (state.Record{}).String(); got != `state.Record{ "" }` {
		t.Errorf("the zero record is %s", got)
	}
}

func TestParseRecord(t *testing.T) {
	r := login()
	encoded, err := r.Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := state.ParseRecord(encoded)
	if err != nil || !got.Equal(r) {
		t.Fatalf("%v, %v", got, err)
	}
	if got.Kept("own\u2028\x01\"") != "\\ and <&> and \U0001F511" {
		t.Errorf("a private value came back as %q", got.Kept("own\u2028\x01\""))
	}
	group := strings.Repeat("g", 43)
	spaced := " { \"_kept\" : { \"b\" : \"1\" , \"a\" : \"\\u00e9\\n\\t\\r\\b\\f\\/\\ud83d\\udd11\" } ,\n\t\"x\":[ 1 , [ ] , {} , -0.5e+7, true,false , null ]\r, \"_links\" : [ \"g-" + group + "\" ] ,\"_state\":\"S\"} "
	if got, err = state.ParseRecord([]byte(spaced)); err != nil || got.Kept("a") != "é\n\t\r\b\f/🔑" || got.Kept("b") != "1" {
		t.Errorf("space and order matter: %v, %q", err, got.Kept("a"))
	}
	many := func(n int, member string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, member, i)
		}
		return b.String()
	}
	for name, bad := range map[string]string{
		"nothing":                      ``,
		"no object":                    `"_state"`,
		"an array":                     `[]`,
		"no state":                     `{}`,
		"an empty state":               `{"_state":""}`,
		"a state that is no text":      `{"_state":1}`,
		"half":                         `{"_state":"S"`,
		"half a name":                  `{"_state`,
		"more":                         `{"_state":"S"}{}`,
		"a comma at the end":           `{"_state":"S",}`,
		"no colon":                     `{"_state" "S"}`,
		"a name that is none":          `{_state:"S"}`,
		"twice":                        `{"_state":"S","_state":"S"}`,
		"twice, hidden":                `{"_state":"S","\u005fstate":"S"}`,
		"an item twice":                `{"_state":"S","iss":"a","iss":"a"}`,
		"another case":                 `{"_state":"S","Iss":"a"}`,
		"an unknown private member":    `{"_state":"S","_other":1}`,
		"an issuer that is no text":    `{"_state":"S","iss":{}}`,
		"an item that is none":         `{"_state":"S","user_info":}`,
		"a word":                       `{"_state":"S","user_info":nul}`,
		"a number":                     `{"_state":"S","user_info":01}`,
		"a sign":                       `{"_state":"S","user_info":-}`,
		"a point":                      `{"_state":"S","user_info":1.}`,
		"an exponent":                  `{"_state":"S","user_info":1e}`,
		"a plus":                       `{"_state":"S","user_info":+1}`,
		"an escape":                    `{"_state":"\x"}`,
		"an escape that ends":          `{"_state":"\`,
		"half an escape":               `{"_state":"\u00"}`,
		"an escape that is none":       `{"_state":"\u00zz"}`,
		"half a pair":                  `{"_state":"\ud83d"}`,
		"a pair that is none":          `{"_state":"\ud83d\u0041"}`,
		"a control character":          "{\"_state\":\"\n\"}",
		"bytes that are no text":       "{\"_state\":\"\xff\"}",
		"half a character":             "{\"_state\":\"\xc3",
		"an object that does not end":  `{"_state":"S","x":{"a":1`,
		"an object without a colon":    `{"_state":"S","x":{"a"}}`,
		"an array that does not end":   `{"_state":"S","x":[1`,
		"an array without commas":      `{"_state":"S","x":[1 1]}`,
		"private values in an array":   `{"_state":"S","_kept":[]}`,
		"a private number":             `{"_state":"S","_kept":{"a":1}}`,
		"an empty private value":       `{"_state":"S","_kept":{"a":""}}`,
		"a private value twice":        `{"_state":"S","_kept":{"a":"1","a":"1"}}`,
		"look-ups in an object":        `{"_state":"S","_links":{}}`,
		"a look-up that is a number":   `{"_state":"S","_links":[1]}`,
		"a look-up that is none":       `{"_state":"S","_links":["g-x"]}`,
		"a look-up with a strange key": `{"_state":"S","_links":["g-` + strings.Repeat("/", 43) + `"]}`,
		"a look-up twice":              `{"_state":"S","_links":["g-` + group + `","g-` + group + `"]}`,
		"look-ups that do not end":     `{"_state":"S","_links":["g-` + group + `"`,
		"too deep":                     `{"_state":"S","x":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`,
		"too many items":               `{` + many(70, `"a%d":1,`) + `"_state":"S"}`,
		"too many private values":      `{"_state":"S","_kept":{` + strings.TrimSuffix(many(70, `"a%d":"1",`), ",") + `}}`,
	} {
		got, err := state.ParseRecord([]byte(bad))
		if !errors.Is(err, state.ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
		if !got.Equal(state.Record{}) && got.State != "" || len(got.Items()) > 0 {
			t.Errorf("%s: an error with a record", name)
		}
	}
	if _, err := state.ParseRecord(make([]byte, state.MaxValue+1)); !errors.Is(err, state.ErrTooLarge) {
		t.Errorf("too large: %v", err)
	}
}

// Whoever can write to the store could move an entry to another key.
func TestRecordOfAnotherState(t *testing.T) {
	ctx := t.Context()
	var m state.Memory
	db := &state.DB{Store: redirected{&m}}
	begin(t, db, record("S"))
	begin(t, db, record("T"))
	for _, err := range []error{second(db.Pending(ctx, "T")), second(db.Claim(ctx, "T"))} {
		if !errors.Is(err, state.ErrMalformed) {
			t.Errorf("%v", err)
		}
	}
}

// FuzzRecord: what is read is written as it was meant, and what is refused gives
// no record.
func FuzzRecord(f *testing.F) {
	encoded, err := login().Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(encoded)
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := state.ParseRecord(data)
		if err != nil {
			if r.State != "" || r.Issuer != "" || len(r.Items()) > 0 {
				t.Fatalf("an error with a record: %v", err)
			}
			return
		}
		if !json.Valid(data) {
			t.Fatal("what is no JSON is a record")
		}
		once, err := r.Encode()
		if err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		again, err := state.ParseRecord(once)
		if err != nil {
			t.Fatalf("what was written cannot be read: %v", err)
		}
		twice, err := again.Encode()
		if err != nil || !bytes.Equal(once, twice) || !r.Equal(again) {
			t.Fatalf("written twice it differs: %s, %s, %v", once, twice, err)
		}
		var loose map[string]json.RawMessage
		if err := json.Unmarshal(data, &loose); err != nil {
			t.Fatal(err)
		}
		for _, name := range r.Items() {
			if name != state.ItemIssuer && !bytes.Equal(r.Item(name), loose[name]) {
				t.Fatalf("%s is %s, not %s", name, r.Item(name), loose[name])
			}
		}
	})
}
