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

// Choose gives the interfaces to serve: those that are up and have an address, by name; "*" anywhere means all but
// loopbacks, which must be named.
func Choose(all []Interface, names []string) []Interface {
	var out []Interface
	for _, i := range all {
		named := slices.Contains(names, i.Name)
		if i.Up && len(i.Addrs) > 0 && (named || !i.Loopback && slices.Contains(names, "*")) {
			out = append(out, i)
		}
	}
	return out
}
