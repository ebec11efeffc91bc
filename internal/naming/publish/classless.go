package publish

import (
	"net/netip"
	"strconv"
	"strings"

	"bundy/internal/dns/wire"
)

// classless reads the zone of a part of an IPv4 network of 256 addresses (RFC 2317): its first label says which part, as
// "64/26", "64-26" (first address and length of the prefix) or "64-127" (first and last address). Where the form with
// the dash can be read both ways, as in "24-31", it is first and last.
func classless(zone wire.Name) (netip.Prefix, bool) {
	if len(zone) <= len(wire.Root) {
		return netip.Prefix{}, false
	}
	network, ok := network24(zone.Parent())
	if !ok {
		return netip.Prefix{}, false
	}
	label := zone.Label()
	from, to, slash := strings.Cut(label, "/")
	if !slash {
		if from, to, ok = strings.Cut(label, "-"); !ok {
			return netip.Prefix{}, false
		}
	}
	first, ok1 := octet(from)
	last, ok2 := octet(to)
	if !ok1 || !ok2 {
		return netip.Prefix{}, false
	}
	network[3] = first
	address := netip.AddrFrom4(network)
	if size := int(last) - int(first) + 1; !slash && size > 1 && size&(size-1) == 0 && int(first)%size == 0 {
		bits := 32
		for ; size > 1; size /= 2 {
			bits--
		}
		return netip.PrefixFrom(address, bits), true
	}
	prefix := netip.PrefixFrom(address, int(last))
	return prefix, last > 24 && last <= 32 && prefix.Masked() == prefix
}

// network24 reads a name of three octets below in-addr.arpa.
func network24(n wire.Name) (network [4]byte, ok bool) {
	for i := 2; i >= 0; i-- {
		if n == wire.Root {
			return network, false
		}
		if network[i], ok = octet(n.Label()); !ok {
			return network, false
		}
		n = n.Parent()
	}
	return network, n.Equal("\x07in-addr\x04arpa\x00")
}

func octet(text string) (byte, bool) {
	v, err := strconv.ParseUint(text, 10, 8)
	return byte(v), err == nil && strconv.FormatUint(v, 10) == text
}

// ReverseZones gives the zones that the addresses of a subnet have their reverse names in, as they are usually cut: at
// the octets of IPv4, and at the half-octets of IPv6. A subnet between two cuts has those of the longer one, which are
// bounded: up to 128 of IPv4 and 8 of IPv6. One smaller than 256 addresses of IPv4 has the zone of those 256.
func ReverseZones(subnet netip.Prefix) []wire.Name {
	subnet = subnet.Masked()
	step, most := 4, 128
	if subnet.Addr().Is4() {
		step, most = 8, 24
	}
	bits := min((subnet.Bits()+step-1)/step*step, most)
	if bits == 0 {
		bits = step
	}
	labels := bits / step
	var out []wire.Name
	for i := 0; i < 1<<max(bits-subnet.Bits(), 0); i++ {
		address := subnet.Addr().AsSlice()
		last := (bits - 1) / 8
		if step == 8 || bits%8 == 0 {
			address[last] += byte(i)
		} else {
			address[last] += byte(i) << 4
		}
		a, _ := netip.AddrFromSlice(address)
		name := ReverseName(a)
		for range len(address)*8/step - labels {
			name = name.Parent()
		}
		out = append(out, name)
	}
	return out
}
