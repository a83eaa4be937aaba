package message

import "testing"

// idTokenPayload is an ID Token as providers send it: ten claims.
const idTokenPayload = `{"iss":"https://op.example.com","sub":"248289761001","aud":["s6BhdRkqt3"],"exp":1517823388,"iat":1517736988,"auth_time":1517736980,"nonce":"UvudLKz287YByZdsY3AJoPAlEXQkJ0dK","acr":"PASSWORD","at_hash":"77QmUPtjPfzWtF2AnpK9RQ","sid":"08a5019c-17e1-4977-8f42-65a12843ea02"}`

func BenchmarkDecodeClaims(b *testing.B) {
	payload := []byte(idTokenPayload)
	b.ReportAllocs()
	for b.Loop() {
		var token IDToken
		if err := DecodeClaims(payload, &token); err != nil {
			b.Fatal(err)
		}
	}
}

func benchmarkRequest() *AuthorizationRequest {
	return &AuthorizationRequest{
		ResponseType:        List{ResponseTypeCode},
		ClientID:            "zls2qhN1jO6A",
		RedirectURI:         "https://example.org/authz_cb",
		Scope:               List{ScopeOpenID, ScopeProfile, ScopeEmail},
		State:               "Oh3w3gKlvoM2ehFqlxI3HIK5Oh3w3gKlvoM2ehFqlxI",
		Nonce:               "UvudLKz287YByZdsY3AJoPAlEXQkJ0dKUvudLKz287Y",
		CodeChallenge:       "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
		CodeChallengeMethod: CodeChallengeMethodS256,
	}
}

func BenchmarkEncodeForm(b *testing.B) {
	m := benchmarkRequest()
	b.Run("fast", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := EncodeForm(m); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("floor", func(b *testing.B) {
		values, err := Values(m)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			_ = values.Encode()
		}
	})
	b.Run("general", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			values, err := Values(m)
			if err != nil {
				b.Fatal(err)
			}
			_ = values.Encode()
		}
	})
}

func BenchmarkEncodeJSON(b *testing.B) {
	m := benchmarkRequest()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := EncodeJSON(m); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeForm(b *testing.B) {
	raw, err := EncodeForm(benchmarkRequest())
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		var m AuthorizationRequest
		if err := DecodeForm(raw, &m); err != nil {
			b.Fatal(err)
		}
	}
}

// Decoding an ID Token and building an authorization request happen at every login.
// Their cost is counted in allocations, which do not depend on the machine.
func TestAllocations(t *testing.T) {
	payload := []byte(idTokenPayload)
	request := benchmarkRequest()
	for _, test := range []struct {
		name string
		most float64
		run  func() error
	}{
		{"DecodeClaims", 5, func() error { var token IDToken; return DecodeClaims(payload, &token) }},
		{"EncodeForm", 3, func() error { _, err := EncodeForm(request); return err }},
		{"EncodeJSON", 5, func() error { _, err := EncodeJSON(request); return err }},
	} {
		got := testing.AllocsPerRun(100, func() {
			if err := test.run(); err != nil {
				t.Error(err)
			}
		})
		if got > test.most {
			t.Errorf("%s allocates %v times, %v are allowed", test.name, got, test.most)
		}
	}
}
