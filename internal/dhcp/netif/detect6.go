package netif

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Interface6 is one network interface as a DHCPv6 server sees it, at the moment of Detect6.
type Interface6 struct {
	Index     int
	Name      string
	HWAddr    string       // raw octets
	LinkLocal netip.Addr   // without zone; invalid while there is none that is ready
	Addrs     []netip.Addr // the others that are ready, in the order of the system
	Up        bool         // administratively up and running
	Multicast bool
	Loopback  bool
}

// Has tells whether a is one of the interface's addresses.
func (i Interface6) Has(a netip.Addr) bool { return a == i.LinkLocal || slices.Contains(i.Addrs, a) }

// Detect6 lists the interfaces that are there now.
func Detect6() ([]Interface6, error) {
	for tries := 1; ; tries++ {
		all, err := detect6()
		if tries == detectTries || !errors.Is(err, netlink.ErrDumpInterrupted) {
			return all, err
		}
	}
}

func detect6() ([]Interface6, error) {
	links, err := netlink.LinkList()
	if err != nil {
		return nil, fmt.Errorf("list network interfaces: %w", err)
	}
	addrs, err := netlink.AddrList(nil, netlink.FAMILY_V6)
	if err != nil {
		return nil, fmt.Errorf("list network addresses: %w", err)
	}
	byIndex := map[int][]netip.Addr{}
	for _, a := range addrs {
		const unready = unix.IFA_F_TENTATIVE | unix.IFA_F_DADFAILED
		if ip, ok := netip.AddrFromSlice(a.IP.To16()); ok && a.Flags&unready == 0 {
			byIndex[a.LinkIndex] = append(byIndex[a.LinkIndex], ip)
		}
	}
	var out []Interface6
	for _, l := range links {
		a := l.Attrs()
		i := Interface6{
			Index: a.Index, Name: a.Name, HWAddr: string(a.HardwareAddr),
			Up:        a.Flags&net.FlagUp != 0 && a.RawFlags&unix.IFF_RUNNING != 0,
			Multicast: a.Flags&net.FlagMulticast != 0,
			Loopback:  a.Flags&net.FlagLoopback != 0,
		}
		for _, ip := range byIndex[a.Index] {
			if ip.IsLinkLocalUnicast() && !i.LinkLocal.IsValid() {
				i.LinkLocal = ip
			} else {
				i.Addrs = append(i.Addrs, ip)
			}
		}
		out = append(out, i)
	}
	return out, nil
}

// Endpoint6 is one socket that a server needs: of an interface, for what is sent to its link-local address and to the
// groups of servers; or of one address alone.
type Endpoint6 struct {
	Interface6
	Unicast netip.Addr // invalid: the socket of the interface
}

// String is the endpoint as in the configuration: "eth0", "eth0/2001:db8::1".
func (e Endpoint6) String() string {
	if e.Unicast.IsValid() {
		return e.Name + "/" + e.Unicast.String()
	}
	return e.Name
}

// Choose6 gives the endpoints to serve: of the interfaces that are up and have a link-local address, by name, and of the
// addresses beside the names, which must be there on an interface that is up; and what cannot be served of the choices, with the reasons.
func Choose6(all []Interface6, choices []Choice) (out []Endpoint6, unserved []Unserved) {
	star := slices.ContainsFunc(choices, func(c Choice) bool { return c.Name == "*" })
	there := map[string]bool{}
	for _, i := range all {
		there[i.Name] = true
		named := slices.ContainsFunc(choices, func(c Choice) bool { return c.Name == i.Name })
		if !named && (!star || i.Loopback) {
			continue
		}
		why := ""
		switch {
		case !i.Up:
			why = "the interface is down"
		case !i.Multicast:
			why = "the interface cannot do multicast"
		case !i.LinkLocal.IsValid():
			why = "the interface has no link-local address that is ready"
		}
		for _, c := range choices {
			if c.Name == i.Name && c.Address.IsValid() && i.Up {
				if !i.Has(c.Address) {
					unserved = append(unserved, Unserved{Endpoint6{i, c.Address}.String(), "the interface does not have this address, or it is not ready"})
					continue
				}
				out = append(out, Endpoint6{i, c.Address})
				if i.Loopback { // no clients are there, but relay agents of this machine may be
					why = ""
					named = false
				}
			}
		}
		if why == "" && (named || star && !i.Loopback) {
			out = append(out, Endpoint6{Interface6: i})
		} else if why != "" && named {
			unserved = append(unserved, Unserved{i.Name, why})
		}
	}
	for _, c := range choices {
		if u := (Unserved{c.Name, "there is no such interface"}); c.Name != "*" && !there[c.Name] && !slices.Contains(unserved, u) {
			unserved = append(unserved, u)
		}
	}
	return out, unserved
}
