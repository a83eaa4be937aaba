package demo

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/oidcservice/oidc/cmd/internal/report"
	"github.com/oidcservice/oidc/rp"
	"github.com/oidcservice/oidc/state"
)

// A userView is who is signed in.
type userView struct {
	Name, Email, Initials, Subject string
	Tokens                         []tokenView
	UserInfo                       string
	CanRefresh                     bool
}

// A tokenView is a token, taken apart.
type tokenView struct {
	ID, Name, Note string
	Raw            string // masked, unless the secrets are asked for
	Header         string
	Claims         []claimView
	Opaque         bool
	Checks         []check
}

// A claimView is a claim and what its value means.
type claimView struct{ Name, Value, Meaning string }

// userOf shows a login and its tokens.
func userOf(l *rp.Login, record state.Record, checks []check, secrets bool) *userView {
	u := &userView{Subject: l.Subject, Name: l.UserInfo.Name, Email: l.UserInfo.Email}
	if u.Name == "" {
		u.Name = l.Subject
	}
	u.Initials = initials(u.Name)
	if raw := record.Item(state.ItemUserInfo); raw != nil {
		u.UserInfo = report.Readable(string(raw))
	}
	for _, t := range []struct{ id, member, name, note string }{
		{"id-token", "id_token", "ID Token", "For the application: who you are, and how you proved it. It was verified by every rule below."},
		{"access-token", "access_token", "Access token", "For the API alone. An application has no business reading it; here it is taken apart for show, if that can be done."},
		{"refresh-token", "refresh_token", "Refresh token", "For the provider alone: it brings new tokens without you."},
	} {
		token := newest(record, t.member)
		if token == "" {
			continue
		}
		v := tokenView{ID: t.id, Name: t.name, Note: t.note, Raw: report.Masked}
		if secrets {
			v.Raw = token
		}
		if header, claims, ok := decoded(token); ok {
			v.Header, v.Claims = report.Readable(header), claimsOf(claims)
		} else {
			v.Opaque = true
		}
		switch t.member {
		case "id_token":
			v.Checks = slices.DeleteFunc(slices.Clone(checks), func(c check) bool { return !strings.HasPrefix(c.Rule, "idtoken_") })
		case "refresh_token":
			u.CanRefresh = true
		}
		u.Tokens = append(u.Tokens, v)
	}
	return u
}

// newest is the newest token of a kind in a record.
func newest(record state.Record, member string) string {
	for _, item := range []string{state.ItemRefreshTokenResponse, state.ItemTokenResponse, state.ItemAuthResponse} {
		var members map[string]any
		if json.Unmarshal(record.Item(item), &members) != nil {
			continue
		}
		if token, ok := members[member].(string); ok && token != "" {
			return token
		}
	}
	return ""
}

func initials(name string) string {
	var out []rune
	for word := range strings.FieldsSeq(name) {
		if first := []rune(word)[0]; unicode.IsLetter(first) && len(out) < 2 {
			out = append(out, unicode.ToUpper(first))
		}
	}
	if len(out) == 0 {
		return "?"
	}
	return string(out)
}

// meanings are of the claims that are not words.
var meanings = map[string]string{
	"iss": "who says so", "sub": "whom it is about, at this issuer", "aud": "for whom it is", "exp": "until when", "iat": "since when",
	"auth_time": "when the user was asked", "nonce": "ties it to the request", "acr": "how strong the authentication was", "amr": "how it was done",
	"azp": "to whom it was issued", "at_hash": "ties the access token to it", "c_hash": "ties the code to it", "s_hash": "ties the state to it",
	"sid": "the session at the provider", "jti": "its name", "client_id": "who may use it", "scope": "what for",
}

// claimsOf lists the claims in their order.
func claimsOf(object string) []claimView {
	decoder := json.NewDecoder(strings.NewReader(object))
	if t, err := decoder.Token(); err != nil || t != json.Delim('{') {
		return nil
	}
	var all []claimView
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return all
		}
		var raw json.RawMessage
		if decoder.Decode(&raw) != nil {
			return all
		}
		v := claimView{Name: fmt.Sprint(name), Value: strings.Trim(string(raw), `"`), Meaning: meanings[fmt.Sprint(name)]}
		if seconds, err := strconv.ParseInt(string(raw), 10, 64); err == nil && slices.Contains([]string{"exp", "iat", "auth_time", "nbf"}, v.Name) {
			at := time.Unix(seconds, 0)
			v.Meaning += ": " + at.UTC().Format("15:04:05 UTC") + ", " + relative(time.Until(at))
		}
		all = append(all, v)
	}
	return all
}

func relative(d time.Duration) string {
	d = d.Round(time.Second)
	if d < 0 {
		return (-d).String() + " ago"
	}
	return "in " + d.String()
}
