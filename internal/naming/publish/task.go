package publish

import (
	"net/netip"

	"bundy/internal/dns/wire"
	"bundy/internal/naming/owned"
	"bundy/internal/naming/reconcile"
)

// phase is what the next update of a record tries.
type phase uint8

const (
	tryFree phase = iota
	tryOurs
	tryBeside
	tryAny
	removeAll
	removeFound // what the last look saw
	ended
)

// maxRounds bounds how often a record starts anew because its name came, went or changed between two updates.
const maxRounds = 3

// task is one record on its way at one server.
type task struct {
	record  owned.Record
	records records
	zone    wire.Name      // that it is for
	server  netip.AddrPort // the last one that it was tried at
	err     error          // with outcome Failed: why, if no rcode says it
	phase   phase
	rounds  int
	seen    found // by the last look

	verifying  bool // the record ought to be there
	denied     bool // while verifying, the name was found not to be ours: only if it is free it may be taken
	unanswered bool // an update of it got no answer, at this or another server

	outcome  reconcile.Outcome
	reason   string
	rcode    wire.Rcode // with outcome Failed: what the server said
	text     string     // with rcode: what it said beside
	left     string     // why a record that is not wanted stays
	held     bool       // see Result
	restored bool
}

// begin sets the first phase at a server.
func (t *task) begin(zone wire.Name, ownerID string) {
	t.records, t.zone = recordsOf(t.record, zone, ownerID), zone
	t.rounds, t.seen, t.denied = 0, nil, false
	t.outcome, t.reason, t.rcode = reconcile.Failed, "", 0
	unchecked := t.record.Rules == owned.NoCheck || t.record.Rules == owned.NoDHCID
	leaving := t.record.State.Leaving()
	t.verifying = t.record.State == owned.Present
	switch {
	case t.records.owner.Equal(zone) && leaving:
		t.end(reconcile.Done, "") // never added
	case t.records.owner.Equal(zone):
		t.end(reconcile.Taken, "the name is the zone itself")
	case leaving:
		t.phase = removeAll
	case unchecked:
		t.phase = tryAny
	case t.verifying: // the update that changes nothing goes first
		t.phase = tryOurs
	default:
		t.phase = tryFree
	}
}

func (t *task) end(o reconcile.Outcome, reason string) {
	t.phase, t.outcome, t.reason = ended, o, reason
}

func (t *task) refused(rcode wire.Rcode) {
	t.phase, t.outcome, t.rcode = ended, reconcile.Failed, rcode
}

// step gives the update of the phase.
func (t *task) step() step {
	switch t.phase {
	case tryFree:
		return t.records.addFree()
	case tryOurs:
		return t.records.addOurs()
	case tryBeside:
		return t.records.addBeside()
	case tryAny:
		return t.records.addAny()
	case removeAll:
		return t.records.removeAll()
	}
	return t.records.removeFound(t.seen)
}

// unmet tells whether an rcode says that a prerequisite does not hold (RFC 2136 section 3.2).
func unmet(rcode wire.Rcode) bool {
	switch rcode {
	case wire.RcodeYXDomain, wire.RcodeYXRRSet, wire.RcodeNXRRSet, wire.RcodeNXDomain:
		return true
	}
	return false
}

// answered takes the answer to the update of the phase. look tells that the name must be looked at before it goes on.
func (t *task) answered(rcode wire.Rcode) (look bool) {
	switch {
	case rcode == wire.RcodeNoError:
		t.restored = t.verifying && t.phase == tryFree
		t.end(reconcile.Done, "")
		return false
	case !unmet(rcode):
		t.refused(rcode)
		return false
	}
	switch t.phase {
	case tryFree:
		t.phase = tryOurs
		return t.denied
	case tryOurs:
		switch t.rounds++; {
		case t.rounds > maxRounds:
			t.refused(rcode)
		case rcode == wire.RcodeNXDomain: // it has gone, or went just now
			t.phase = tryFree
		case t.verifying && !t.denied:
			t.phase, t.denied = tryFree, true
		case t.record.Rules == owned.CheckExists:
			t.phase = tryBeside
		default:
			return true
		}
	case removeFound:
		if t.rounds++; t.rounds > maxRounds {
			t.refused(rcode)
			return false
		}
		return true
	default:
		return true
	}
	return false
}

// looked takes what a look saw after an answer that leaves the record where it cannot be put or removed as it was.
func (t *task) looked(f found) {
	switch {
	case t.record.State.Leaving():
		t.remains(f)
	case t.phase != tryAny && t.records.present(f) && len(f[wire.TypeDHCID]) == 1: // whatever the server said before
		t.end(reconcile.Done, "")
	case t.phase == tryAny:
		t.end(reconcile.Taken, "the name is an alias")
	case len(f) == 0:
		t.end(reconcile.Taken, "the name is in use by somebody else: it has records of other types")
	case len(f[wire.TypeDHCID]) == 0:
		t.end(reconcile.Taken, "the name is in use by somebody else: its records have no DHCID, so they were made by hand")
	case f.has(t.records.dhcid) && len(f[wire.TypeDHCID]) == 1:
		t.end(reconcile.Taken, "the name is our client's, but in use by somebody else too")
	default:
		t.end(reconcile.Taken, "the name is in use by somebody else: the DHCID is of another client")
	}
}

// remains decides what is to be done about what is left of a record that is to go.
func (t *task) remains(f found) {
	switch {
	case t.records.gone(f):
		t.end(reconcile.Done, "")
	case !t.records.marked(f): // the data is there
		t.left = "it is not marked as ours any more"
		t.end(reconcile.Done, "")
	default:
		t.phase, t.seen = removeFound, f
	}
}

// settled tells whether what a look saw is what the record was to become, so that an update without answer was carried
// out, or was not needed.
func (t *task) settled(f found) bool {
	if t.record.State.Leaving() {
		return t.records.gone(f)
	}
	return t.records.present(f)
}
