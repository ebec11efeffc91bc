package test

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/dhcpv6"

	"bundy/internal/dhcp/lease"
)

// class4 and class6 are vendor classes of clients.
func class4(name string) dhcpv4.Modifier { return dhcpv4.WithOption(dhcpv4.OptClassIdentifier(name)) }

func class6(name string) dhcpv6.Modifier {
	return dhcpv6.WithOption(&dhcpv6.OptVendorClass{EnterpriseNumber: 4491, Data: [][]byte{[]byte(name)}})
}

// Flags of the option FQDN: the server updates the address records; it does so against the client's wish; it does no
// update. (The fourth, of the encoding, is left out.)
const (
	flagS = 1
	flagO = 2
	flag4 = 8 // N in DHCPv4 (RFC 4702 section 2.1)
	flag6 = 4 // N in DHCPv6 (RFC 4704 section 4.1)
)

// manualRows4 types every example of the chapter on DHCPv4.
func manualRows4() []manualRow {
	const subnet = "16.2.7/1 "
	const database = "config set Dhcp4/lease-database/type \"mysql\"\n"
	return []manualRow{
		{examples: "16.2/1 16.2/2"},
		{examples: subnet + "16.2/3", check: func(m *manual) string {
			offer := m.discover("192.0.2.1", manualWait)
			if offer == nil || offer.IPAddressLeaseTime(0) != 2*time.Hour {
				return fmt.Sprint(offer)
			}
			return ""
		}},
		{examples: subnet + "16.2.1/1", check: func(m *manual) string {
			ack := m.lease4("192.0.2.1")
			text, err := os.ReadFile(filepath.Join(m.dir, "kea-leases4.csv"))
			if ack == nil || err != nil || !strings.Contains(string(text), "\n"+ack.YourIPAddr.String()+",") {
				return fmt.Sprint(ack, err, string(text))
			}
			return ""
		}},
		// The only database is that in memory and in a file: others are refused, whatever stands beside.
		{examples: "16.2.3/1", refused: "mysql"},
		{examples: "16.2.3/2", before: database, refused: "mysql"},
		{examples: "16.2.3/3", before: database, refused: "mysql"},
		{examples: "16.2.3/4", before: database, refused: "mysql"},
		{examples: "16.2.3/5", before: database, refused: "mysql"},
		// The interfaces are lo and another that is not there.
		{examples: subnet + "16.2.5/1 16.2.5/2", before: "config unset Dhcp4/interfaces\n",
			check: every(in("192.0.2.1", "192.0.2.10", "192.0.2.20"), status("Dhcp4", `"lo"`))},
		{examples: subnet + "16.2.5/3 16.2.5/4", check: every(in("192.0.2.1", "192.0.2.10", "192.0.2.20"), status("Dhcp4", "eth2"))},
		{examples: subnet + "16.2.5/3 16.2.5/5 16.2.5/6 16.2.5/7", check: every(in("192.0.2.1", "192.0.2.10", "192.0.2.20"), shows("Dhcp4/interfaces", `["lo", "eth2"]`))},
		{examples: "16.2.6/1", after: "config set Dhcp4/subnet4[0]/pool [\"192.0.2.0/28\"]\n", check: func(m *manual) string {
			ack := m.lease4("192.0.2.1")
			if ack == nil {
				return "no lease"
			}
			a, _ := netip.AddrFromSlice(ack.YourIPAddr.To4())
			if l := m.leases()[a]; l.SubnetID != 1024 || l.State != lease.Active {
				return fmt.Sprintf("%+v", l)
			}
			return ""
		}},
		{examples: subnet, check: every(in("192.0.2.1", "192.0.2.10", "192.0.2.20"), silent("192.0.3.1"))},
		{examples: subnet + "16.2.7/2", check: every(in("192.0.2.1", "192.0.2.10", "192.0.2.20", asks("192.0.2.20")),
			in("192.0.2.1", "192.0.2.127", "192.0.2.127", asks("192.0.2.127")), in("192.0.2.1", "192.0.2.10", "192.0.2.127", asks("192.0.2.30")))},
		{examples: subnet + "16.2.7/3", check: every(in("192.0.3.1", "192.0.3.0", "192.0.3.255"), in("192.0.3.1", "192.0.3.255", "192.0.3.255", asks("192.0.3.255")))},
		{examples: subnet + "16.2.8/1", check: option4("192.0.2.1", 6, "192.0.3.1", "192.0.3.2")},
		{examples: subnet + "16.2.8/2", check: option4("192.0.2.1", 6, "192.0.3.1", "192.0.3.2")},
		{examples: subnet + "16.2.7/3 16.2.8/1 16.2.8/3", check: every(option4("192.0.2.1", 6, "192.0.2.3"), option4("192.0.3.1", 6, "192.0.3.1", "192.0.3.2"))},
		{examples: subnet + "16.2.10/1 16.2.11/1", check: option4("192.0.2.1", 222, 0, 0, 0x30, 0x39)},
		{examples: subnet + "16.2.11/2 16.2.11/3", check: option4("192.0.2.1", 223, "192.0.2.100", 0, 123, 1, "Hello World")},
		{examples: subnet + "16.2.13/1 16.2.13/2 16.2.13/3", check: option4("192.0.2.1", 43, 1, 17, "192.0.2.3", 0, 123, "Hello World")},
		{examples: subnet + "16.2.15/1 16.2.15/2 16.2.15/3", check: option4("192.0.2.1", 222, 1, 4, "192.0.2.3", 2, 11, "Hello world")},
		{examples: "16.2.18/1", check: every(in("192.0.2.1", "192.0.2.10", "192.0.2.20", class4("docsis3.0")), silent("192.0.2.1"))},
		// N is set only when no record is updated at all (RFC 4702 section 4): not for a client that updates its address
		// itself, where the manual's table has it.
		{examples: subnet + "16.2.19/1 16.2.19/2", check: every(fqdn4(flagS, "laptop", flagS, "laptop.example.com"), tells("laptop.example.com", false),
			fqdn4(0, "desk", 0, "desk.example.com"), tells("desk.example.com", false), fqdn4(flag4, "shy", flag4, "shy.example.com"), tells("", false))},
		{examples: subnet + "16.2.19/2 16.2.19/3", check: every(fqdn4(flagS, "laptop", flagS, "laptop.example.com"), tells("laptop.example.com", true))},
		{examples: subnet + "16.2.19/2 16.2.19/4", check: every(fqdn4(0, "desk", flagS|flagO, "desk.example.com"), tells("desk.example.com", false))},
		{examples: subnet + "16.2.19/2 16.2.19/5", check: every(fqdn4(flag4, "shy", flagS|flagO, "shy.example.com"), tells("shy.example.com", false))},
		{examples: subnet + "16.2.19/2 16.2.19/6", check: fqdn4(flagS, "laptop", flagS, "myhost-*.example.com")},
		{examples: subnet + "16.2.19/2 16.2.19/6 16.2.19/7", check: fqdn4(flagS, "laptop", flagS, "another.host-*.example.com")},
		{examples: subnet + "16.2.19/2 16.2.19/6 16.2.19/8", check: fqdn4(flagS, "laptop", flagS, "our.net-*.example.com")},
		// Only lists can be added to: the values are set all the same.
		{examples: subnet + "16.2.7/3 16.4/1", slips: 2, check: func(m *manual) string {
			here, there := m.discover("192.0.2.1", manualWait), m.discover("192.0.3.1", manualWait)
			if here == nil || there == nil || here.ServerIPAddr.String() != "192.0.2.234" || there.ServerIPAddr.String() != "192.0.2.123" {
				return fmt.Sprint(here, there)
			}
			return ""
		}},
		// A boolean is written in small letters.
		{examples: subnet + "16.5/1", slips: 2, after: "config set Dhcp4/echo-client-id false\n", check: func(m *manual) string {
			offer := m.discover("192.0.2.1", manualWait, dhcpv4.WithOption(dhcpv4.OptClientIdentifier([]byte("\x00it"))))
			if offer == nil || offer.Options.Has(dhcpv4.OptionClientIdentifier) {
				return fmt.Sprint(offer)
			}
			return ""
		}},
		{examples: "16.7/1", check: every(in("", "192.0.2.10", "192.0.2.20"), in("192.0.2.1", "192.0.2.10", "192.0.2.20"))},
		{examples: "16.8/1", check: every(in("", "10.1.1.2", "10.1.1.20", class4("docsis3.0")), in("", "192.0.2.10", "192.0.2.20"))},
		{examples: "16.1/3", check: again},
		{examples: "16.1/2", check: func(m *manual) string {
			if out := m.ctl("Init", "show_processes"); strings.Contains(out, `"Dhcp4"`) {
				return out
			}
			return ""
		}},
	}
}

// manualRows6 types every example of the chapter on DHCPv6.
func manualRows6() []manualRow {
	const subnet = "17.2.9/1 "
	const database = "config set Dhcp6/lease-database/type \"mysql\"\n"
	const here, there = "2001:db8:1::1", "2001:db8:beef::1"
	served := in6(here, "", "2001:db8:1::/112")
	return []manualRow{
		{examples: "17.2/1 17.2/2"},
		{examples: subnet + "17.2/3", check: func(m *manual) string {
			reply := m.ask6(m.solicit(), here, "", manualWait)
			if !given6(reply).IsValid() || reply.Options.OneIANA().Options.OneAddress().ValidLifetime != 2*time.Hour {
				return fmt.Sprint(reply)
			}
			return ""
		}},
		{examples: subnet + "17.2.2/1", check: func(m *manual) string {
			a := given6(m.lease6(here))
			text, err := os.ReadFile(filepath.Join(m.dir, "moved6.csv"))
			if err != nil || !strings.Contains(string(text), "\n"+a.String()+",") {
				return fmt.Sprint(a, err, string(text))
			}
			return ""
		}},
		{examples: "17.2.4/1", refused: "mysql"},
		{examples: "17.2.4/2", before: database, refused: "mysql"},
		{examples: "17.2.4/3", before: database, refused: "mysql"},
		{examples: "17.2.4/4", before: database, refused: "mysql"},
		{examples: "17.2.4/5", before: database, refused: "mysql"},
		{examples: "17.2.6/1 17.2.6/2 17.2.6/3 17.2.6/4 17.2.6/5 17.2.6/6 17.2.6/7", before: "config unset Dhcp6/interfaces\n",
			check: shows("Dhcp6/interfaces", `["lo", "eth2"]`)},
		{examples: "17.2.7/1", after: "config set Dhcp6/subnet6[0]/pool [\"2001:db8:1::/112\"]\n", check: func(m *manual) string {
			a := given6(m.lease6(here))
			if out := m.ctl("Dhcp6", "lease", a.String()); !strings.Contains(out, "1024") {
				return out
			}
			return ""
		}},
		{examples: subnet + "17.2.8/1", before: "config set Dhcp6/interfaces [\"lo\"]\nconfig commit\n", check: served},
		{examples: subnet, check: every(served, in6(there, "", ""))},
		{examples: subnet + "17.2.9/2", check: every(in6(here, "", "2001:db8:1::/64"), in6(here, "", "2001:db8:1:0:5::/80", wants("2001:db8:1:0:5::7")))},
		{examples: subnet + "17.2.9/3", check: in6(there, "", "2001:db8:beef::/48")},
		{examples: "17.2.10/1", check: func(m *manual) string {
			reply := m.ask6(m.solicit(dhcpv6.WithIAPD([4]byte{1})), here, "", manualWait)
			if reply == nil || reply.Options.OneIAPD() == nil || len(reply.Options.OneIAPD().Options.Prefixes()) != 1 {
				return fmt.Sprint(reply)
			}
			p := reply.Options.OneIAPD().Options.Prefixes()[0].Prefix
			ones, _ := p.Mask.Size()
			a, _ := netip.AddrFromSlice(p.IP)
			if ones != 96 || !netip.MustParsePrefix("2001:db8:1::/64").Contains(a) {
				return p.String()
			}
			return ""
		}},
		{examples: subnet + "17.2.11/1", check: option6(here, 23, "2001:db8::cafe", "2001:db8::babe")},
		{examples: subnet + "17.2.11/2", check: option6(here, 23, "2001:db8:1::cafe", "2001:db8:1::babe")},
		{examples: subnet + "17.2.9/3 17.2.11/1 17.2.11/3", check: every(option6(here, 23, "2001:db8:1::3"), option6(there, 23, "2001:db8::cafe", "2001:db8::babe"))},
		{examples: subnet + "17.2.13/1 17.2.13/2", check: option6(here, 100, 0, 0, 0x30, 0x39)},
		{examples: subnet + "17.2.13/3 17.2.13/4", check: option6(here, 101, "2001:db8:1::10", 0, 123, 0, "Hello World")},
		{examples: subnet + "17.2.15/1 17.2.15/2 17.2.15/3", check: option6(here, 17, 0, 0, 0x30, 0x39, 0, 1, 0, 29, "2001:db8:1::10", 0, 123, "Hello World")},
		{examples: subnet + "17.2.16/1 17.2.16/2 17.2.16/3", check: option6(here, 102, 0, 1, 0, 16, "2001:db8::abcd", 0, 2, 0, 11, "Hello world")},
		{examples: subnet + "17.2.17/1", check: served},
		{examples: "17.2.18/1", check: every(in6("", "vland123", "2001:db8:beef::/48"), in6("", "vlan7", ""))},
		{examples: "17.2.18/1", after: "config set Dhcp6/subnet6[0]/interface \"lo\"\n", refused: "interface-id"},
		{examples: "17.2.21/1", check: every(in6(here, "", "2001:db8:1::/112", class6("eRouter1.0")), in6(here, "", ""))},
		{examples: subnet + "17.2.22/1 17.2.22/2", check: every(fqdn6(flagS, "laptop", flagS, "laptop.example.com"), tells("laptop.example.com", false),
			fqdn6(0, "desk", 0, "desk.example.com"), tells("desk.example.com", false), fqdn6(flag6, "shy", flag6, "shy.example.com"), tells("", false))},
		{examples: subnet + "17.2.22/2 17.2.22/3", check: every(fqdn6(flagS, "laptop", flagS, "laptop.example.com"), tells("laptop.example.com", true))},
		{examples: subnet + "17.2.22/2 17.2.23/1", check: every(fqdn6(0, "desk", flagS|flagO, "desk.example.com"), tells("desk.example.com", false))},
		{examples: subnet + "17.2.22/2 17.2.23/2", check: every(fqdn6(flag6, "shy", flagS|flagO, "shy.example.com"), tells("shy.example.com", false))},
		{examples: subnet + "17.2.22/2 17.2.23/3", check: fqdn6(flagS, "laptop", flagS, "myhost-*.example.com")},
		{examples: subnet + "17.2.22/2 17.2.23/3 17.2.23/4", check: fqdn6(flagS, "laptop", flagS, "another.host-*.example.com")},
		{examples: subnet + "17.2.22/2 17.2.23/3 17.2.23/5", check: fqdn6(flagS, "laptop", flagS, "our.net-*.example.com")},
		{examples: "17.4/1", check: every(in6(here, "", "2001:db8:1::/112"), in6("3000::1", "", "2001:db8:1::/112"))},
		{examples: "17.5/1", check: every(in6("3000::1", "", "3000::/112", class6("docsis3.0")), in6("3000::1", "", "2001:db8:1::/112"))},
		{examples: subnet + "17.7/1 17.7/2", check: func(m *manual) string {
			reply := m.ask6(m.solicit(), here, "", manualWait)
			if !given6(reply).IsValid() || reply.Options.OneIANA().T1 != 1001*time.Second {
				return fmt.Sprint(reply)
			}
			return ""
		}},
		{examples: "17.1/3", check: again},
		{examples: "17.1/2", check: func(m *manual) string {
			if out := m.ctl("Init", "show_processes"); strings.Contains(out, `"Dhcp6"`) {
				return out
			}
			return ""
		}},
	}
}

// asks is a client's wish for an address.
func asks(a string) dhcpv4.Modifier {
	return dhcpv4.WithOption(dhcpv4.OptRequestedIPAddress(netip.MustParseAddr(a).AsSlice()))
}

// wants is asks for DHCPv6.
func wants(a string) dhcpv6.Modifier {
	return dhcpv6.WithIANA(dhcpv6.OptIAAddress{IPv6Addr: netip.MustParseAddr(a).AsSlice()})
}

// again waits until the server takes commands: after its start, or again after it was told to end, since it was not
// taken out of the configuration.
func again(m *manual) string {
	m.t.Helper()
	eventually(m.t, 5*time.Second, m.module+" serves again", func() bool {
		_, err := m.tryCtl(m.module, "status")
		return err == nil
	})
	return ""
}

// status tells whether a server's state names something.
func status(module, want string) func(*manual) string {
	return func(m *manual) string {
		if out := m.ctl(module, "status"); !strings.Contains(out, want) {
			return out
		}
		return ""
	}
}

// shows tells whether an item has a value.
func shows(item, want string) func(*manual) string {
	return func(m *manual) string {
		if out := m.ctl("config", "show_json", item); strings.Join(strings.Fields(out), "") != strings.ReplaceAll(want, " ", "") {
			return out
		}
		return ""
	}
}

// tells tells whether the DHCP-DDNS server, at its place or where it was moved to, is asked about a name next; "" is not
// at all.
func tells(name string, moved bool) func(*manual) string {
	return func(m *manual) string {
		conn, limit := m.d2, manualWait
		if moved {
			conn = m.far
		}
		if name == "" {
			limit = manualSilence
		}
		got := request(conn, limit)
		if name == "" && got != "" || !strings.Contains(got, `"`+name+`.`) && name != "" {
			return fmt.Sprintf("a request %q, not for %q", got, name)
		}
		return ""
	}
}

// TestManual types every example of the original manual's chapters on DHCP, and asks on the wire what comes of it.
// (Chapter 15, about both servers, has none.)
func TestManual(t *testing.T) {
	t.Parallel()
	for chapter, rows := range map[string][]manualRow{"16": manualRows4(), "17": manualRows6()} {
		t.Run(chapter, func(t *testing.T) {
			t.Parallel()
			m := newManual(t, chapter)
			for _, r := range rows {
				if wrong := m.run(r); wrong != "" {
					t.Errorf("%s: %s", r.examples, wrong)
				}
			}
			for name := range m.examples {
				if !m.used[name] {
					t.Errorf("example %s is not in the table", name)
				}
			}
		})
	}
}
