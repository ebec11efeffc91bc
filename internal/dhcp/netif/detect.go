package netif

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Interface is one network interface at the moment of Detect.
type Interface struct {
	Index    int
	Name     string
	HWAddr   string       // raw octets
	Addrs    []netip.Addr // IPv4, primary addresses first, in the order of the system
	Up       bool         // administratively up and running
	Loopback bool
	Ethernet bool // frames have Ethernet headers: clients can be reached by hardware address
}

// Has tells whether a is one of the interface's addresses.
func (i Interface) Has(a netip.Addr) bool { return slices.Contains(i.Addrs, a) }

// detectTries is how often a listing that was overtaken by a change is made again.
const detectTries = 3

// Detect lists the interfaces that are there now.
func Detect() ([]Interface, error) {
	for tries := 1; ; tries++ {
		all, err := detect()
		if tries == detectTries || !errors.Is(err, netlink.ErrDumpInterrupted) {
			return all, err
		}
	}
}

func detect() ([]Interface, error) {
	links, err := netlink.LinkList()
	if err != nil {
		return nil, fmt.Errorf("list network interfaces: %w", err)
	}
	addrs, err := netlink.AddrList(nil, netlink.FAMILY_V4)
	if err != nil {
		return nil, fmt.Errorf("list network addresses: %w", err)
	}
	byIndex := map[int][]netip.Addr{}
	for _, secondary := range []bool{false, true} {
		for _, a := range addrs {
			ip, ok := netip.AddrFromSlice(a.IP.To4())
			if ok && secondary == (a.Flags&unix.IFA_F_SECONDARY != 0) {
				byIndex[a.LinkIndex] = append(byIndex[a.LinkIndex], ip)
			}
		}
	}
	var out []Interface
	for _, l := range links {
		a := l.Attrs()
		out = append(out, Interface{
			Index: a.Index, Name: a.Name, HWAddr: string(a.HardwareAddr), Addrs: byIndex[a.Index],
			Up:       a.Flags&net.FlagUp != 0 && a.RawFlags&unix.IFF_RUNNING != 0,
			Loopback: a.Flags&net.FlagLoopback != 0,
			Ethernet: a.EncapType == "ether",
		})
	}
	return out, nil
}

// Choice is one configured entry of the interfaces to serve: "*", a name, or "name/address".
type Choice struct {
	Name    string
	Address netip.Addr // DHCPv4: serve it by this address alone; DHCPv6: serve this address besides; invalid: none
}

// ParseChoice reads an entry.
func ParseChoice(text string) (Choice, error) {
	name, address, has := strings.Cut(text, "/")
	if name == "" || strings.ContainsAny(name, " \t") {
		return Choice{}, fmt.Errorf("%q is no name of an interface", text)
	}
	if !has {
		return Choice{Name: name}, nil
	}
	a, err := netip.ParseAddr(address)
	if err != nil || name == "*" {
		return Choice{}, fmt.Errorf(`%q is not of the form "name/address"`, text)
	}
	return Choice{name, a}, nil
}

// Unserved is an entry that cannot be served now, and why.
type Unserved struct{ Entry, Reason string }

// Choose gives the interfaces to serve with the addresses to serve them by: those that are up and have an address, by
// name; "*" anywhere means all but loopbacks, which must be named. Entries that name what cannot be served are told too.
func Choose(all []Interface, choices []Choice) (out []Interface, unserved []Unserved) {
	everything := slices.ContainsFunc(choices, func(c Choice) bool { return c.Name == "*" })
	for _, i := range all {
		var only []netip.Addr
		named, whole := false, false
		for _, c := range choices {
			if c.Name != i.Name {
				continue
			}
			named = true
			if !c.Address.IsValid() {
				whole = true
			} else if i.Has(c.Address) {
				only = append(only, c.Address)
			}
		}
		if named && !whole {
			i.Addrs = only
		}
		if i.Up && len(i.Addrs) > 0 && (named || everything && !i.Loopback) {
			out = append(out, i)
		}
	}
	for _, c := range choices {
		if reason := c.missing(all); reason != "" {
			unserved = append(unserved, Unserved{c.String(), reason})
		}
	}
	return out, unserved
}

func (c Choice) String() string {
	if c.Address.IsValid() {
		return c.Name + "/" + c.Address.String()
	}
	return c.Name
}

// missing tells why an entry cannot be served; empty: it can.
func (c Choice) missing(all []Interface) string {
	if c.Name == "*" {
		return ""
	}
	at := slices.IndexFunc(all, func(i Interface) bool { return i.Name == c.Name })
	switch {
	case at < 0:
		return "there is no such interface"
	case !all[at].Up:
		return "the interface is down"
	case len(all[at].Addrs) == 0:
		return "the interface has no IPv4 address"
	case c.Address.IsValid() && !all[at].Has(c.Address):
		return "the interface does not have this address"
	}
	return ""
}
