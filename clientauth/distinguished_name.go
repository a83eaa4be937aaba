package clientauth

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
)

// attributeTypes are the names of attribute types that may stand in a distinguished name, in
// upper case (RFC 4514, Section 3, and what certificates have besides). Other types stand by
// their object identifiers.
var attributeTypes = map[string]string{
	"CN": "2.5.4.3", "SN": "2.5.4.4", "SERIALNUMBER": "2.5.4.5", "C": "2.5.4.6", "L": "2.5.4.7", "ST": "2.5.4.8",
	"STREET": "2.5.4.9", "O": "2.5.4.10", "OU": "2.5.4.11", "POSTALCODE": "2.5.4.17", "GIVENNAME": "2.5.4.42",
	"ORGANIZATIONIDENTIFIER": "2.5.4.97", "DC": "0.9.2342.19200300.100.1.25", "UID": "0.9.2342.19200300.100.1.1",
	"EMAILADDRESS": "1.2.840.113549.1.9.1",
}

var errDN = errors.New("clientauth: not a distinguished name of RFC 4514")

// A relativeName is the sorted attributes of one part of a distinguished name.
type relativeName []attribute

type attribute struct{ oid, value string }

func (n relativeName) sorted() relativeName {
	slices.SortFunc(n, func(a, b attribute) int { return strings.Compare(a.oid+"\x00"+a.value, b.oid+"\x00"+b.value) })
	return n
}

// parseDN reads a distinguished name (RFC 4514, Section 3), the most specific part first, as
// it is written. Spaces around separators do not count.
func parseDN(text string) ([]relativeName, error) {
	var all []relativeName
	for _, part := range splitDN(text, ',') {
		var name relativeName
		for _, pair := range splitDN(part, '+') {
			a, err := parseAttribute(pair)
			if err != nil {
				return nil, err
			}
			name = append(name, a)
		}
		all = append(all, name.sorted())
	}
	return all, nil
}

// splitDN splits at a separator that is not escaped.
func splitDN(text string, separator byte) []string {
	var parts []string
	start := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case separator:
			parts = append(parts, text[start:i])
			start = i + 1
		}
	}
	return append(parts, text[start:])
}

func parseAttribute(pair string) (attribute, error) {
	name, value, found := strings.Cut(pair, "=")
	name = strings.ToUpper(strings.TrimSpace(name))
	oid, known := attributeTypes[name]
	if !known {
		oid = name
	}
	if !found || oid == "" || strings.Trim(oid, "0123456789.") != "" {
		return attribute{}, errDN
	}
	value = strings.TrimLeft(value, " ")
	if encoded, ok := strings.CutPrefix(value, "#"); ok {
		decoded, err := decodeAttribute(strings.TrimSpace(encoded))
		return attribute{oid, decoded}, err
	}
	value, err := unescape(value)
	return attribute{oid, value}, err
}

// decodeAttribute reads a value that stands as its encoding (RFC 4514, Section 2.4).
func decodeAttribute(digits string) (string, error) {
	der, err := hex.DecodeString(digits)
	if err != nil {
		return "", errDN
	}
	var value any
	if rest, err := asn1.Unmarshal(der, &value); err != nil || len(rest) > 0 {
		return "", errDN
	}
	return textOf(value)
}

// textOf refuses a value that is no text: no certificate that is read has another.
func textOf(value any) (string, error) {
	text, ok := value.(string)
	if !ok {
		return "", errDN
	}
	return text, nil
}

// unescape reads the characters that stand behind backslashes, as they are or as two digits.
func unescape(value string) (string, error) {
	var b strings.Builder
	kept := 0 // what trailing spaces that are not escaped leave
	for i := 0; i < len(value); i++ {
		c := value[i]
		if c != '\\' {
			if strings.IndexByte("\"<>;\x00", c) >= 0 {
				return "", errDN
			}
			b.WriteByte(c)
			if c != ' ' {
				kept = b.Len()
			}
			continue
		}
		rest := value[i+1:]
		switch {
		case rest != "" && strings.IndexByte(` "#+,;<=>\`, rest[0]) >= 0:
			b.WriteByte(rest[0])
			i++
		case len(rest) >= 2:
			octet, err := hex.DecodeString(rest[:2])
			if err != nil {
				return "", errDN
			}
			b.WriteByte(octet[0])
			i += 2
		default:
			return "", errDN
		}
		kept = b.Len()
	}
	return b.String()[:kept], nil
}

// subjectOf is the subject of a certificate, the most specific part first, in the order in
// which it stands there.
func subjectOf(cert *x509.Certificate) ([]relativeName, error) {
	var sequence pkix.RDNSequence
	if rest, err := asn1.Unmarshal(cert.RawSubject, &sequence); err != nil || len(rest) > 0 {
		return nil, errDN
	}
	all := make([]relativeName, 0, len(sequence))
	for _, set := range slices.Backward(sequence) {
		var name relativeName
		for _, a := range set {
			text, err := textOf(a.Value)
			if err != nil {
				return nil, err
			}
			name = append(name, attribute{a.Type.String(), text})
		}
		all = append(all, name.sorted())
	}
	return all, nil
}

// hasSubject reports whether a certificate has the subject that was registered. Names are
// compared by their attributes, since one has several spellings: case of the types, types by
// number, escapes. Values are compared as they are.
func hasSubject(cert *x509.Certificate, registered string) bool {
	want, err := parseDN(registered)
	if err != nil {
		return false
	}
	got, err := subjectOf(cert)
	return err == nil && slices.EqualFunc(want, got, func(a, b relativeName) bool { return slices.Equal(a, b) })
}
