package state

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The items of a record that have a place of their own, in the order in which
// Items lists them: the names of the original state database.
const (
	ItemIssuer               = "iss"                    // where the login goes
	ItemAuthRequest          = "auth_request"           // OpenID Connect Core 1.0, Section 3.1.2.1
	ItemAuthResponse         = "auth_response"          // OpenID Connect Core 1.0, Section 3.1.2.5
	ItemTokenResponse        = "token_response"         // OpenID Connect Core 1.0, Section 3.1.3.3
	ItemRefreshTokenRequest  = "refresh_token_request"  // OpenID Connect Core 1.0, Section 12.1
	ItemRefreshTokenResponse = "refresh_token_response" // OpenID Connect Core 1.0, Section 12.2
	ItemUserInfo             = "user_info"              // OpenID Connect Core 1.0, Section 5.3.2
)

// itemNames is the fixed order, without the issuer, which has a field.
var itemNames = [...]string{
	ItemAuthRequest, ItemAuthResponse, ItemTokenResponse,
	ItemRefreshTokenRequest, ItemRefreshTokenResponse, ItemUserInfo,
}

// Names of private values, for Keep and Kept. Others may be used beside them.
const (
	KeptNonce            = "nonce"              // OpenID Connect Core 1.0, Section 15.5.2
	KeptCodeVerifier     = "code_verifier"      // RFC 7636, Section 4.1
	KeptBinding          = "binding"            // hash of what only the browser holds: RFC 6749, Section 10.12
	KeptRedirectURI      = "redirect_uri"       // RFC 6749, Section 4.1.3
	KeptDPoPThumbprint   = "dpop_jkt"           // RFC 9449, Section 10
	KeptIDTokenClaims    = "id_token_claims"    // the claims of the verified ID Token, JSON
	KeptExpiry           = "expiry"             // when the access token expires: RFC 6749, Section 5.1
	KeptTokenRequestSent = "token_request_sent" // a code is sent once: RFC 6749, Section 4.1.2
	KeptReturnTo         = "return_to"          // OpenID Connect Core 1.0, Section 4: target_link_uri
	keptCreated          = "created"
)

// A Record is what is remembered of one login. It has listed items, which are
// JSON values, and private values, which are never listed and never printed:
// a Record shows neither in a log.
//
// A Record is a value. Changing a copy leaves the other as it was; the bytes
// given to Set and got from Item are shared and must not be written to.
type Record struct {
	State  string // RFC 6749, Section 4.1.1
	Issuer string // OpenID Connect Core 1.0, Section 2: iss

	items   [len(itemNames)][]byte // nil: absent
	changed [len(itemNames)]bool   // since the record was read
	extra   []namedItem            // sorted by name, copied on write
	kept    []keptValue            // sorted by name, copied on write
	links   []link                 // sorted by group, copied on write
	invalid string                 // the first bad name given to Set

	// stored is what the store held when the record was read from it.
	stored []byte
	// decoded is shared by all copies of a record that was read.
	decoded *decodings
}

type item struct {
	value   []byte // nil: absent
	changed bool   // since the record was read
}

type namedItem struct {
	name string
	item
}

type keptValue struct {
	name, value string // value "": absent
	object      bool   // the value is a JSON object
	changed     bool
}

type link struct {
	group   string
	removed bool
	changed bool
	joined  bool // a moment ago: the group need not be told again
}

func (e namedItem) compare(name string) int { return strings.Compare(e.name, name) }
func (k keptValue) compare(name string) int { return strings.Compare(k.name, name) }
func (l link) compare(group string) int     { return strings.Compare(l.group, group) }

// NewRecord returns the record of a login that is about to begin.
func NewRecord(state, issuer string) Record {
	return Record{State: state, Issuer: issuer, decoded: new(decodings)}
}

// Set stores value, a JSON value, under the item's name, and removes the item
// if value is nil. Besides the constants a name may be any other in lower
// case, [a-z][a-z0-9_]*, for services of one's own. ItemIssuer sets the field.
// That value is JSON and name is a name is checked when the record is stored. The record
// and the DB keep value as it is, so that nobody may write to it any more.
func (r *Record) Set(name string, value []byte) {
	for i := range itemNames {
		if itemNames[i] == name {
			r.items[i], r.changed[i] = value, true
			return
		}
	}
	if name == ItemIssuer {
		issuer, end, err := scanText(value, 0)
		if value != nil && (err != nil || end != len(value)) {
			r.bad(name)
			return
		}
		r.Issuer = string(issuer)
		return
	}
	if !isItemName(name) {
		r.bad(name)
		return
	}
	at, found := slices.BinarySearchFunc(r.extra, name, namedItem.compare)
	r.extra = slices.Clone(r.extra)
	if !found {
		r.extra = slices.Insert(r.extra, at, namedItem{name: name})
	}
	r.extra[at].item = item{value, true}
}

func (r *Record) bad(name string) {
	if r.invalid == "" {
		r.invalid = "item " + strconv.Quote(name)
	}
}

// Item returns the JSON value of an item, nil if it is absent. It is shared: nobody may
// write to it.
func (r Record) Item(name string) []byte {
	for i := range itemNames {
		if itemNames[i] == name {
			return r.items[i]
		}
	}
	if name == ItemIssuer && r.Issuer != "" {
		issuer, err := appendString(nil, r.Issuer)
		if err != nil {
			return nil
		}
		return issuer
	}
	for _, e := range r.extra {
		if e.name == name {
			return e.value
		}
	}
	return nil
}

// Items lists the items that are present: the constants in their order, then
// others by name.
func (r Record) Items() []string {
	names := make([]string, 0, 1+len(itemNames)+len(r.extra))
	if r.Issuer != "" {
		names = append(names, ItemIssuer)
	}
	for i := range itemNames {
		if r.items[i] != nil {
			names = append(names, itemNames[i])
		}
	}
	for _, e := range r.extra {
		if e.value != nil {
			names = append(names, e.name)
		}
	}
	return names
}

// Keep stores a private value, and removes it if value is "".
func (r *Record) Keep(name, value string) {
	at, found := slices.BinarySearchFunc(r.kept, name, keptValue.compare)
	if found && r.kept[at].value == value {
		return
	}
	if !found && value == "" && r.stored == nil {
		return
	}
	kept := make([]keptValue, 0, len(r.kept)+1)
	kept = append(append(kept, r.kept[:at]...), keptValue{name: name, value: value, object: isObject(value), changed: true})
	if found {
		at++
	}
	r.kept = append(kept, r.kept[at:]...)
}

// Kept returns a private value, "" if it is absent.
func (r Record) Kept(name string) string {
	for i := range r.kept {
		if r.kept[i].name == name {
			return r.kept[i].value
		}
	}
	return ""
}

// Link names the login by kind and value, so that DB.States finds it from the
// next Begin or Save on.
func (r *Record) Link(kind, value string) { r.setLink(storeKey(prefixGroup, kind, value), false) }

// Unlink takes the name away again, from the next Save on.
func (r *Record) Unlink(kind, value string) { r.setLink(storeKey(prefixGroup, kind, value), true) }

// Linked tells whether the login is named by kind and value.
func (r Record) Linked(kind, value string) bool {
	return r.linked(storeKey(prefixGroup, kind, value))
}

func (r *Record) linked(group string) bool {
	at, found := r.findLink(group)
	return found && !r.links[at].removed
}

func (r *Record) findLink(group string) (int, bool) {
	return slices.BinarySearchFunc(r.links, group, link.compare)
}

func (r *Record) setLink(group string, removed bool) {
	at, found := r.findLink(group)
	if found && r.links[at].removed == removed {
		return
	}
	r.links = slices.Clone(r.links)
	if !found {
		r.links = slices.Insert(r.links, at, link{group: group})
	}
	r.links[at] = link{group: group, removed: removed, changed: true}
}

// SetCreated notes when the login began. The package tells no time itself.
func (r *Record) SetCreated(t time.Time) {
	r.Keep(keptCreated, strconv.FormatInt(t.Unix(), 10))
}

// Created returns when the login began, to the second; the zero time if that
// was not noted.
func (r Record) Created() time.Time {
	seconds, err := strconv.ParseInt(r.Kept(keptCreated), 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}

// tokenItems carry tokens, the latest first.
var tokenItems = [...]string{ItemRefreshTokenResponse, ItemTokenResponse, ItemAuthResponse}

// Latest returns the JSON value of a member, such as access_token, of the
// latest response that has it: the refresh token response, the token response,
// the authorization response. It returns nil if none has it.
func (r Record) Latest(member string) json.RawMessage {
	for _, name := range tokenItems {
		if value := memberOf(r.Item(name), member); value != nil {
			return value
		}
	}
	return nil
}

// Collect returns the members that names says, of the items that are present.
// Items are read in the order given: a later one wins. Where the claims of the
// verified ID Token were kept, they stand for the member id_token.
func (r Record) Collect(items []string, names ...string) map[string]json.RawMessage {
	found := make(map[string]json.RawMessage, len(names))
	for _, name := range items {
		value := r.Item(name)
		for _, member := range names {
			if v := memberOf(value, member); v != nil {
				found[member] = v
			}
		}
	}
	if _, ok := found[memberIDToken]; ok {
		if claims := r.Kept(KeptIDTokenClaims); claims != "" {
			found[memberIDToken] = json.RawMessage(claims)
		}
	}
	return found
}

const memberIDToken = "id_token"

// merge returns now with what was changed in r since it was read.
func (r *Record) merge(now Record) Record {
	if r.Issuer != "" {
		now.Issuer = r.Issuer
	}
	for i := range r.items {
		if r.changed[i] {
			now.items[i], now.changed[i] = r.items[i], true
		}
	}
	for _, e := range r.extra {
		if e.changed {
			now.Set(e.name, e.value)
		}
	}
	for _, k := range r.kept {
		if k.changed {
			now.Keep(k.name, k.value)
		}
	}
	for _, l := range r.links {
		if l.changed {
			now.setLink(l.group, l.removed)
		}
	}
	now.invalid = r.invalid
	return now
}

// settled is the record as it is when value, its encoding, is read again: nothing has
// changed, and nothing that is absent has a place.
func (r Record) settled(value []byte) Record {
	clear(r.changed[:])
	if len(r.extra) > 0 {
		extra := make([]namedItem, 0, len(r.extra))
		for _, e := range r.extra {
			if e.value != nil {
				extra = append(extra, namedItem{e.name, item{value: e.value}})
			}
		}
		r.extra = extra
	}
	if len(r.kept) > 0 {
		kept := make([]keptValue, 0, len(r.kept))
		for _, k := range r.kept {
			if k.value != "" {
				k.changed = false
				kept = append(kept, k)
			}
		}
		r.kept = kept
	}
	if len(r.links) > 0 {
		links := make([]link, 0, len(r.links))
		for _, l := range r.links {
			if !l.removed {
				links = append(links, link{group: l.group})
			}
		}
		r.links = links
	}
	r.stored = value
	if r.decoded == nil {
		r.decoded = new(decodings)
	}
	return r
}

// fingerprint stands for the state where it must not be shown: the beginning
// of the login's key.
func (r *Record) fingerprint() string {
	if r.State == "" {
		return ""
	}
	d := digestOf(kindState, r.State)
	return string(d[:8])
}

// String tells which items are present, and no value but the issuer's.
func (r Record) String() string {
	return fmt.Sprintf("state.Record{%s %q %s}", r.fingerprint(), r.Issuer, strings.Join(r.Items(), " "))
}

// Format prints what String returns, whatever the verb: a record holds secrets.
func (r Record) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(r.String())) }

// LogValue tells which items are present, and no value but the issuer's.
func (r Record) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("login", r.fingerprint()),
		slog.String(ItemIssuer, r.Issuer),
		slog.Any("items", r.Items()),
	)
}

// MarshalJSON tells which items are present, and no value but the issuer's.
// Encode writes everything.
func (r Record) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Login  string   `json:"login"`
		Issuer string   `json:"iss"`
		Items  []string `json:"items"`
	}{r.fingerprint(), r.Issuer, r.Items()})
}

// Equal tells whether two records say the same.
func (r Record) Equal(other Record) bool {
	a, err := r.Encode()
	if err != nil {
		return false
	}
	b, err := other.Encode()
	return err == nil && bytes.Equal(a, b)
}
