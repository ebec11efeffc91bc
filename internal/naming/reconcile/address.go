package reconcile

import (
	"net/netip"
	"time"

	"bundy/internal/dns/wire"
	"bundy/internal/naming/owned"
)

// Desired is what DNS should say about one address.
type Desired struct {
	Name    wire.Name // lower case
	DHCID   string    // RDATA
	Forward Direction
	Reverse Direction
	TTL     uint32 // seconds
	Expires time.Time
	Source  owned.Source
	Rules   owned.Rules // for records that are made from now on
	Marker  string      // the same; see owned.Record
}

// Direction tells whether a record is wanted and where it goes.
type Direction struct {
	Wanted bool
	Zone   wire.Name // "" if no domain is configured for it: then nothing is added, and what is there goes
}

// Address returns the changes of state for one address: records that are wanted no longer are to be removed, and
// what is missing is to be added. want is nil when the address has no active lease with a name. have are all records
// owned at the address. A record whose key is taken by one that must first go is not added now: ask again when that
// one is gone.
//
// An address is only said to have a name once the name is known to be the client's, and not while it is somebody else's
// (RFC 4703 section 5.3): the Schedule holds the reverse record back until the forward one is in DNS, and here it is
// withdrawn when that stands in Conflict. Ask again when the forward record changed its state.
func Address(address netip.Addr, want *Desired, have []owned.Record) []owned.Change {
	var changes []owned.Change
	for _, kind := range []owned.Kind{owned.Forward, owned.Reverse} {
		var dir Direction
		early := false // the forward record's key is taken: what is there stays, nothing is added
		if want != nil {
			dir = want.Forward
			if kind == owned.Reverse {
				dir = want.Reverse
				switch state, expected := forwardState(want, have); {
				case expected && state == owned.Conflict:
					dir = Direction{}
				case expected && state.Leaving():
					early = true
				}
			}
		}
		missing := dir.Wanted && dir.Zone != "" && !early
		for _, r := range have {
			if r.Kind != kind {
				continue
			}
			if dir.Wanted && dir.Zone != "" && r.Name == want.Name {
				missing = false // the key is taken, rightly or for now
				if r.DHCID == want.DHCID {
					changes = append(changes, keep(r, want)...)
					continue
				}
			}
			changes = append(changes, withdraw(r)...)
		}
		if missing {
			changes = append(changes, owned.Put(owned.Record{
				Key:   owned.Key{Kind: kind, Address: address, Name: want.Name},
				DHCID: want.DHCID, Zone: dir.Zone, TTL: want.TTL, Source: want.Source, Expires: want.Expires,
				State: owned.Adding, Rules: want.Rules, Marker: want.Marker,
			}))
		}
	}
	return changes
}

// forwardState gives the state of the forward record that want speaks of, Adding if there is none yet. expected is false
// when there is to be none: then the reverse record stands alone. A record of another client at the same key is one that
// leaves.
func forwardState(want *Desired, have []owned.Record) (state owned.State, expected bool) {
	if !want.Forward.Wanted || want.Forward.Zone == "" {
		return owned.Adding, false
	}
	for _, r := range have {
		if r.Kind == owned.Forward && r.Name == want.Name && r.DHCID == want.DHCID {
			if r.State.Leaving() { // it is kept
				return owned.Adding, true
			}
			return r.State, true
		}
		if r.Kind == owned.Forward && r.Name == want.Name {
			return owned.Removing, true
		}
	}
	return owned.Adding, true
}

// keep wants a record of ours again, if it was on its way out. A removal that is under way ends first; its result is
// then about another state and says nothing. One that could not be added is tried by the rules of today.
func keep(r owned.Record, want *Desired) []owned.Change {
	before := r
	switch {
	case r.Source == owned.Found && r.State == owned.Present: // it may have gone since it was found
		r.State = owned.Adding
	case r.State == owned.Present && r.Rules.Marks() && want.Marker != "" && (r.Marker == "" || r.Marker == owned.Marker("", r.DHCID)):
		r.Marker = want.Marker // the next look puts it there
	}
	if r.Source == owned.Found {
		r.Expires = want.Expires
	}
	r.Source = want.Source
	if r.State == owned.Conflict && r.Doubt.IsZero() {
		r.Rules, r.Marker = want.Rules, want.Marker
	}
	if r.State.Leaving() {
		r.State, r.Tries, r.NextTry, r.LastError = owned.Adding, 0, time.Time{}, ""
	}
	if r == before {
		return nil
	}
	return []owned.Change{owned.Put(r)}
}

// withdraw removes a record. Even one in Conflict may be in DNS, if an update whose answer was lost did go through: to
// remove what is not there costs one update, and the DHCID keeps it from harming anybody.
func withdraw(r owned.Record) []owned.Change {
	if r.State.Leaving() {
		return nil
	}
	r.State, r.Tries, r.NextTry, r.LastError = owned.Removing, 0, time.Time{}, ""
	return []owned.Change{owned.Put(r)}
}

// Bounds of a record's time to live in seconds. A third of the lease is what RFC 4702 section 5 recommends at most;
// its lower bound of ten minutes would outlive short leases, so ours only keeps caches from asking all the time.
const (
	minTTL = 10
	maxTTL = 3600
)

// TTL gives the time to live for the records of a lease of length seconds: a third of it within bounds, or fixed if
// that is not 0, but never more than the lease.
// A length of 0 means that it is not known.
func TTL(length, fixed uint32) uint32 {
	if length == 0 {
		length = 3 * minTTL
	}
	if fixed != 0 {
		return min(fixed, length)
	}
	return min(max(length/3, minTTL), maxTTL, length)
}
