package clientauth

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/oidcservice/oidc/message"
)

// withSubject is a certificate whose subject has these attributes, each a part of its own but
// for those that begin with +, in the order in which they are encoded.
func withSubject(t testing.TB, attributes ...string) *x509.Certificate {
	t.Helper()
	var sequence pkix.RDNSequence
	for _, a := range attributes {
		name, value, _ := strings.Cut(a, "=")
		joined := strings.HasPrefix(name, "+")
		oid, err := x509.ParseOID(attributeTypes[strings.TrimPrefix(name, "+")])
		if err != nil {
			t.Fatal(err)
		}
		var id asn1.ObjectIdentifier
		if der, err := oid.MarshalBinary(); err != nil {
			t.Fatal(err)
		} else if _, err := asn1.Unmarshal(append([]byte{asn1.TagOID, byte(len(der))}, der...), &id); err != nil {
			t.Fatal(err)
		}
		one := pkix.AttributeTypeAndValue{Type: id, Value: value}
		if joined {
			sequence[len(sequence)-1] = append(sequence[len(sequence)-1], one)
			continue
		}
		sequence = append(sequence, pkix.RelativeDistinguishedNameSET{one})
	}
	raw, err := asn1.Marshal(sequence)
	if err != nil {
		t.Fatal(err)
	}
	return &x509.Certificate{RawSubject: raw}
}

// RFC 8705, Section 2.1.2: the registered subject is a string of RFC 4514, which has several
// for one name.
func TestDistinguishedNames(t *testing.T) {
	plain := withSubject(t, "C=US", "O=Example, Inc.", "OU=A+B", "CN=rp.example")
	upsideDown := withSubject(t, "CN=rp.example", "O=Example")
	domain := withSubject(t, "DC=com", "DC=example", "+UID=17", "EMAILADDRESS=a@b.example", "ORGANIZATIONIDENTIFIER=PSDGB-FCA-1")
	for _, tt := range []struct {
		cert *x509.Certificate
		name string
		fits bool
	}{
		{plain, `CN=rp.example,OU=A\+B,O=Example\, Inc.,C=US`, true},
		{plain, `cn=rp.example, ou=A\2bB , o=Example\2c Inc. ,c=US`, true},
		{plain, `2.5.4.3=rp.example,2.5.4.11=A\+B,O=#0c0d4578616d706c652c20496e632e,C=US`, true},
		{plain, `C=US,O=Example\, Inc.,OU=A\+B,CN=rp.example`, false},
		{plain, `CN=RP.example,OU=A\+B,O=Example\, Inc.,C=US`, false},
		{plain, `CN=rp.example,OU=A\+B,O=Example\, Inc.`, false},
		{plain, `CN=rp.example`, false},
		{plain, `CN=rp.example,OU=A+B,O=Example\, Inc.,C=US`, false},
		{plain, `CN=rp.example,OU=A\+B,O=Example, Inc.,C=US`, false},
		{upsideDown, `O=Example,CN=rp.example`, true},
		{upsideDown, `CN=rp.example,O=Example`, false},
		{domain, `2.5.4.97=PSDGB-FCA-1,emailAddress=a@b.example,DC=example+UID=17,DC=com`, true},
		{domain, `organizationIdentifier=PSDGB-FCA-1,1.2.840.113549.1.9.1=#160b6140622e6578616d706c65,UID=17+dc=example,dc=com`, true},
		{withSubject(t, "CN= rp  "), `CN=\ rp \ `, true},
		{withSubject(t, "CN=#1"), `CN=\#1`, true},
		{withSubject(t, "CN="), `CN=`, true},
		{withSubject(t, "CN=Zoë"), `CN=Zo\C3\AB`, true},
		{withSubject(t, "CN=<nil>"), `CN=\<nil\>`, true},
		{withSubject(t, "CN=<nil>"), `CN=#1a0141`, false}, // a type of text that Go does not read
		{withSubject(t, "CN=5"), `CN=#020105`, false},
	} {
		if got := (CertificateSubject{DN: tt.name}).fits(tt.cert); got != tt.fits {
			t.Errorf("%s fits %v", tt.name, got)
		}
	}
}

func TestCertificateSubjectCheck(t *testing.T) {
	for _, good := range []CertificateSubject{{DN: "CN=rp"}, {DNS: "rp.example"}, {URI: "https://rp.example"}, {IP: "::1"}, {Email: "a@b"}} {
		if err := good.Check(); err != nil {
			t.Errorf("%+v: %v", good, err)
		}
	}
	for _, bad := range []CertificateSubject{
		{}, {DN: "CN=rp", DNS: "rp"}, {IP: "rp.example"}, {DN: "rp"}, {DN: "=rp"}, {DN: "CN=rp,"}, {DN: `CN=a"b`}, {DN: `CN=a\`}, {DN: `CN=a\zz`},
		{DN: "CN=#zz"}, {DN: "CN=#0c02"}, {DN: "CN=#020105"}, {DN: "CN=#1a0141"}, {DN: "FOO=rp"}, {DN: "CN=a;O=b"},
	} {
		var v *message.Violation
		if err := bad.Check(); !errors.As(err, &v) || v.Rule != message.RuleOPClientMTLS || v.Param == "" {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

// What is written of a name is read as that name.
func FuzzDistinguishedName(f *testing.F) {
	f.Add("rp.example", "Example, Inc.", "+,=;<>#\" \\")
	f.Add("", " ", "#0c01")
	f.Fuzz(func(t *testing.T, cn, o, ou string) {
		for _, v := range []string{cn, o, ou} {
			if !utf8.ValidString(v) || strings.ContainsRune(v, 0) {
				return // no subject
			}
		}
		cert := withSubject(t, "O="+o, "OU="+ou, "CN="+cn)
		var sequence pkix.RDNSequence
		if _, err := asn1.Unmarshal(cert.RawSubject, &sequence); err != nil {
			t.Fatal(err)
		}
		if written := sequence.String(); !hasSubject(cert, written) {
			t.Errorf("%q is not read as it is written", written)
		}
	})
}
