package rp

import (
	"net/netip"
	"syscall"

	"github.com/oidcservice/oidc/internal/specialuse"
	"github.com/oidcservice/oidc/message"
)

// A URL that a peer supplied must not become a way into our own network (rule
// transport_address). Names say nothing, since a name may resolve to anything and
// to something else a moment later: what counts is the address of the socket, at
// the moment it is connected.

// SpecialUse reports whether addr lies in a block that is not part of the public
// Internet: private, loopback, link-local, shared, documentation, multicast or
// reserved (RFC 6890 and its registries). IPv4 addresses inside IPv6 ones are
// judged as what they are, be they mapped (RFC 4291, Section 2.5.5.2) or
// translated (NAT64, RFC 6052, Section 2.1). The invalid address is special.
func SpecialUse(addr netip.Addr) bool { return specialuse.Contains(addr) }

// guard is a net.Dialer's Control: it sees the address after resolution, just
// before the socket connects.
func guard(_, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return addressViolation(address, err)
	}
	if SpecialUse(ap.Addr()) {
		return addressViolation(ap.Addr().String(), nil)
	}
	return nil
}

func addressViolation(got string, err error) error {
	return &message.Violation{Rule: message.RuleTransportAddress, Param: "url", Got: got, Want: "a public address", Err: err}
}
