package publish

import (
	"bytes"
	"slices"

	"bundy/internal/dns/update"
	"bundy/internal/dns/wire"
	"bundy/internal/naming/owned"
)

// records are what one owned.Record stands for: the data, and beside it the marks that say whose it is.
type records struct {
	owner wire.Name
	data  wire.RR // A, AAAA or PTR
	dhcid wire.RR
	text  wire.RR // the TXT marker; without data if there is none
	rules owned.Rules

	ownerID string // that markers of today name
}

func recordsOf(r owned.Record, zone wire.Name, ownerID string) records {
	owner := Owner(r.Key, zone)
	rr := func(t wire.Type, data []byte) wire.RR {
		return wire.RR{Name: owner, Type: t, Class: wire.ClassIN, TTL: r.TTL, Data: data}
	}
	out := records{owner: owner, dhcid: rr(wire.TypeDHCID, []byte(r.DHCID)), text: rr(wire.TypeTXT, nil), rules: r.Rules, ownerID: ownerID}
	if r.Marker != "" {
		out.text.Data = textData(r.Marker)
	}
	switch {
	case r.Kind == owned.Reverse:
		out.data = rr(wire.TypePTR, []byte(r.Name))
	case r.Address.Is4():
		out.data = rr(wire.TypeA, r.Address.AsSlice())
	default:
		out.data = rr(wire.TypeAAAA, r.Address.AsSlice())
	}
	return out
}

// marks gives the marks, that by which ours is told from others' first. There may be none.
func (r records) marks() []wire.RR {
	var out []wire.RR
	if r.rules.Marks() {
		out = append(out, r.dhcid)
	}
	if len(r.text.Data) > 0 {
		out = append(out, r.text)
	}
	return out
}

// leaving gives the marks that go with the last record of a name. A TXT marker may be of another address of the client, which
// was put there when other markers were configured.
func (r records) leaving() []wire.RR {
	out := r.marks()
	if !r.rules.Marks() {
		return out
	}
	for _, id := range slices.Compact([]string{"", r.ownerID}) {
		marker := r.text
		if marker.Data = textData(owned.Marker(id, string(r.dhcid.Data))); !bytes.Equal(marker.Data, r.text.Data) {
			out = append(out, marker)
		}
	}
	return out
}

// textData is the RDATA of a TXT record of one string.
func textData(text string) []byte { return append([]byte{byte(len(text))}, text...) }

// step is one update of one record: the part of a message that speaks of its name.
type step struct{ prerequisites, updates []wire.RR }

// addFree adds the record and its marks if the name owns nothing at all (RFC 4703 section 5.3.1).
func (r records) addFree() step {
	return step{[]wire.RR{update.NameNotInUse(r.owner)}, r.added()}
}

func (r records) added() []wire.RR { return append([]wire.RR{update.Add(r.data)}, r.marks()...) }

// noAlias is that there is no CNAME, beside which the server would pass over our record in silence (RFC 2136 section
// 3.4.2.2).
func (r records) noAlias() wire.RR { return update.RRsetNotExists(r.owner, wire.TypeCNAME) }

// addOurs adds the record if the name is our client's already (RFC 4703 section 5.3.2). The section would delete the
// other addresses of the name; they may be of another lease of the client or an operator's, and ours are removed one by
// one, so nothing is deleted here.
func (r records) addOurs() step {
	s := step{
		[]wire.RR{update.NameInUse(r.owner), update.RRsetIs(r.dhcid), r.noAlias()}, []wire.RR{update.Add(r.data)},
	}
	if len(r.text.Data) > 0 {
		s.updates = append(s.updates, update.Add(r.text))
	}
	return s
}

// addBeside adds the record and its marks if some client has the name, whichever.
func (r records) addBeside() step {
	return step{[]wire.RR{update.RRsetExists(r.owner, wire.TypeDHCID), r.noAlias()}, r.added()}
}

// addAny adds the record and its marks whatever is there, and leaves it there.
func (r records) addAny() step { return step{[]wire.RR{r.noAlias()}, r.added()} }

// removeAll removes the record and its marks if the name is our client's and has no other address, in one step, so
// that no mark is left behind when the next one does not come. It names each record: others at the name stay, which
// section 5.5 would delete.
func (r records) removeAll() step {
	s := step{updates: []wire.RR{update.DeleteRR(r.data)}}
	marks := r.marks()
	for i, mark := range r.leaving() {
		if i == 0 {
			s.prerequisites = append(s.prerequisites, update.RRsetIs(mark))
		}
		s.updates = append(s.updates, update.DeleteRR(mark))
	}
	if len(marks) == 0 || r.data.Type == wire.TypePTR { // a reverse name has one address
		return s
	}
	s.prerequisites = append(s.prerequisites, update.RRsetIs(r.data), update.RRsetNotExists(r.owner, r.otherFamily()))
	return s
}

func (r records) otherFamily() wire.Type {
	if r.data.Type == wire.TypeA {
		return wire.TypeAAAA
	}
	return wire.TypeA
}

// found is what a look at a name saw: the data of its records by type.
type found map[wire.Type][][]byte

// looks gives the types that matter at the name.
func (r records) looks() []wire.Type {
	types := []wire.Type{r.data.Type}
	for _, mark := range r.marks()[:min(len(r.marks()), 1)] {
		types = append(types, mark.Type)
	}
	if r.data.Type != wire.TypePTR && len(r.marks()) > 0 {
		types = append(types, r.otherFamily())
	}
	return types
}

func (f found) has(rr wire.RR) bool {
	return slices.ContainsFunc(f[rr.Type], func(data []byte) bool { return wire.CompareData(rr.Type, data, rr.Data) == 0 })
}

// marked tells whether what was found is ours by its mark; a record without marks is.
func (r records) marked(f found) bool {
	marks := r.marks()
	return len(marks) == 0 || f.has(marks[0])
}

// present tells whether the record is there and ours.
func (r records) present(f found) bool { return f.has(r.data) && r.marked(f) }

// alone tells whether the name has no address but ours.
func (r records) alone(f found) bool {
	n := len(f[r.data.Type]) + len(f[r.otherFamily()])
	return r.data.Type == wire.TypePTR || n == 0 || n == 1 && f.has(r.data)
}

// gone tells whether nothing of ours is left to remove. A mark without data is, unless the name has an address or is
// marked for another client too: by rules that put no mark beside another, it was not we who did.
func (r records) gone(f found) bool {
	marks := r.marks()
	beside := r.rules == owned.CheckExists || r.rules == owned.NoCheck
	return !f.has(r.data) && (len(marks) == 0 || !f.has(marks[0]) || !r.alone(f) || len(f[marks[0].Type]) > 1 && !beside)
}

// removeFound removes what is ours of what was found, on condition that it is still just that: between the look and the
// update nobody can have changed it.
func (r records) removeFound(f found) step {
	var s step
	for _, t := range r.looks() {
		if len(f[t]) == 0 {
			s.prerequisites = append(s.prerequisites, update.RRsetNotExists(r.owner, t))
		}
		for _, data := range f[t] {
			s.prerequisites = append(s.prerequisites, update.RRsetIs(wire.RR{Name: r.owner, Type: t, Class: wire.ClassIN, Data: data}))
		}
	}
	if f.has(r.data) {
		s.updates = append(s.updates, update.DeleteRR(r.data))
	}
	if r.alone(f) {
		for _, mark := range r.leaving() {
			s.updates = append(s.updates, update.DeleteRR(mark))
		}
	}
	return s
}
