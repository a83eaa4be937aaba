package rp

import (
	"net/netip"
	"testing"
)

func TestSpecialUse(t *testing.T) {
	for _, special := range []string{
		"0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "127.255.255.254", "169.254.169.254", "172.16.0.1", "172.31.255.255",
		"192.0.0.1", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.19.255.255", "198.51.100.7", "203.0.113.9",
		"224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
		"::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:a9fe:a9fe", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::10.0.0.1",
		"64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1", "2002:7f00:1::", "3fff::1", "5f00::1", "fc00::1", "fd12:3456::1",
		"fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1",
	} {
		if !SpecialUse(netip.MustParseAddr(special)) {
			t.Errorf("%s is taken for a public address", special)
		}
	}
	for _, public := range []string{
		"1.1.1.1", "9.9.9.9", "100.63.255.255", "100.128.0.1", "172.15.255.255", "172.32.0.1", "192.167.255.255", "198.17.0.1",
		"198.20.0.1", "223.255.255.255", "::ffff:1.1.1.1", "64:ff9b::1.1.1.1", "2606:4700:4700::1111", "2a00:1450:4001:80b::200e",
	} {
		if SpecialUse(netip.MustParseAddr(public)) {
			t.Errorf("%s is refused", public)
		}
	}
	if !SpecialUse(netip.Addr{}) {
		t.Error("the invalid address is public")
	}
}

func TestGuardSeesTheSocket(t *testing.T) {
	if err := guard("tcp4", "1.1.1.1:443", nil); err != nil {
		t.Errorf("a public address: %v", err)
	}
	for _, address := range []string{"127.0.0.1:443", "[::ffff:127.0.0.1]:443", "[fe80::1%lo]:443", "localhost:443", ""} {
		if err := guard("tcp", address, nil); err == nil {
			t.Errorf("%q is admitted", address)
		}
	}
}
