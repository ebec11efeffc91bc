package zone

import (
	"fmt"

	"bundy/internal/dns/wire"
)

// editor makes the next version of a zone. It works on drafts of the names it touches, and enters them at the end.
type editor struct {
	v      *Version // a copy that nobody else knows
	drafts map[wire.Name]*draft
}

// node gives the draft of a name, made with all names between it and the apex if it is not there.
func (ed *editor) node(name, key wire.Name) *draft {
	d := ed.drafts[key]
	if d != nil && !d.gone {
		return d
	}
	if d == nil {
		if n := ed.v.names.get(key); n.exists() {
			d = n.draft()
			ed.drafts[key] = d
			return d
		}
	}
	d = &draft{name: name}
	ed.drafts[key] = d
	if len(key) > len(ed.v.key) {
		parent := ed.node(name.Parent(), key.Parent())
		parent.children++
		if key.IsWildcard() {
			parent.star = true
		}
	}
	return d
}

// prune takes a name out that has neither records nor names below it, and then its parent alike.
func (ed *editor) prune(d *draft, key wire.Name) {
	if len(d.sets) > 0 || d.children > 0 || len(key) <= len(ed.v.key) {
		return
	}
	d.gone = true
	parent := ed.node(d.name.Parent(), key.Parent())
	parent.children--
	if key.IsWildcard() {
		parent.star = false
	}
	ed.prune(parent, key.Parent())
}

// put replaces the RRset old of a name by s; either may be none.
func (ed *editor) put(d *draft, old, s rrset) {
	t, covers := s.typ, s.covers
	if old.exists() {
		t, covers = old.typ, old.covers
	}
	ed.v.rrs += int(s.count) - int(old.count)
	if ed.v.isCut(t, d.name) {
		if old.exists() {
			ed.v.cuts--
		}
		if s.exists() {
			ed.v.cuts++
		}
	}
	d.replace(t, covers, s)
}

// finish enters the drafts.
func (ed *editor) finish() (*Version, error) {
	e := &edit{}
	v := ed.v
	for key, d := range ed.drafts {
		if d.gone {
			v.names.remove(e, key)
		} else {
			v.names.put(e, key, d.node())
		}
	}
	if v.names.crowd() > 1 { // nobody did it in time
		folded, err := v.names.fold()
		if err != nil {
			return nil, fmt.Errorf("zone %s: %w", v.origin, err)
		}
		v.names = folded
	}
	v.settle()
	return v, nil
}
