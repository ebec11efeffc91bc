package option

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// parseRoutes reads "10.0.0.0/8 - 192.0.2.1, 0.0.0.0/0 - 192.0.2.2": networks and their routers. The wire form is the
// length of the prefix, the octets of it that matter, and the router (RFC 3442).
func parseRoutes(text string) ([]byte, error) {
	var out []byte
	for _, route := range split(text) {
		network, router, ok := strings.Cut(route, "-")
		p, perr := netip.ParsePrefix(strings.TrimSpace(network))
		r, rerr := netip.ParseAddr(strings.TrimSpace(router))
		if !ok || perr != nil || rerr != nil || !p.Addr().Is4() || !r.Is4() {
			return nil, fmt.Errorf(`%q is not a route "network/length - router"`, route)
		}
		if p.Masked() != p {
			return nil, fmt.Errorf("%q: bits behind the prefix are set", route)
		}
		out = append(out, byte(p.Bits()))
		out = append(out, p.Addr().AsSlice()[:(p.Bits()+7)/8]...)
		out = append(out, r.AsSlice()...)
	}
	return out, nil
}

func formatRoutes(data []byte) (string, error) {
	var out []string
	for len(data) > 0 {
		bits := int(data[0])
		size := (bits + 7) / 8
		if bits > 32 {
			return "", fmt.Errorf("prefix of %d bits", bits)
		}
		if len(data) < 1+size+4 {
			return "", errShort
		}
		var a [4]byte
		copy(a[:], data[1:1+size])
		p := netip.PrefixFrom(netip.AddrFrom4(a), bits)
		if p.Masked() != p {
			return "", fmt.Errorf("bits behind the prefix %s are set", p)
		}
		router := netip.AddrFrom4([4]byte(data[1+size:]))
		out = append(out, p.String()+" - "+router.String())
		data = data[1+size+4:]
	}
	if len(out) == 0 {
		return "", errors.New("no routes")
	}
	return strings.Join(out, ", "), nil
}
