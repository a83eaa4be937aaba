package rp

import (
	"net/netip"
	"syscall"

	"github.com/oidcservice/oidc/message"
)

// A URL that a peer supplied must not become a way into our own network (rule
// transport_address). Names say nothing, since a name may resolve to anything and
// to something else a moment later: what counts is the address of the socket, at
// the moment it is connected.

// specialUse4 and specialUse6 are the blocks of the IANA special-purpose address
// registries (RFC 6890), with multicast and what is reserved.
var specialUse4 = prefixes(
	"0.0.0.0/8",       // this network
	"10.0.0.0/8",      // private use
	"100.64.0.0/10",   // shared address space
	"127.0.0.0/8",     // loopback
	"169.254.0.0/16",  // link local, and the metadata services of clouds
	"172.16.0.0/12",   // private use
	"192.0.0.0/24",    // IETF protocol assignments
	"192.0.2.0/24",    // documentation
	"192.31.196.0/24", // AS112
	"192.52.193.0/24", // AMT
	"192.88.99.0/24",  // 6to4 relay anycast
	"192.168.0.0/16",  // private use
	"192.175.48.0/24", // AS112
	"198.18.0.0/15",   // benchmarking
	"198.51.100.0/24", // documentation
	"203.0.113.0/24",  // documentation
	"224.0.0.0/4",     // multicast
	"240.0.0.0/4",     // reserved, and limited broadcast
)

var specialUse6 = prefixes(
	"2001::/23",         // IETF protocol assignments: Teredo, ORCHID, benchmarking
	"2001:db8::/32",     // documentation
	"2002::/16",         // 6to4, which hides an IPv4 address
	"2620:4f:8000::/48", // AS112
	"3fff::/20",         // documentation
)

var (
	globalUnicast6 = netip.MustParsePrefix("2000::/3")
	nat64          = netip.MustParsePrefix("64:ff9b::/96")
)

func prefixes(texts ...string) []netip.Prefix {
	all := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		all[i] = netip.MustParsePrefix(text)
	}
	return all
}

// SpecialUse reports whether addr lies in a block that is not part of the public
// Internet: private, loopback, link-local, shared, documentation, multicast or
// reserved (RFC 6890 and its registries). IPv4 addresses inside IPv6 ones are
// judged as what they are, be they mapped (RFC 4291, Section 2.5.5.2) or
// translated (NAT64, RFC 6052, Section 2.1). The invalid address is special.
func SpecialUse(addr netip.Addr) bool {
	addr = addr.WithZone("").Unmap()
	if nat64.Contains(addr) {
		bytes := addr.As16()
		addr = netip.AddrFrom4([4]byte(bytes[12:]))
	}
	if addr.Is4() {
		return within(addr, specialUse4)
	}
	return !globalUnicast6.Contains(addr) || within(addr, specialUse6)
}

func within(addr netip.Addr, blocks []netip.Prefix) bool {
	for _, block := range blocks {
		if block.Contains(addr) {
			return true
		}
	}
	return false
}

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
