package message

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"strconv"
	"sync"
	"testing"
)

const rounds = 60

// Each message survives query, form and JSON; unknown members are kept and come out
// again.
func TestRoundTripFormats(t *testing.T) {
	for _, m := range messages {
		typ := reflect.TypeOf(m)
		t.Run(typ.Name(), func(t *testing.T) {
			random := rand.New(rand.NewPCG(1, 2))
			for range rounds {
				roundTripJSON(t, m, filler{Rand: random})
				if planOf(typ).form {
					roundTripForm(t, m, filler{Rand: random, form: true})
				}
			}
		})
	}
}

func roundTripJSON(t *testing.T, m Message, f filler) {
	t.Helper()
	sent, received := newMessage(m), newMessage(m)
	f.fill(sent.Elem(), 0)
	text, err := EncodeJSON(sent.Interface())
	if err != nil {
		t.Fatal(err)
	}
	if err := DecodeJSON(text, received.Interface()); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if !reflect.DeepEqual(sent.Interface(), received.Interface()) {
		t.Fatalf("sent %s, received %#v", text, received)
	}
	again, err := EncodeJSON(received.Elem().Interface()) // a value this time
	if err != nil || !bytes.Equal(text, again) {
		t.Fatalf("%v\n%s\n%s", err, text, again)
	}
	for _, member := range planOf(sent.Elem().Type()).extraOf(sent.Elem()) {
		if !bytes.Contains(text, append([]byte(":"), member.Value...)) {
			t.Errorf("%s has not %s as it was", text, member.Value)
		}
	}
	// encoding/json reads the same: what we send means the same to others.
	other := newMessage(m)
	if err := json.Unmarshal(text, other.Interface()); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	withoutExtra(received)
	if plain, _ := EncodeJSON(received.Interface()); !sameJSON(t, other, plain) {
		t.Fatalf("encoding/json reads %s otherwise", text)
	}
}

// sameJSON compares what encoding/json has read with what we send, as JSON: maps with
// null elements and empty notes make the Go values differ.
func sameJSON(t *testing.T, v reflect.Value, text []byte) bool {
	t.Helper()
	withoutExtra(v)
	encoded, err := EncodeJSON(v.Interface())
	if err != nil {
		t.Fatal(err)
	}
	var a, b any
	if json.Unmarshal(encoded, &a) != nil || json.Unmarshal(text, &b) != nil {
		t.Fatalf("not JSON: %s, %s", encoded, text)
	}
	return reflect.DeepEqual(a, b)
}

func roundTripForm(t *testing.T, m Message, f filler) {
	t.Helper()
	sent, received, parsed := newMessage(m), newMessage(m), newMessage(m)
	f.fill(sent.Elem(), 0)
	sortExtra(sent.Elem())
	text, err := EncodeForm(sent.Interface())
	if err != nil {
		t.Fatal(err)
	}
	if err := DecodeForm(text, received.Interface()); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if !reflect.DeepEqual(sent.Interface(), received.Interface()) {
		t.Fatalf("sent %s, received %v", text, received)
	}
	values, err := ParseForm(text)
	if err != nil {
		t.Fatal(err)
	}
	if err := DecodeValues(values, parsed.Interface()); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if !reflect.DeepEqual(sent.Interface(), parsed.Interface()) {
		t.Fatalf("sent %s, parsed %v", text, parsed)
	}
}

// The encoder of authorization requests says what the general one says.
func TestAuthorizationRequestFastPath(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 20 * rounds {
		var m AuthorizationRequest
		filler{Rand: random, form: true}.fill(reflect.ValueOf(&m).Elem(), 0)
		if random.IntN(4) > 0 {
			m.Extra = nil
		}
		if random.IntN(9) == 0 {
			m.Scope = List{"a", "", "b c"}
		}
		fast, err := EncodeForm(m)
		if err != nil {
			t.Fatal(err)
		}
		values, err := Values(m)
		if err != nil {
			t.Fatal(err)
		}
		if general := values.Encode(); fast != general {
			t.Fatalf("fast    %s\ngeneral %s", fast, general)
		}
	}
}

// Every parameter of the authorization request is in the fast path: it is sent if it
// alone is present.
func TestAuthorizationRequestFastPathIsComplete(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	p := planOf(reflect.TypeFor[AuthorizationRequest]())
	for i := range p.fields {
		var m AuthorizationRequest
		f := &p.fields[i]
		filler{Rand: random, form: true}.value(f.codec, f.of(reflect.ValueOf(&m).Elem()), 0)
		fast, err := EncodeForm(&m)
		if err != nil {
			t.Fatal(err)
		}
		values, _ := Values(&m)
		if fast == "" || fast != values.Encode() {
			t.Errorf("%s: %q", f.name, fast)
		}
	}
}

// Absent, false, 0, "" and [] stay apart through a round trip; max_age=0 is sent.
func TestAbsentFalseZeroEmptyDiffer(t *testing.T) {
	zero, no := 0, false
	m := AuthorizationRequest{MaxAge: &zero}
	if text, err := EncodeForm(m); err != nil || text != "max_age=0" {
		t.Errorf("%q, %v", text, err)
	}
	for _, text := range []string{
		`{}`, `{"default_max_age":0}`, `{"require_auth_time":false}`, `{"client_name":""}`, `{"redirect_uris":[]}`,
		`{"scope":""}`, `{"default_max_age":0,"require_auth_time":false,"client_name":"","redirect_uris":[],"scope":""}`,
	} {
		var m ClientMetadata
		if err := DecodeJSON([]byte(text), &m); err != nil {
			t.Fatal(err)
		}
		if again, err := EncodeJSON(m); err != nil || string(again) != text {
			t.Errorf("%s became %s, %v", text, again, err)
		}
	}
	metadata := ClientMetadata{DefaultMaxAge: &zero, RequireAuthTime: &no}
	if text, _ := EncodeJSON(metadata); string(text) != `{"default_max_age":0,"require_auth_time":false}` {
		t.Errorf("%s", text)
	}
	// A value given afterwards replaces the note that there was none.
	var changed ClientMetadata
	if err := DecodeJSON([]byte(`{"client_name":"","x":1}`), &changed); err != nil {
		t.Fatal(err)
	}
	changed.ClientName = "a"
	if text, err := EncodeJSON(changed); err != nil || string(text) != `{"client_name":"a","x":1}` {
		t.Errorf("%s, %v", text, err)
	}
	// In a form empty is absent.
	var request AuthorizationRequest
	if err := DecodeJSON([]byte(`{"state":"","scope":"","x":"y"}`), &request); err != nil {
		t.Fatal(err)
	}
	if text, err := EncodeForm(request); err != nil || text != "x=y" {
		t.Errorf("%q, %v", text, err)
	}
}

// Building a request changes no shared description, however many are built at once.
func TestNoClassLevelMutation(t *testing.T) {
	shared := AuthorizationRequest{
		Scope: List{"openid"}, ClientID: "a", Claims: &ClaimsRequest{UserInfo: map[string]*ClaimRequest{"email": nil}},
		Extra: append(make(Extra, 0, 8), Member{Name: "x", Value: []byte("1")}),
	}
	before, err := EncodeJSON(shared)
	if err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	for i := range 16 {
		wait.Go(func() {
			m := shared
			m.State = strconv.Itoa(i)
			var back AuthorizationRequest
			for _, name := range []string{"x", "y"} {
				if err := m.Extra.Set(name, i); err != nil {
					t.Error(err)
				}
			}
			text, err := EncodeJSON(m)
			if err != nil || DecodeJSON(text, &back) != nil || !reflect.DeepEqual(m, back) {
				t.Errorf("%v: %v became %v", err, m, back)
			}
			if _, err := EncodeForm(&m); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if after, err := EncodeJSON(shared); err != nil || !bytes.Equal(before, after) {
		t.Errorf("%s became %s, %v", before, after, err)
	}
}
