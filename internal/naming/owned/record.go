package owned

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"bundy/internal/dns/wire"
)

// Kind is the direction of a record.
type Kind uint8

const (
	Forward Kind = iota // an A or AAAA record at Name
	Reverse             // a PTR record at the reverse name of Address
)

func (k Kind) String() string { return text(k, "forward", "reverse") }

// State is how far a record is.
type State uint8

const (
	Adding   State = iota // wanted; an update may have been sent, so it may or may not be in DNS
	Present               // in DNS, by an update of ours that was answered
	Removing              // not wanted any more; may still be in DNS
	Conflict              // wanted, but the name was found to belong to somebody else; tried again later
	Settling              // removed; an update that nobody answered may still bring it back, so it is looked at again
)

func (s State) String() string {
	return text(s, "adding", "present", "removing", "conflict", "settling")
}

// Leaving tells whether the record is not wanted any more.
func (s State) Leaving() bool { return s == Removing || s == Settling }

// Source says who wants a record.
type Source uint8

const (
	Lease   Source = iota // an active lease of a lease file we follow
	Request               // a name change request of another DHCP server
	Found                 // nobody here; it was found in DNS and is ours. Until Expires another node may have given a lease for it
)

func (s Source) String() string { return text(s, "lease", "request", "found") }

// Rules says when a record may be put at a name that is in use, and how ours is told from others'. A record is removed
// by the rules that it was made by, whatever the configuration says by then.
type Rules uint8

const (
	CheckDHCID   Rules = iota // RFC 4703: only if the name is marked with our client's DHCID, and with no other
	ReplaceOwned              // as CheckDHCID; among clients of ours that want one name, the newest gets it
	SkipExisting              // as CheckDHCID; a name that somebody else has is no news
	StrictFail                // as CheckDHCID; a name that somebody else has is a failure
	CheckExists               // if the name has any DHCID record; ours is put beside it
	NoCheck                   // always, with our DHCID record beside what is there
	NoDHCID                   // always, and without DHCID record
)

func (r Rules) String() string {
	return text(r, "check-with-dhcid", "replace-owned", "skip-existing", "strict-fail", "check-exists-with-dhcid",
		"no-check-with-dhcid", "no-check-without-dhcid")
}

// ParseRules reads what String writes.
func ParseRules(s string) (Rules, error) {
	for r := range NoDHCID + 1 {
		if r.String() == s {
			return r, nil
		}
	}
	return 0, fmt.Errorf("unknown conflict policy %q", s)
}

// Marks tells whether a DHCID record stands beside the record.
func (r Rules) Marks() bool { return r != NoDHCID }

func text[T ~uint8](v T, names ...string) string {
	if int(v) < len(names) {
		return names[v]
	}
	return fmt.Sprintf("%T(%d)", v, uint8(v))
}

// Key tells records apart. There is at most one of a key: when an address keeps its name but gets another client, the
// old client's record must be gone before the new one's is wanted.
type Key struct {
	Kind    Kind
	Address netip.Addr
	Name    wire.Name // lower case; of the client, in both directions
}

// Pairs tells whether k is the reverse record to the forward record before: of the same address and name.
func (k Key) Pairs(before Key) bool {
	return k.Kind == Reverse && before.Kind == Forward && k.Address == before.Address && k.Name == before.Name
}

// Record is one record of ours together with its DHCID.
type Record struct {
	Key
	DHCID     string    // RDATA of the DHCID record beside it
	Zone      wire.Name // zone it is or was sent to; wire.Root if a server was to find that out
	TTL       uint32    // seconds
	Source    Source
	Expires   time.Time // end of the lease when the record was last wanted anew; zero if it never ends
	State     State
	Tries     uint32    // failed tries in this state
	NextTry   time.Time // not before; zero: at once
	LastError string    // of the last failed try
	Rules     Rules     // that the record was or is to be made by
	Marker    string    // text of the TXT record beside it; "": there is none
	Doubt     time.Time // until then an update that nobody answered may still be carried out; zero: there is none
}

// markerHead begins each marker.
const markerHead = "bundy-dhcp-ddns="

const (
	// markerOctets is how much of a client's digest a marker tells: enough that no two are alike by chance.
	markerOctets = 16

	// maxOwner bounds the name of an owner, so that a marker is one character-string.
	maxOwner = 63
)

// Marker gives the text of the TXT record that says whose a name is, for a DHCID's data. It is made of the client, its name and
// the owner alone, and so the same on every node of that owner; without an owner it says no more than that a server of this
// kind made it.
func Marker(owner, dhcid string) string {
	const head = 3 // type of identifier and of digest (RFC 4701 section 3.1)
	digest := dhcid[min(head, len(dhcid)):]
	if owner != "" {
		owner += ":"
	}
	return fmt.Sprintf("%s%s%x", markerHead, owner, digest[:min(markerOctets, len(digest))])
}

// IsMarker tells whether a text is a marker of any owner.
func IsMarker(text string) bool { return strings.HasPrefix(text, markerHead) }

// CheckOwner tells what is wrong with the name of an owner.
func CheckOwner(owner string) error {
	if len(owner) > maxOwner {
		return fmt.Errorf("%q has %d octets, more than %d", owner, len(owner), maxOwner)
	}
	const may = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."
	if strings.ContainsFunc(owner, func(r rune) bool { return !strings.ContainsRune(may, r) }) {
		return fmt.Errorf("%q has other characters than letters, digits, hyphens, underscores and dots", owner)
	}
	return nil
}

// maxMarker is what one character-string of a TXT record holds (RFC 1035 section 3.3).
const maxMarker = 255

// Want is what another DHCP server asked for an address by name change requests.
type Want struct {
	Address          netip.Addr
	Name             wire.Name
	DHCID            string
	Forward, Reverse bool
	Length           uint32 // lifetime of the lease in seconds
	Rules            Rules  // what the request says about conflicts
}

// Check tells what cannot be true of a record.
func (r Record) Check() error {
	switch {
	case r.Kind > Reverse, r.State > Settling, r.Source > Found, r.Rules > NoDHCID:
		return fmt.Errorf("record %v: unknown kind, state, source or rules", r.Key)
	case !r.Address.IsValid() || r.Address.Is4In6() || r.Address.Zone() != "":
		return fmt.Errorf("record %v: bad address", r.Key)
	case len(r.Name) < 2 || r.Name != r.Name.Lower():
		return fmt.Errorf("record %v: bad name", r.Key)
	case r.DHCID == "" || r.Zone == "":
		return fmt.Errorf("record %v: no DHCID or no zone", r.Key)
	case len(r.Marker) > maxMarker:
		return fmt.Errorf("record %v: a marker of %d octets, longer than %d", r.Key, len(r.Marker), maxMarker)
	}
	return nil
}
