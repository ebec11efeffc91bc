package zone

import (
	"encoding/binary"
	"math"

	"bundy/internal/dns/wire"
)

const (
	// maxLinks bounds the CNAME and DNAME records followed for one question, as other servers do.
	maxLinks = 16
	// maxGlue bounds the name servers of a delegation whose addresses are looked up. Far more than fit a UDP message.
	maxGlue = 64
	// hashesOfStep is the number of names that the last step of an answer may have to hash: those of a closest encloser
	// proof and a wildcard. Aliases are followed only where that much can still be afforded.
	hashesOfStep = 3
	// maxSets bounds the RRsets of an answer to ANY.
	maxSets = 128
)

// Answer is the reply to one question, as references into versions of zones. Reuse one for all questions of a
// goroutine: after the first few it allocates nothing.
//
// Positive answers do not repeat the zone's own name servers in the authority section: RFC 1034 section 4.3.2 does not
// ask for them, resolvers do not need them, and they would cost half the time of an answer and room that data needs.
type Answer struct {
	Rcode wire.Rcode
	AA    bool

	// Permits says which zones of a catalog the client may ask; nil permits all. It stays from one question to the next.
	// A question for another zone is answered REFUSED, and aliases are not followed into one.
	Permits func(*Entry) bool

	// Open gives the version of a zone that is stored, made for this answer; nil if it cannot be read, and then the zone is
	// answered SERVFAIL. It stays from one question to the next.
	Open func(*Entry) *Version
	// Unread is set when the answer would need a stored zone and Open is nil: what there is of it then is not to be used.
	Unread bool

	zone     *Entry    // that the question is for; nil if there is none, or it came without a catalog
	source   wire.Name // see Source; part of the question's name
	others   []visited // further zones, that aliases led to
	sections [3][]item
	links    int
	synth    [maxLinks + 1]synthesis
	star     [wire.MaxName + 2]byte
	denial   denialRoom
}

// visited is a zone that an answer comes from, in the version that was in service when the answer first needed it.
type visited struct {
	entry   *Entry
	version *Version
}

// item is one RRset to send.
type item struct {
	owner    wire.Name
	set      rrset
	maxTTL   uint32
	required bool // without it the reply is truncated
}

// synthesis is room for a CNAME made of a DNAME.
type synthesis struct {
	set     rrset
	encoded [wire.RRHead + wire.MaxName]byte
	name    [wire.MaxName]byte
}

func (a *Answer) reset() {
	a.Release()
	a.Unread = false
	a.Rcode, a.AA, a.links, a.denial.runs = wire.RcodeNoError, false, 0, 0
}

// Release gives up what the Answer refers to, when it was sent: versions that go out of service would else stay in memory
// for as long as no other question comes.
func (a *Answer) Release() {
	a.zone, a.source = nil, ""
	clear(a.others)
	a.others = a.others[:0]
	for i := range a.sections {
		clear(a.sections[i])
		a.sections[i] = a.sections[i][:0]
	}
}

// Answers tells how many RRsets the answer section has.
func (a *Answer) Answers() int { return len(a.sections[wire.Answer]) }

// Zone gives the zone that the question is for: nil if it was refused, or was not asked of a Catalog.
func (a *Answer) Zone() *Entry { return a.zone }

// Source gives the part of the question's name that the answer comes from when the name is not there itself: what a
// wildcard is below, the owner of a DNAME, or a delegation. It is "" otherwise. Answers to any number of names that
// nobody ever entered have few sources.
func (a *Answer) Source() wire.Name { return a.source }

func (a *Answer) comesFrom(name wire.Name) {
	if a.links == 0 {
		a.source = name
	}
}

// Lookup answers a question from one zone. The name must be in lower case, at or below the origin, and must stay as it
// is while the Answer is in use. With do, signatures are added.
func (v *Version) Lookup(qname wire.Name, qtype wire.Type, do bool, a *Answer) {
	a.reset()
	a.follow(nil, v, qname, qtype, do)
}

// Lookup answers a question from the zones of the catalog. Aliases are followed from zone to zone as long as they lead
// to zones that are here. No zone gives REFUSED; a zone that is known but not loaded gives SERVFAIL; both without AA.
// Otherwise as Lookup of a Version.
func (c *Catalog) Lookup(class wire.Class, qname wire.Name, qtype wire.Type, do bool, a *Answer) {
	a.reset()
	e := c.ZoneFor(class, qname, qtype)
	if e == nil {
		a.Rcode = wire.RcodeRefused
		return
	}
	a.zone = e
	if !a.permits(e) {
		a.Rcode = wire.RcodeRefused
		return
	}
	v := a.open(e)
	if v == nil {
		a.Rcode = wire.RcodeServFail
		return
	}
	a.follow(c, v, qname, qtype, do)
}

// open gives the version of a zone to answer from, nil if there is none.
func (a *Answer) open(e *Entry) *Version {
	v := e.Version()
	if v != nil || !e.Stored() {
		return v
	}
	if a.Open == nil {
		a.Unread = true
		return nil
	}
	return a.Open(e)
}

func (a *Answer) permits(e *Entry) bool { return a.Permits == nil || a.Permits(e) }

// ZoneFor gives the zone that answers a question, nil if there is none. The name must be in lower case. DS records are the
// parent zone's (RFC 4035 section 3.1.4.1), if it is here.
func (c *Catalog) ZoneFor(class wire.Class, qname wire.Name, qtype wire.Type) *Entry {
	if qtype == wire.TypeDS && len(qname) > 1 {
		if e := c.Find(class, qname.Parent()); e != nil {
			return e
		}
	}
	return c.Find(class, qname)
}

// follow answers from v, and then from where aliases lead. c is nil if they must stay in v.
func (a *Answer) follow(c *Catalog, v *Version, name wire.Name, qtype wire.Type, do bool) {
	if !v.soa.exists() || !v.ns.exists() {
		a.Rcode = wire.RcodeServFail
		return
	}
	a.AA = true
	first := v
	for {
		target := a.step(v, name, qtype, do)
		if target == "" || a.links >= maxLinks || do && !a.affords(v, hashesOfStep) {
			return
		}
		a.links++
		name = target
		if c == nil {
			if !name.IsBelow(v.key) {
				return
			}
			continue
		}
		e := c.ZoneFor(v.class, name, qtype)
		if e == nil || !a.permits(e) {
			return
		}
		if v = a.versionOf(e, first); v == nil || !v.soa.exists() || !v.ns.exists() {
			return // what was found so far is a good answer; the resolver asks on for the rest
		}
	}
}

// versionOf gives the version of a zone that an alias leads to. All of an answer that comes from one zone comes from one
// version of it, whatever is put in service meanwhile: else an alias of the old one could lead to nothing in the new one.
func (a *Answer) versionOf(e *Entry, first *Version) *Version {
	if e == a.zone {
		return first
	}
	for _, z := range a.others {
		if z.entry == e {
			return z.version
		}
	}
	v := a.open(e)
	a.others = append(a.others, visited{e, v})
	return v
}

// step answers for one name, which lies in v. It returns the name that an alias leads to, "" if the answer is complete.
func (a *Answer) step(v *Version, name wire.Name, qtype wire.Type, do bool) (target wire.Name) {
	if v.cuts == 0 { // nothing can lie between the apex and the name: the most common case needs one look-up
		if n := v.names.get(name); n.exists() && !n.hashed() {
			return a.atNode(v, n, name, "", qtype, do)
		}
	}
	var offs [128]uint8
	labels, apexLabels := 0, v.key.Labels()
	for i := 0; name[i] != 0; i += 1 + int(name[i]) {
		offs[labels] = uint8(i)
		labels++
	}
	at := v.apex
	for i := labels - apexLabels - 1; i >= 0; i-- {
		if d := at.set(wire.TypeDNAME); d.exists() {
			return a.redirect(v, at, d, name, qtype, do)
		}
		var next node
		if at.children() > 0 {
			next = v.names.get(name[offs[i]:])
		}
		if !next.exists() || next.hashed() {
			return a.wildcard(v, at, name, name[offs[i]:], qtype, do)
		}
		at = next
		if v.cuts > 0 {
			if ns := at.set(wire.TypeNS); ns.exists() && (i > 0 || qtype != wire.TypeDS) {
				a.refer(v, at, name[offs[i]:], ns, do)
				return ""
			}
		}
	}
	return a.atNode(v, at, name, "", qtype, do)
}

// atNode answers from the records of an existing name. If it is a wildcard that stands for the name asked, closer is
// the part of that name that is one label longer than what exists of it; else it is "".
func (a *Answer) atNode(v *Version, n node, name, closer wire.Name, qtype wire.Type, do bool) (target wire.Name) {
	if qtype == wire.TypeANY || qtype == wire.TypeRRSIG {
		if a.allSets(n, name, qtype, do) {
			if closer != "" && do {
				a.denyExpansion(v, closer)
			}
			return ""
		}
	} else if s := n.set(qtype); s.exists() && qtype != wire.TypeNSEC3 {
		a.add(wire.Answer, n, name, s, do, true)
		if closer != "" && do {
			a.denyExpansion(v, closer)
		}
		a.related(v, name, s, do)
		return ""
	}
	if s := n.set(wire.TypeCNAME); s.exists() {
		if a.has(name, s) {
			return "" // a loop: once around is all there is to say
		}
		a.add(wire.Answer, n, name, s, do, true)
		if closer != "" && do {
			a.denyExpansion(v, closer)
		}
		return s.target()
	}
	a.negative(v, wire.RcodeNoError, do)
	switch {
	case !do:
	case closer != "":
		a.denyWildcardType(v, n, closer)
	default:
		a.denyType(v, n, name)
	}
	return ""
}

// allSets adds every RRset of a name, or with type RRSIG every signature. False: there are none.
func (a *Answer) allSets(n node, name wire.Name, qtype wire.Type, do bool) bool {
	found := false
	c := n.sets()
	for i := 0; i < maxSets && c.next(); i++ {
		s := c.set
		if !s.denies() && (s.typ == qtype || qtype == wire.TypeANY && (do || s.typ != wire.TypeRRSIG)) {
			a.put(wire.Answer, item{name, s, math.MaxUint32, true})
			found = true
		}
	}
	return found
}

// wildcard answers for a name that does not exist, whose closest encloser is at (RFC 4592 section 3.3.1). closer is the
// part of the name that is one label longer.
func (a *Answer) wildcard(v *Version, at node, name, closer wire.Name, qtype wire.Type, do bool) (target wire.Name) {
	if at.star() {
		if n := v.names.get(a.wildcardOf(closer.Parent())); n.exists() {
			a.comesFrom(closer.Parent())
			return a.atNode(v, n, name, closer, qtype, do)
		}
	}
	a.negative(v, wire.RcodeNXDomain, do)
	if do {
		a.denyName(v, closer)
	}
	return ""
}

// redirect answers by a DNAME above the name (RFC 6672 section 3.2). Who asks for the CNAME has it then: what lies behind
// it, or does not, is no part of that answer.
func (a *Answer) redirect(v *Version, at node, d rrset, name wire.Name, qtype wire.Type, do bool) (target wire.Name) {
	owner, aim := at.name(), d.target()
	if !a.has(owner, d) {
		a.add(wire.Answer, at, owner, d, do, true)
	}
	prefix := name[:len(name)-len(owner)]
	a.comesFrom(name[len(prefix):])
	if len(prefix)+len(aim) > wire.MaxName {
		a.Rcode = wire.RcodeYXDomain
		return ""
	}
	for _, it := range a.sections[wire.Answer] {
		if it.set.typ == wire.TypeCNAME && it.owner == name {
			return "" // a loop: this alias was said already
		}
	}
	s := &a.synth[a.links]
	s.make(v.class, d, prefix)
	a.put(wire.Answer, item{name, s.set, math.MaxUint32, true})
	if qtype == wire.TypeCNAME {
		return ""
	}
	if aim.IsBelow(owner) {
		return "" // each new name would be below the DNAME again, without end
	}
	return s.set.target()
}

// make makes the CNAME that leads from prefix and the DNAME's owner to prefix and the DNAME's target.
func (s *synthesis) make(class wire.Class, d rrset, prefix wire.Name) {
	n := copy(s.name[:], prefix)
	n += copy(s.name[n:], d.target())
	e := s.encoded[:0]
	e = binary.BigEndian.AppendUint16(e, uint16(wire.TypeCNAME))
	e = binary.BigEndian.AppendUint16(e, uint16(class))
	e = binary.BigEndian.AppendUint32(e, d.ttl())
	e = binary.BigEndian.AppendUint16(e, uint16(n))
	e = append(e, s.name[:n]...)
	s.set = rrset{typ: wire.TypeCNAME, count: 1, encoded: e, lowered: e}
}

// refer answers that the zone delegated at n is responsible. name is the name of n in lower case.
func (a *Answer) refer(v *Version, n node, name wire.Name, ns rrset, do bool) {
	if a.links == 0 {
		a.AA = false
	}
	a.comesFrom(name)
	owner := n.name()
	a.add(wire.Authority, n, owner, ns, do, true)
	if do && v.denial.signed() {
		if ds := n.set(wire.TypeDS); ds.exists() {
			a.add(wire.Authority, n, owner, ds, do, true)
		} else {
			a.denyType(v, n, name)
		}
	}
	// Without the addresses of servers below the cut the delegation is of no use (RFC 9471 section 2.1): they come first.
	for _, below := range [...]bool{true, false} {
		t := ns.targets()
		for i := 0; i < maxGlue && t.next(); i++ {
			if t.name.IsBelow(owner) == below {
				a.addresses(v, t.name, do, below)
			}
		}
	}
}

// negative answers that there is no such name or no such data (RFC 2308 sections 2 and 3).
func (a *Answer) negative(v *Version, rcode wire.Rcode, do bool) {
	a.Rcode = rcode
	ttl := v.negativeTTL()
	a.put(wire.Authority, item{v.apex.name(), v.soa, ttl, true})
	if do {
		if sig := v.apex.signature(wire.TypeSOA); sig.exists() {
			a.put(wire.Authority, item{v.apex.name(), sig, ttl, true})
		}
	}
}

// negativeTTL is how long what a negative answer says may be kept (RFC 2308 section 5).
func (v *Version) negativeTTL() uint32 { return min(v.soa.ttl(), soaMinimum(v.soa.first())) }

// add puts an RRset of n into a section, and with do its signatures.
func (a *Answer) add(section wire.Section, n node, owner wire.Name, s rrset, do, required bool) {
	a.put(section, item{owner, s, math.MaxUint32, required})
	if do {
		if sig := n.signature(s.typ); sig.exists() {
			a.put(section, item{owner, sig, math.MaxUint32, required})
		}
	}
}

func (a *Answer) put(section wire.Section, it item) {
	a.sections[section] = append(a.sections[section], it)
}

// has tells whether the RRset is in the answer section under that name.
func (a *Answer) has(owner wire.Name, s rrset) bool {
	for _, it := range a.sections[wire.Answer] {
		if it.owner == owner && it.set.same(s) {
			return true
		}
	}
	return false
}

// Write writes the records behind the question in b. It returns true if the reply must say TC: an RRset that it must
// hold, or its signatures, did not fit (RFC 2181 section 9, RFC 4035 section 3.1.1, RFC 9471). What is only additional is
// left out without TC. An RRset goes with its signatures or not at all.
func (a *Answer) Write(b *wire.Builder) (truncated bool) {
	for section, items := range a.sections {
		before, left := b.Mark(), false // the RRset at hand begins there; it was left out
		for i := range items {
			it := &items[i]
			if i == 0 || !it.signs(&items[i-1]) {
				before, left = b.Mark(), false
			} else if left {
				continue
			}
			s := &it.set
			if b.AddSet(wire.Section(section), it.owner, s.typ, s.encoded, int(s.count), it.maxTTL) {
				continue
			}
			b.Rewind(before)
			if it.required {
				return true
			}
			left = true
		}
	}
	return false
}

// signs tells whether these are the signatures of the RRset o.
func (it *item) signs(o *item) bool {
	return it.set.covers != 0 && it.set.covers == o.set.typ && it.owner == o.owner
}
