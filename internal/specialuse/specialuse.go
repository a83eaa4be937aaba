// Package specialuse knows the addresses that are not part of the public Internet. It
// keeps relying party and provider out of their own networks: a URL that a peer supplied
// must not lead there (rules transport_address and op_outbound).
package specialuse

import "net/netip"

// blocks4 and blocks6 are the blocks of the IANA special-purpose address
// registries (RFC 6890), with multicast and what is reserved.
var blocks4 = prefixes(
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

var blocks6 = prefixes(
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

// Contains reports whether addr lies in a block that is not part of the public
// Internet: private, loopback, link-local, shared, documentation, multicast or
// reserved (RFC 6890 and its registries). IPv4 addresses inside IPv6 ones are
// judged as what they are, be they mapped (RFC 4291, Section 2.5.5.2) or
// translated (NAT64, RFC 6052, Section 2.1). The invalid address is special.
func Contains(addr netip.Addr) bool {
	addr = addr.WithZone("").Unmap()
	if nat64.Contains(addr) {
		bytes := addr.As16()
		addr = netip.AddrFrom4([4]byte(bytes[12:]))
	}
	if addr.Is4() {
		return within(addr, blocks4)
	}
	return !globalUnicast6.Contains(addr) || within(addr, blocks6)
}

func within(addr netip.Addr, blocks []netip.Prefix) bool {
	for _, block := range blocks {
		if block.Contains(addr) {
			return true
		}
	}
	return false
}
