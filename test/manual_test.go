package test

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/dhcpv6"
)

// example is what the manual of the original suite shows to be typed at one place, and what is shown in reply.
type example struct{ typed, shown []string }

// manualExamples reads the examples of a chapter, by section and number within it, as 16.2.7/2.
func manualExamples(t *testing.T, chapter string) map[string]*example {
	t.Helper()
	const manual = "../../shared/spec/bundy-guide.txt"
	text, err := os.ReadFile(manual)
	if os.IsNotExist(err) {
		t.Skipf("the manual of the original suite is not here (%s)", manual)
	}
	if err != nil {
		t.Fatal(err)
	}
	heading := regexp.MustCompile(`^(\d+(?:\.\d+)*) \S`)
	command := regexp.MustCompile(`^\s*(?:\d+\. )?> ?(.*)$`)
	examples := map[string]*example{}
	section, number := "", 0
	var now *example
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\n")
		if m := heading.FindStringSubmatch(line); m != nil && !strings.HasPrefix(line, "1. ") {
			section, number, now = m[1], 0, nil
		}
		if now, _, _ := strings.Cut(section, "."); now != chapter || strings.TrimSpace(line) == "" {
			continue
		}
		switch m := command.FindStringSubmatch(line); {
		case m != nil && strings.TrimSpace(m[1]) == "":
		case m != nil:
			if now == nil || now.shown != nil {
				number++
				now = &example{}
				examples[fmt.Sprintf("%s/%d", section, number)] = now
			}
			now.typed = append(now.typed, strings.TrimSpace(m[1]))
		case now != nil && len(now.typed) > 0 && strings.Count(now.typed[len(now.typed)-1], `"`)%2 == 1:
			now.typed[len(now.typed)-1] += " " + strings.TrimSpace(line) // a line that was too long for the page
		case now != nil && regexp.MustCompile(`^Dhcp[46]/\S+\s`).MatchString(line):
			now.shown = append(now.shown, line)
		default:
			now = nil
		}
	}
	return examples
}

// manual is a suite that examples are typed into, one row of the table after the other, each from the same beginning.
type manual struct {
	*suite
	examples map[string]*example
	used     map[string]bool
	own      *strings.Replacer // what is this test's own in place of the manual's
	d2, far  *net.UDPConn      // where the DHCP-DDNS server would listen, at first and as the manual moves it
	module   string
	port6    uint16
	clients  byte
	// beginning is the revision of the configuration that each row begins with.
	beginning int
}

// manualRow types examples.
type manualRow struct {
	examples      string               // their names
	before, after string               // what is typed around them
	refused       string               // the reason that is given for not committing
	slips         int                  // commands in them that are mistakes, and are told so
	check         func(*manual) string // "" or what is wrong
}

func newManual(t *testing.T, chapter string) *manual {
	t.Helper()
	m := &manual{suite: newSuite(t, "single"), examples: manualExamples(t, chapter), used: map[string]bool{}, module: map[string]string{"16": "Dhcp4", "17": "Dhcp6"}[chapter]}
	m.port6 = freePort(t, netip.IPv6Loopback())
	for _, conn := range []**net.UDPConn{&m.d2, &m.far} {
		c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		*conn = c
	}
	m.own = strings.NewReplacer(
		"/tmp/", m.dir+"/",
		" eth1/2001:db8::1", " lo/::1", " eth1", " lo", `"eth1"`, `"lo"`,
		`"10.0.0.1"`, `"`+m.address.String()+`"`, `"10.1.1.1"`, `"`+m.address.String()+`"`,
		"198.162.1.10", "127.0.0.1", "server-port 900", fmt.Sprintf("server-port %d", m.far.LocalAddr().(*net.UDPAddr).Port),
		// Slips of the manual, which the text around them corrects.
		"Dhcp4/subnet[", "Dhcp4/subnet4[",
		`Dhcp4/lease-database/leasefile "/tmp/kea-leases6.csv"`, `Dhcp6/lease-database/name "`+m.dir+`/moved6.csv"`,
	)
	m.start()
	m.script(fmt.Sprintf(`config set Dhcp4/interfaces ["lo"]
config set Dhcp4/server-port %d
config set Dhcp4/dhcp-ddns/server-port %[2]d
config set Dhcp6/interfaces ["lo/::1"]
config set Dhcp6/server-port %[3]d
config set Dhcp6/dhcp-ddns/server-port %[2]d
config commit
`, m.dhcp, m.d2.LocalAddr().(*net.UDPAddr).Port, m.port6) + m.typed(chapter+".1/1"))
	again(m)
	m.began()
	return m
}

// began notes the newest revision as the one that the next row begins with. (The history keeps only so many.)
func (m *manual) began() {
	const defaults = 1
	m.beginning = defaults + strings.Count(m.log.String(), "CFGMGR_COMMITTED")
}

// typed gives the commands of examples, with this test's own names.
func (m *manual) typed(names string) string {
	m.t.Helper()
	var b strings.Builder
	for _, name := range strings.Fields(names) {
		e := m.examples[name]
		if e == nil {
			m.t.Fatalf("the manual has no example %s", name)
		}
		m.used[name] = true
		for _, line := range e.typed {
			if first, _, _ := strings.Cut(line, " "); first == "add" || first == "set" || first == "commit" {
				line = "config " + line // forgotten at one place
			}
			b.WriteString(m.own.Replace(line) + "\n")
		}
	}
	return b.String()
}

// run types a row and tells what is wrong.
func (m *manual) run(r manualRow) string {
	m.t.Helper()
	m.script(fmt.Sprintf("config rollback %d\n%s lease_wipe all=true\n", m.beginning, m.module))
	m.began()
	typed := r.before + m.typed(r.examples) + r.after
	if !strings.HasSuffix(typed, "config commit\n") {
		typed += "config commit\n"
	}
	out := m.tryScript(typed)
	if r.refused != "" {
		if !strings.Contains(out, r.refused) || !strings.Contains(out, "Error") {
			return fmt.Sprintf("typed\n%sthe reply is not %q:\n%s", typed, r.refused, out)
		}
		return ""
	}
	if got := strings.Count(out, "Error"); got != r.slips {
		return fmt.Sprintf("typed\n%s%d errors, not %d:\n%s", typed, got, r.slips, out)
	}
	for _, name := range strings.Fields(r.examples) {
		for _, line := range m.examples[name].shown {
			item := strings.TrimSuffix(strings.Fields(m.own.Replace(line))[0], "/")
			if !strings.Contains(out, item) {
				return fmt.Sprintf("typed\n%s%s is not shown:\n%s", typed, item, out)
			}
		}
	}
	if r.check == nil {
		return ""
	}
	if wrong := r.check(m); wrong != "" {
		return fmt.Sprintf("typed\n%sand got\n%s", typed, wrong)
	}
	return ""
}

// Limits of waiting: for what must come, and for what must not.
const (
	manualWait    = busy * 5 * time.Second
	manualSilence = time.Second
)

// discover lets a client that nobody has seen before ask in a network.
func (m *manual) discover(network string, limit time.Duration, mods ...dhcpv4.Modifier) *dhcpv4.DHCPv4 {
	m.clients++
	c := newClient(m.t, m.suite, m.clients, "")
	if network != "" {
		c.link = netip.MustParseAddr(network)
	}
	return c.exchange(c.message(dhcpv4.MessageTypeDiscover, mods...), limit)
}

// lease4 lets a client that nobody has seen before get an address, and gives the DHCPACK.
func (m *manual) lease4(network string, mods ...dhcpv4.Modifier) *dhcpv4.DHCPv4 {
	m.t.Helper()
	m.clients++
	c := newClient(m.t, m.suite, m.clients, "")
	c.link = netip.MustParseAddr(network)
	offer := c.exchange(c.message(dhcpv4.MessageTypeDiscover, mods...), manualWait)
	if offer == nil {
		return nil
	}
	return c.exchange(c.message(dhcpv4.MessageTypeRequest, append(mods,
		dhcpv4.WithOption(dhcpv4.OptRequestedIPAddress(offer.YourIPAddr)),
		dhcpv4.WithOption(dhcpv4.OptServerIdentifier(offer.ServerIdentifier())))...), manualWait)
}

// in tells whether a client of a network is offered an address between two.
func in(network, first, last string, mods ...dhcpv4.Modifier) func(*manual) string {
	return func(m *manual) string {
		offer := m.discover(network, manualWait, mods...)
		if offer == nil {
			return "no offer"
		}
		a, _ := netip.AddrFromSlice(offer.YourIPAddr.To4())
		if a.Less(netip.MustParseAddr(first)) || netip.MustParseAddr(last).Less(a) {
			return fmt.Sprintf("an offer of %s, not of %s to %s", a, first, last)
		}
		return ""
	}
}

// silent tells whether a client of a network is not answered.
func silent(network string, mods ...dhcpv4.Modifier) func(*manual) string {
	return func(m *manual) string {
		if offer := m.discover(network, manualSilence, mods...); offer != nil {
			return "an offer of " + offer.YourIPAddr.String()
		}
		return ""
	}
}

// option4 tells whether a client of a network that asks for an option gets these octets.
func option4(network string, code uint8, want ...any) func(*manual) string {
	return func(m *manual) string {
		offer := m.discover(network, manualWait, dhcpv4.WithRequestedOptions(dhcpv4.GenericOptionCode(code)))
		if offer == nil {
			return "no offer"
		}
		if got := offer.Options.Get(dhcpv4.GenericOptionCode(code)); !bytes.Equal(got, joined(want)) {
			return fmt.Sprintf("option %d is %q, not %q", code, got, joined(want))
		}
		return ""
	}
}

// joined puts addresses (those in text that are), texts and numbers together.
func joined(parts []any) []byte {
	var out []byte
	for _, p := range parts {
		switch p := p.(type) {
		case int:
			out = append(out, byte(p))
		case string:
			if a, err := netip.ParseAddr(p); err == nil {
				out = append(out, a.AsSlice()...)
			} else {
				out = append(out, p...)
			}
		}
	}
	return out
}

// fqdn4 tells whether a client that sends the option FQDN with some flags gets it back with others and with a name.
func fqdn4(send byte, name string, flags byte, want string) func(*manual) string {
	return func(m *manual) string {
		const fqdn = 81
		ack := m.lease4("192.0.2.1", dhcpv4.WithOption(dhcpv4.OptGeneric(dhcpv4.GenericOptionCode(fqdn), append([]byte{send, 0, 0}, name...))))
		if ack == nil {
			return "no acknowledgement"
		}
		got := ack.Options.Get(dhcpv4.GenericOptionCode(fqdn))
		text := want
		if strings.Contains(want, "*") {
			text = strings.ReplaceAll(want, "*", strings.ReplaceAll(ack.YourIPAddr.String(), ".", "-"))
		}
		if len(got) < 3 || got[0]&^4 != flags || !strings.EqualFold(strings.TrimSuffix(string(got[3:]), "."), text) {
			return fmt.Sprintf("the option FQDN is %q, not flags %d and name %s", got, flags, text)
		}
		return ""
	}
}

// request gives the next request for a change of names that arrives, "" when none does.
func request(conn *net.UDPConn, limit time.Duration) string {
	buf := make([]byte, 2048)
	conn.SetReadDeadline(time.Now().Add(limit))
	n, err := conn.Read(buf)
	if err != nil {
		return ""
	}
	return string(buf[:n])
}

// every joins checks.
func every(checks ...func(*manual) string) func(*manual) string {
	return func(m *manual) string {
		for _, c := range checks {
			if wrong := c(m); wrong != "" {
				return wrong
			}
		}
		return ""
	}
}

// ask6 relays a message of DHCPv6 from a link (or, if that is empty, from an interface) and gives the answer.
func (m *manual) ask6(msg *dhcpv6.Message, link, iface string, limit time.Duration) *dhcpv6.Message {
	m.t.Helper()
	if link == "" {
		link = "::"
	}
	r, err := dhcpv6.EncapsulateRelay(msg, dhcpv6.MessageTypeRelayForward, net.ParseIP(link), net.ParseIP("fe80::1"))
	if err != nil {
		m.t.Fatal(err)
	}
	if iface != "" {
		r.AddOption(dhcpv6.OptInterfaceID([]byte(iface)))
	}
	conn, err := net.ListenUDP("udp6", &net.UDPAddr{IP: net.IPv6loopback})
	if err != nil {
		m.t.Fatal(err)
	}
	defer conn.Close()
	buf := make([]byte, 4096)
	for end := time.Now().Add(limit); time.Now().Before(end); {
		conn.WriteToUDP(r.ToBytes(), &net.UDPAddr{IP: net.IPv6loopback, Port: int(m.port6)})
		conn.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
		n, err := conn.Read(buf)
		if err != nil {
			continue // and ask again
		}
		if d, err := dhcpv6.FromBytes(buf[:n]); err == nil {
			if inner, err := d.GetInnerMessage(); err == nil && inner.TransactionID == msg.TransactionID {
				return inner
			}
		}
	}
	return nil
}

// solicit makes the message of a client that nobody has seen before.
func (m *manual) solicit(mods ...dhcpv6.Modifier) *dhcpv6.Message {
	m.t.Helper()
	m.clients++
	msg, err := dhcpv6.NewSolicit(net.HardwareAddr{2, 0, 0, 0, 6, m.clients}, mods...)
	if err != nil {
		m.t.Fatal(err)
	}
	return msg
}

// lease6 goes on from a SOLICIT to the REPLY to the REQUEST.
func (m *manual) lease6(link string, mods ...dhcpv6.Modifier) *dhcpv6.Message {
	m.t.Helper()
	advertise := m.ask6(m.solicit(mods...), link, "", manualWait)
	if advertise == nil {
		return nil
	}
	r, err := dhcpv6.NewRequestFromAdvertise(advertise, mods...)
	if err != nil {
		m.t.Fatal(err)
	}
	return m.ask6(r, link, "", manualWait)
}

// given6 is the address in a message.
func given6(msg *dhcpv6.Message) netip.Addr {
	if msg == nil || msg.Options.OneIANA() == nil || msg.Options.OneIANA().Options.OneAddress() == nil {
		return netip.Addr{}
	}
	a, _ := netip.AddrFromSlice(msg.Options.OneIANA().Options.OneAddress().IPv6Addr)
	return a
}

// in6 tells whether a client behind a link or interface is advertised an address of a prefix; "" is none.
func in6(link, iface, prefix string, mods ...dhcpv6.Modifier) func(*manual) string {
	return func(m *manual) string {
		limit := manualWait
		if prefix == "" {
			limit = manualSilence
		}
		a := given6(m.ask6(m.solicit(mods...), link, iface, limit))
		switch {
		case prefix == "" && a.IsValid():
			return fmt.Sprintf("%s, not none", a)
		case prefix != "" && (!a.IsValid() || !netip.MustParsePrefix(prefix).Contains(a)):
			return fmt.Sprintf("%s, not of %s", a, prefix)
		}
		return ""
	}
}

// option6 tells whether a client that asks for an option gets these octets.
func option6(link string, code uint16, want ...any) func(*manual) string {
	return func(m *manual) string {
		reply := m.ask6(m.solicit(dhcpv6.WithRequestedOptions(dhcpv6.OptionCode(code))), link, "", manualWait)
		if reply == nil {
			return "no answer"
		}
		if o := reply.Options.GetOne(dhcpv6.OptionCode(code)); o == nil || !bytes.Equal(o.ToBytes(), joined(want)) {
			return fmt.Sprintf("option %d is %v, not %q", code, o, joined(want))
		}
		return ""
	}
}

// fqdn6 is fqdn4 for DHCPv6.
func fqdn6(send byte, name string, flags byte, want string) func(*manual) string {
	return func(m *manual) string {
		const fqdn = 39
		partial := append([]byte{send, byte(len(name))}, name...) // that of the library would be complete
		reply := m.lease6("2001:db8:1::1", dhcpv6.WithOption(&dhcpv6.OptionGeneric{OptionCode: fqdn, OptionData: partial}))
		if reply == nil || reply.Options.FQDN() == nil {
			return fmt.Sprintf("%v", reply)
		}
		got := reply.Options.FQDN()
		text := want
		if strings.Contains(want, "*") {
			text = strings.ReplaceAll(want, "*", strings.TrimRight(strings.ReplaceAll(given6(reply).String(), ":", "-"), "-"))
		}
		if got.Flags != flags || len(got.DomainName.Labels) != 1 || !strings.EqualFold(got.DomainName.Labels[0], text) {
			return fmt.Sprintf("the option FQDN is %v, not flags %d and name %s", got, flags, text)
		}
		return ""
	}
}
