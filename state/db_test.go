package state

import (
	"errors"
	"slices"
	"testing"
)

func TestCreateRefusesExisting(t *testing.T) {
	var db DB
	ctx := t.Context()
	r := NewRecord("S", "https://op.example")
	r.Set(ItemAuthRequest, []byte(`{"state":"S"}`))
	if err := db.Begin(ctx, r); err != nil {
		t.Fatal(err)
	}
	other := NewRecord("S", "https://other.example")
	if err := db.Begin(ctx, other); !errors.Is(err, ErrExists) {
		t.Fatalf("second Begin: %v", err)
	}
	if got, err := db.Pending(ctx, "S"); err != nil || !got.Equal(r) {
		t.Fatalf("the record changed: %v %v", got, err)
	}
	got, err := db.Claim(ctx, "S")
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Begin(ctx, other); !errors.Is(err, ErrExists) {
		t.Fatalf("Begin of a session: %v", err)
	}
	got.Set(ItemTokenResponse, []byte(`{"access_token":"A"}`))
	got.Link(KindSubject, "x")
	if err := db.Save(ctx, got); err != nil {
		t.Fatal(err)
	}
	if s, err := db.States(ctx, KindSubject, "x"); err != nil || !slices.Equal(s, []string{"S"}) {
		t.Fatalf("states %v %v", s, err)
	}
	if err := db.End(ctx, "S"); err != nil {
		t.Fatal(err)
	}
	if err := db.Save(ctx, got); !errors.Is(err, ErrUnknown) {
		t.Fatalf("Save of an ended login: %v", err)
	}
}
