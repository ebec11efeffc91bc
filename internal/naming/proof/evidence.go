package proof

import (
	"errors"
	"net/netip"
	"slices"

	"bundy/internal/dhcp/lease"
	"bundy/internal/dns/wire"
	"bundy/internal/naming/dhcid"
	"bundy/internal/naming/owned"
	"bundy/internal/naming/publish"
)

// MaxNames bounds the names with marks or with addresses of ours that are remembered of all zones together: far above the
// leases of any one installation, and some hundred MB.
const MaxNames = 500_000

// ErrFull is returned for a name beyond MaxNames.
var ErrFull = errors.New("more names with marks than can be looked at")

// Evidence is what was seen of the zones, and of the leases that were given. One goroutine owns it.
type Evidence struct {
	owner string
	ours  func(netip.Addr) bool

	names     map[wire.Name]*name     // by owner of A and AAAA records
	addresses map[netip.Addr]*pointer // by address of PTR records
	at        map[netip.Addr][]*name  // names by address
}

// marks is what was seen of the marks at one name in DNS.
type marks struct {
	zone   wire.Name
	ttl    uint32
	dhcid  string
	many   bool     // more than one DHCID: it is not told whose an address is
	texts  []string // markers
	leased map[netip.Addr]bool
}

// maxTexts bounds the markers that are remembered of one name: one of each owner that it ever had.
const maxTexts = 4

type name struct {
	marks
	name      wire.Name
	addresses []netip.Addr
}

type pointer struct {
	marks
	names []wire.Name
}

// New makes evidence for an owner, which may be "": then only leases prove anything. ours tells whether an address is one that
// this node may judge; records of others are passed over.
func New(owner string, ours func(netip.Addr) bool) *Evidence {
	return &Evidence{
		owner: owner, ours: ours, names: map[wire.Name]*name{}, addresses: map[netip.Addr]*pointer{}, at: map[netip.Addr][]*name{},
	}
}

// Take takes one record of a zone for the direction; those of other types are passed over.
func (e *Evidence) Take(kind owned.Kind, zone wire.Name, rr wire.RR) error {
	if rr.Type != wire.TypeDHCID && rr.Type != wire.TypeTXT && rr.Type != wire.TypeA && rr.Type != wire.TypeAAAA && rr.Type != wire.TypePTR {
		return nil
	}
	if rr.Type == wire.TypeTXT && marker(rr) == "" {
		return nil
	}
	if kind == owned.Reverse {
		return e.takeReverse(zone, rr)
	}
	return e.takeForward(zone, rr)
}

// marker gives the text of a TXT record that is a marker, of whomever; else "".
func marker(rr wire.RR) string {
	if len(rr.Data) < 2 || int(rr.Data[0]) != len(rr.Data)-1 || !owned.IsMarker(string(rr.Data[1:])) {
		return ""
	}
	return string(rr.Data[1:])
}

func (e *Evidence) takeForward(zone wire.Name, rr wire.RR) error {
	var a netip.Addr
	switch rr.Type {
	case wire.TypePTR:
		return nil
	case wire.TypeA, wire.TypeAAAA:
		var ok bool
		if a, ok = netip.AddrFromSlice(rr.Data); !ok || a.Is4() != (rr.Type == wire.TypeA) || a.Is4In6() || !e.ours(a) {
			return nil
		}
	}
	owner := rr.Name.Lower()
	n := e.names[owner]
	if n == nil {
		if len(e.names)+len(e.addresses) >= MaxNames {
			return ErrFull
		}
		n = &name{name: owner, marks: marks{zone: zone}}
		e.names[owner] = n
	}
	if !a.IsValid() {
		n.see(rr)
	} else if n.ttl = rr.TTL; !slices.Contains(n.addresses, a) {
		n.addresses = append(n.addresses, a)
		e.at[a] = append(e.at[a], n)
	}
	return nil
}

func (e *Evidence) takeReverse(zone wire.Name, rr wire.RR) error {
	a, ok := publish.AddressOf(rr.Name.Lower(), zone)
	if !ok || !e.ours(a) || rr.Type == wire.TypeA || rr.Type == wire.TypeAAAA {
		return nil
	}
	p := e.addresses[a]
	if p == nil {
		if len(e.names)+len(e.addresses) >= MaxNames {
			return ErrFull
		}
		p = &pointer{marks: marks{zone: zone}}
		e.addresses[a] = p
	}
	if rr.Type != wire.TypePTR {
		p.see(rr)
		return nil
	}
	target, _, err := wire.ReadName(rr.Data, 0)
	if err != nil {
		return nil // nothing of ours
	}
	if target = target.Lower(); !slices.Contains(p.names, target) {
		p.names = append(p.names, target)
	}
	p.ttl = rr.TTL
	return nil
}

// see takes a mark.
func (m *marks) see(rr wire.RR) {
	switch {
	case rr.Type == wire.TypeDHCID:
		m.many = m.many || m.dhcid != "" && m.dhcid != string(rr.Data)
		m.dhcid = string(rr.Data)
	case len(m.texts) < maxTexts:
		m.texts = append(m.texts, marker(rr))
	}
}

// Lease takes a lease as it stands, or once stood, in a lease file of ours: it proves records of its client at its address.
func (e *Evidence) Lease(l lease.Lease) {
	id := dhcid.Of(l)
	if id.IsZero() {
		return
	}
	for _, n := range e.at[l.Address] {
		if n.dhcid != "" && string(id.RDATA(n.name)) == n.dhcid {
			n.prove(l.Address)
		}
	}
	if p := e.addresses[l.Address]; p != nil && len(p.names) == 1 && p.dhcid != "" && string(id.RDATA(p.names[0])) == p.dhcid {
		p.prove(l.Address)
	}
}

func (m *marks) prove(a netip.Addr) {
	if m.leased == nil {
		m.leased = map[netip.Addr]bool{}
	}
	m.leased[a] = true
}

// Targets gives the names that PTR records point to and that were not seen themselves.
func (e *Evidence) Targets() (out []wire.Name) {
	seen := map[wire.Name]bool{}
	for _, p := range e.addresses {
		for _, target := range p.names {
			if e.names[target] == nil && !seen[target] {
				seen[target] = true
				out = append(out, target)
			}
		}
	}
	return out
}

// Found is a record that this installation made.
type Found struct {
	owned.Record
	Leased bool // proven by a lease of ours; else by a marker that names the owner
}

// Proven gives the records that are provably ours, as they stand in DNS, and counts those in our networks that bear marks but
// not ours. What has no single DHCID, or marks that do not fit one another, proves nothing.
func (e *Evidence) Proven() (out []Found, foreign int) {
	add := func(kind owned.Kind, a netip.Addr, to wire.Name, m *marks) {
		ours, plain := owned.Marker(e.owner, m.dhcid), owned.Marker("", m.dhcid)
		byMarker := e.owner != "" && slices.Contains(m.texts, ours)
		switch {
		case m.dhcid == "":
			return // somebody made it by hand
		case m.many || !byMarker && !m.leased[a]:
			foreign++
			return
		}
		r := owned.Record{
			Key: owned.Key{Kind: kind, Address: a, Name: to}, DHCID: m.dhcid, Zone: m.zone, TTL: m.ttl, Source: owned.Found, State: owned.Present,
		}
		for _, text := range []string{plain, ours} {
			if slices.Contains(m.texts, text) {
				r.Marker = text
			}
		}
		if r.Check() == nil {
			out = append(out, Found{Record: r, Leased: m.leased[a]})
		}
	}
	for _, n := range e.names {
		for _, a := range n.addresses {
			add(owned.Forward, a, n.name, &n.marks)
		}
	}
	for a, p := range e.addresses {
		if len(p.names) == 1 {
			add(owned.Reverse, a, p.names[0], &p.marks)
		}
	}
	return out, foreign
}
