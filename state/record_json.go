package state

import (
	"fmt"
	"slices"
)

// The private members of an encoded record. An item cannot be called so.
const (
	memberState = "_state"
	memberKept  = "_kept"
	memberLinks = "_links"
)

// Limits of what ParseRecord reads.
const (
	maxItems = 64 // top-level members of a record
	maxKept  = 64 // private values, and look-ups
	maxDepth = 32 // of JSON
)

// Encode returns everything a record holds, secrets included, as one line of
// JSON. ParseRecord reads it. Equal records give equal bytes.
func (r Record) Encode() ([]byte, error) { return r.append(make([]byte, 0, r.size())) }

// size is at least the length of the encoding, unless something is escaped.
func (r *Record) size() int {
	n := len(`{"iss":"","_state":"","_kept":{},"_links":[]}`) + len(r.Issuer) + len(r.State)
	for i := range r.items {
		if r.items[i] != nil {
			n += len(itemNames[i]) + len(`"":,`) + len(r.items[i])
		}
	}
	for _, e := range r.extra {
		n += len(e.name) + len(`"":,`) + len(e.value)
	}
	for i := range r.kept {
		n += len(r.kept[i].name) + len(`"":"",`) + len(r.kept[i].value)
	}
	for i := range r.links {
		n += len(r.links[i].group) + len(`"",`)
	}
	return n
}

func (r *Record) append(b []byte) ([]byte, error) {
	var err error
	if r.invalid != "" {
		return nil, fmt.Errorf("%w: %s", ErrMalformed, r.invalid)
	}
	if r.State == "" {
		return nil, fmt.Errorf("%w: no state", ErrMalformed)
	}
	if r.crowded() {
		return nil, fmt.Errorf("%w: too many items, private values or look-ups", ErrTooLarge)
	}
	b = append(b, '{')
	if r.Issuer != "" {
		b = append(b, `"iss":`...)
		if b, err = appendString(b, r.Issuer); err != nil {
			return nil, fmt.Errorf("%w: iss", err)
		}
		b = append(b, ',')
	}
	for i := range r.items {
		if b, err = appendItem(b, itemNames[i], item{r.items[i], r.changed[i]}); err != nil {
			return nil, err
		}
	}
	for _, e := range r.extra {
		if b, err = appendItem(b, e.name, e.item); err != nil {
			return nil, err
		}
	}
	b = append(b, `"`+memberState+`":`...)
	if b, err = appendString(b, r.State); err != nil {
		return nil, fmt.Errorf("%w: state", err)
	}
	if b, err = r.appendKept(b); err != nil {
		return nil, err
	}
	b = r.appendLinks(b)
	b = append(b, '}')
	if len(b) > MaxValue {
		return nil, fmt.Errorf("%w: record of %d bytes", ErrTooLarge, len(b))
	}
	return b, nil
}

// crowded reports whether the record has more in it than ParseRecord takes.
func (r *Record) crowded() bool {
	items, kept, links := 4, 0, 0 // the issuer and the private members
	for i := range r.items {
		if r.items[i] != nil {
			items++
		}
	}
	for i := range r.extra {
		if r.extra[i].value != nil {
			items++
		}
	}
	for i := range r.kept {
		if r.kept[i].value != "" {
			kept++
		}
	}
	for i := range r.links {
		if !r.links[i].removed {
			links++
		}
	}
	return items > maxItems || kept > maxKept || links > maxKept
}

func appendItem(b []byte, name string, it item) ([]byte, error) {
	if it.value == nil {
		return b, nil
	}
	if it.changed { // what was read is JSON
		if end, err := scanValue(it.value, 0, 1); err != nil || end != len(it.value) {
			return nil, fmt.Errorf("%w: %s is not JSON", ErrMalformed, name)
		}
	}
	b = append(b, '"')
	b = append(b, name...)
	b = append(b, '"', ':')
	b = append(b, it.value...)
	return append(b, ','), nil
}

// isObject reports whether a private value is a JSON object, such as claims, that can
// stand in the encoding as it is. Everything else is written as text.
func isObject(value string) bool {
	if value == "" || value[0] != '{' {
		return false
	}
	const inside = 2 // the record, and its private values
	end, err := scanValue([]byte(value), 0, inside)
	return err == nil && end == len(value)
}

func (r *Record) appendKept(b []byte) ([]byte, error) {
	var err error
	open := false
	for i := range r.kept {
		k := &r.kept[i]
		if k.value == "" {
			continue
		}
		if open {
			b = append(b, ',')
		} else {
			b = append(b, `,"`+memberKept+`":{`...)
			open = true
		}
		if b, err = appendString(b, k.name); err != nil {
			return nil, fmt.Errorf("%w: name of a private value", err)
		}
		b = append(b, ':')
		if k.object {
			b = append(b, k.value...)
			continue
		}
		if b, err = appendString(b, k.value); err != nil {
			return nil, fmt.Errorf("%w: private value %s", err, k.name)
		}
	}
	if open {
		b = append(b, '}')
	}
	return b, nil
}

func (r *Record) appendLinks(b []byte) []byte {
	open := false
	for i := range r.links {
		if r.links[i].removed {
			continue
		}
		if open {
			b = append(b, ',')
		} else {
			b = append(b, `,"`+memberLinks+`":[`...)
			open = true
		}
		b = append(b, '"')
		b = append(b, r.links[i].group...)
		b = append(b, '"')
	}
	if open {
		b = append(b, ']')
	}
	return b
}

// ParseRecord reads what Encode wrote. It refuses what Encode does not write:
// unknown private members, duplicates, data after the object. The error never
// shows a value.
func ParseRecord(data []byte) (Record, error) {
	if len(data) > MaxValue {
		return Record{}, fmt.Errorf("%w: record of %d bytes", ErrTooLarge, len(data))
	}
	var r Record
	members := 0
	end, err := scanObject(data, 0, func(name, value []byte) error {
		if members++; members > maxItems {
			return malformed("too many items")
		}
		return r.member(name, value)
	})
	if err == nil && skipSpace(data, end) != len(data) {
		err = malformed("data after the record")
	}
	if err == nil && r.State == "" {
		err = malformed("no state")
	}
	if err != nil {
		return Record{}, err
	}
	return r, nil
}

func malformed(what string) error { return fmt.Errorf("%w: %s", ErrMalformed, what) }

// member takes one member of an encoded record. scanObject has refused
// duplicates.
func (r *Record) member(name, value []byte) error {
	for i := range itemNames {
		if itemNames[i] == string(name) {
			r.items[i] = value[:len(value):len(value)]
			return nil
		}
	}
	switch string(name) {
	case ItemIssuer:
		return readText(&r.Issuer, ItemIssuer, value)
	case memberState:
		return readText(&r.State, memberState, value)
	case memberKept:
		return r.readKept(value)
	case memberLinks:
		return r.readLinks(value)
	}
	if !isItemName(string(name)) {
		return malformed("name of an item")
	}
	e := namedItem{name: string(name), item: item{value: value[:len(value):len(value)]}}
	at, _ := slices.BinarySearchFunc(r.extra, e.name, namedItem.compare)
	r.extra = slices.Insert(r.extra, at, e)
	return nil
}

func readText(into *string, what string, value []byte) error {
	if len(value) < 3 || value[0] != '"' {
		return malformed(what + " is no text")
	}
	// The value was scanned already.
	text, _, err := scanText(value, 0)
	if err != nil {
		return err
	}
	*into = string(text)
	return nil
}

func (r *Record) readKept(value []byte) error {
	r.kept = make([]keptValue, 0, 8)
	_, err := scanObject(value, 0, func(name, value []byte) error {
		if len(r.kept) == maxKept {
			return malformed("too many private values")
		}
		k := keptValue{name: internKept(name), object: value[0] == '{'}
		if k.object {
			k.value = string(value)
		} else if err := readText(&k.value, "a private value", value); err != nil {
			return err
		}
		at := len(r.kept)
		if at > 0 && r.kept[at-1].name > k.name {
			at, _ = slices.BinarySearchFunc(r.kept, k.name, keptValue.compare)
		}
		r.kept = slices.Insert(r.kept, at, k)
		return nil
	})
	return err
}

// keptNames are the names that most records have.
var keptNames = [...]string{
	KeptNonce, KeptCodeVerifier, KeptBinding, KeptRedirectURI, KeptIDTokenClaims, KeptExpiry, KeptTokenRequestSent, keptCreated,
}

func internKept(name []byte) string {
	for _, known := range keptNames {
		if known == string(name) {
			return known
		}
	}
	return string(name)
}

func (r *Record) readLinks(value []byte) error {
	_, err := scanArray(value, 0, func(value []byte) error {
		var l link
		if err := readText(&l.group, "a look-up", value); err != nil {
			return err
		}
		if len(r.links) == maxKept || len(l.group) != len(prefixGroup)+len(digest{}) || !isKey(l.group) {
			return malformed("a look-up")
		}
		at, found := r.findLink(l.group)
		if found {
			return malformed("a look-up twice")
		}
		r.links = slices.Insert(r.links, at, l)
		return nil
	})
	return err
}
