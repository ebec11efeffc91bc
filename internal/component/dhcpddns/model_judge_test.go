package dhcpddns

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"bundy/internal/dhcp/lease"
	"bundy/internal/dns/wire"
	"bundy/internal/naming/dhcid"
	"bundy/internal/naming/owned"
	"bundy/internal/naming/publish"
	"bundy/internal/naming/publish/servertest"
)

// claimed is what an active lease, or a request, wants of DNS.
type claimed struct {
	address          netip.Addr
	name             wire.Name
	dhcid            string
	forward, reverse bool
	may              bool // it need not be there: the clock went back over its end
}

func (m *model) covered(a netip.Addr) bool {
	family := familyOf(a)
	for subnet, there := range m.subnets[family] {
		if there && netip.MustParsePrefix(subnet).Contains(a) {
			return m.updates[family] || m.naming != ""
		}
	}
	return false
}

// claims gives what is to be in DNS by the leases of now and the configuration of now. It is written from the guide, not
// from the code.
func (m *model) claims() (out []claimed) {
	now, lab := m.now(), wire.MustParseName(modelZones[0])
	add := func(c claimed) {
		if c.forward && !c.name.IsBelow(lab) {
			return // neither direction: nobody may point to a name that is not ours
		}
		out = append(out, c)
	}
	for a, l := range m.leases {
		if l.State != lease.Active || l.Expired(now) || !m.covered(a) {
			continue
		}
		c := claimed{address: a, forward: l.FQDNForward, reverse: l.FQDNReverse, may: l.Expired(m.newest)}
		text := l.Hostname
		if m.naming != "" {
			host, _, _ := strings.Cut(l.Hostname, ".")
			switch {
			case m.naming == "mac-fallback":
				mac := l.HWAddr
				if mac == "" {
					mac = l.DUID[4:]
				}
				host = "dhcp-" + hex.EncodeToString([]byte(mac))
			case host == "":
				continue
			}
			text = host + "." + m.domain + "."
			if l.FQDNForward || !l.FQDNReverse { // the client leaves it to the server
				c.forward, c.reverse = true, true
			}
		}
		if text == "" || !c.forward && !c.reverse {
			continue
		}
		c.name = wire.MustParseName(text)
		c.dhcid = string(dhcid.Of(l).RDATA(c.name))
		add(c)
	}
	for a, r := range m.wants {
		add(claimed{a, r.Name, string(r.DHCID), r.Forward, r.Reverse, false})
	}
	return out
}

func record(owner wire.Name, t wire.Type, data string) string {
	return servertest.Text(wire.RR{Name: owner, Type: t, Data: []byte(data)})
}

func marker(owner wire.Name, dhcid string) string {
	text := owned.Marker("", dhcid)
	return record(owner, wire.TypeTXT, string(rune(len(text)))+text)
}

// ourText begins a marker, as servertest.Text writes it: its length, and as much of it as is always the same.
var ourText = fmt.Sprintf("TXT %x%x", len(owned.Marker("", strings.Repeat("x", 35))), "bundy-dhcp-ddns=")

// judge says what is wrong with DNS and with the state. Nothing is, if each record is somebody else's and unchanged, or
// belongs to a lease; and each lease has its records unless its name is somebody else's.
func (m *model) judge(r reply) (wrong []string) {
	there := map[string]bool{}
	owners := map[string]int{} // records that are somebody else's, by owner
	marks := map[string][]string{}
	for _, text := range m.published() {
		there[text] = true
		if owner, rest, _ := strings.Cut(text, " "); strings.HasPrefix(rest, "DHCID ") {
			marks[owner] = append(marks[owner], text)
		}
	}
	foreignAddress := map[string]bool{}
	for text := range m.foreign {
		owner, rest, _ := strings.Cut(text, " ")
		owners[owner]++
		foreignAddress[owner] = foreignAddress[owner] || strings.HasPrefix(rest, "A")
		if !there[text] {
			wrong = append(wrong, "somebody else's record has gone: "+text)
		}
	}
	all := m.claims()
	explained := map[string]bool{}
	wanted := map[string]bool{}
	wants := map[wire.Name][]string{} // clients that want a name and must get it
	for _, c := range all {
		wanted[fmt.Sprint(c.address, " ", c.name)] = true
		mark := record(c.name, wire.TypeDHCID, c.dhcid)
		text := forward(c.name.String(), c.address.String())
		has := there[text] && !m.foreign[text]
		if c.forward {
			explained[forward(c.name.String(), c.address.String())] = true
			if has {
				explained[mark] = true
				explained[marker(c.name, c.dhcid)] = true
			}
			if !c.may && !slices.Contains(wants[c.name], mark) {
				wants[c.name] = append(wants[c.name], mark)
			}
		}
		if c.reverse && (!c.forward || has) {
			owner := publish.Owner(owned.Key{Kind: owned.Reverse, Address: c.address}, "")
			ptr := record(owner, wire.TypePTR, string(c.name))
			explained[ptr] = true
			if there[ptr] {
				explained[record(owner, wire.TypeDHCID, c.dhcid)] = true
				explained[marker(owner, c.dhcid)] = true
			}
			if !there[ptr] && !c.may && owners[owner.String()] == 0 {
				wrong = append(wrong, fmt.Sprintf("%s has no PTR record to %s", c.address, c.name))
			}
		}
	}
	for text := range there {
		owner, rest, _ := strings.Cut(text, " ")
		mark := strings.HasPrefix(rest, "DHCID ") || strings.HasPrefix(rest, ourText)
		beside := mark && foreignAddress[owner] // it stays beside an address that is not ours (decision 2)
		if !explained[text] && !m.foreign[text] && !beside {
			wrong = append(wrong, "it belongs to nobody: "+text)
		}
	}
	for n, clients := range wants {
		owner := n.String()
		if owners[owner] > 0 {
			continue
		}
		if len(marks[owner]) != 1 {
			wrong = append(wrong, fmt.Sprintf("%s is wanted by %d clients and has %d marks", n, len(clients), len(marks[owner])))
			continue
		}
		for _, c := range all {
			if c.forward && c.name == n && !c.may && record(n, wire.TypeDHCID, c.dhcid) == marks[owner][0] &&
				!there[forward(owner, c.address.String())] {
				wrong = append(wrong, fmt.Sprintf("%s has no record of %s, which has the name", n, c.address))
			}
		}
	}
	for _, s := range r.Records {
		switch {
		case s.State != "present" && s.State != "conflict":
			wrong = append(wrong, fmt.Sprintf("the state has %+v", s))
		case !wanted[s.Address+" "+s.Name]:
			wrong = append(wrong, fmt.Sprintf("the state has a record of no lease: %+v", s))
		}
	}
	slices.Sort(wrong)
	return wrong
}

// hand lets an operator change a zone.
func (m *model) hand() {
	m.lastHand++
	in := modelZones[m.random.IntN(len(modelZones))]
	owner := wire.MustParseName(fmt.Sprintf("h%d.lab.example.", m.random.IntN(modelHosts)))
	rr := func(t wire.Type, data string) wire.RR {
		return wire.RR{Name: owner, Type: t, Class: wire.ClassIN, TTL: 60, Data: []byte(data)}
	}
	other := rr(wire.TypeA, string([]byte{203, 0, 113, byte(m.lastHand)}))
	if in != modelZones[0] {
		a := m.someAddress()
		in, owner = modelZones[1+familyOf(a)], publish.Owner(owned.Key{Kind: owned.Reverse, Address: a}, "")
		other = rr(wire.TypePTR, string(wire.MustParseName(fmt.Sprintf("by-hand%d.lab.example.", m.lastHand))))
	}
	what := m.random.IntN(8)
	m.dns.Edit(m.t, in, func(before []wire.RR) []wire.RR {
		var here, rest []wire.RR
		alias := false
		for _, r := range before {
			if r.Name.Equal(owner) {
				here = append(here, r)
				alias = alias || r.Type == wire.TypeCNAME
			} else {
				rest = append(rest, r)
			}
		}
		put := func(rr wire.RR) {
			if !alias {
				m.foreign[servertest.Text(rr)] = true
				here = append(here, rr)
			}
		}
		switch what {
		case 0, 1, 2: // removes all that is at the name, his and ours
			m.note("by hand: nothing is left at %s", owner)
			for _, r := range here {
				delete(m.foreign, servertest.Text(r))
			}
			return rest
		case 3: // a record of his, maybe beside ours
			m.note("by hand: %s", servertest.Text(other))
			put(other)
		case 4:
			m.note("by hand: TXT at %s", owner)
			put(rr(wire.TypeTXT, fmt.Sprintf("\x05mine%c", 'a'+m.lastHand%26)))
		case 5: // another server's client
			m.note("by hand: another's %s", servertest.Text(other))
			if len(here) == 0 {
				put(other)
				put(rr(wire.TypeDHCID, fmt.Sprintf("\x00\x01\x01 somebody else's client, number %d", m.lastHand)))
			}
		case 6: // takes our mark away: then what it was at is his
			m.note("by hand: no mark at %s", owner)
			here = slices.DeleteFunc(here, func(r wire.RR) bool { return r.Type == wire.TypeDHCID && !m.foreign[servertest.Text(r)] })
			for _, r := range here {
				m.foreign[servertest.Text(r)] = true
			}
		case 7:
			if len(here) == 0 && in == modelZones[0] {
				m.note("by hand: an alias at %s", owner)
				put(rr(wire.TypeCNAME, string(wire.MustParseName("www.elsewhere.net."))))
			} else { // takes the data away and leaves the mark
				m.note("by hand: no data at %s", owner)
				here = slices.DeleteFunc(here, func(r wire.RR) bool { return r.Type != wire.TypeDHCID && !m.foreign[servertest.Text(r)] })
			}
		}
		return append(rest, here...)
	})
}
