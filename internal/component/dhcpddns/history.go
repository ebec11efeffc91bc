package dhcpddns

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"bundy/internal/dhcp/duid"
	"bundy/internal/dhcp/lease"
	"bundy/internal/dns/wire"
	"bundy/internal/naming/owned"
)

// historyKept is how long events are kept, if there are not too many of them.
const historyKept = 90 * 24 * time.Hour

// withEvents adds to changes of the state what they mean for the history. Failures of the same kind in a row are one.
func (e *engine) withEvents(changes []owned.Change) []owned.Change {
	now := e.c.now()
	out := slices.Clone(changes)
	for _, c := range changes {
		ev := owned.Event{At: now}
		switch {
		case c.Put != nil:
			r := *c.Put
			before, had := e.store.Get(r.Key)
			if had && before.State == r.State && (before.Tries > 0) == (r.Tries > 0) && before.LastError == r.LastError && before.DHCID == r.DHCID {
				continue
			}
			ev.Key = r.Key
			ev.What, ev.Detail = e.happened(r)
		case c.Delete != nil:
			ev.Key, ev.What = *c.Delete, "removed"
		case c.PutWant != nil:
			ev.Key = owned.Key{Address: c.PutWant.Address, Name: c.PutWant.Name}
			ev.What = "requested"
		default:
			continue
		}
		out = append(out, owned.Note(ev))
	}
	return out
}

// happened says what a record's new state means.
func (e *engine) happened(r owned.Record) (what, detail string) {
	switch {
	case r.Tries > 0 && r.State == owned.Conflict:
		return "refused", r.LastError
	case r.Tries > 0:
		return "failed", r.LastError
	case r.State == owned.Adding && r.Source == owned.Lease:
		if l, ok := e.leaseOf(r.Address); ok {
			return "wanted", e.reason(l)
		}
		return "wanted", ""
	case r.State == owned.Adding:
		return "wanted", "name change request"
	case r.State == owned.Present && r.Source == owned.Found:
		return "found", "zone " + r.Zone.String()
	case r.State == owned.Present:
		return "published", "zone " + r.Zone.String()
	case r.State == owned.Removing:
		return "unwanted", ""
	}
	return r.State.String(), r.LastError
}

// reason says how a lease got its name.
func (e *engine) reason(l lease.Lease) string {
	d := e.decide(l)
	parts := []string{"client " + clientText(l), "source " + string(d.Origin)}
	if place := e.settings.plan.Place(l.Address); place.Subnet != "" {
		parts = append(parts, "subnet "+place.Subnet)
	}
	for _, r := range d.Refused {
		parts = append(parts, "not "+r.String())
	}
	return strings.Join(parts, ", ")
}

// clientText names a client.
func clientText(l lease.Lease) string {
	switch {
	case l.Kind != lease.V4:
		return duid.Hex(l.DUID)
	case l.ClientID != "":
		return duid.Hex(l.ClientID)
	}
	return duid.Hex(l.HWAddr)
}

type shownEvent struct {
	Time      string `json:"time"`
	Direction string `json:"direction"`
	Name      string `json:"name"`
	Address   string `json:"address"`
	What      string `json:"what"`
	Detail    string `json:"detail,omitempty"`
}

func showEvents(events []owned.Event) []shownEvent {
	out := make([]shownEvent, len(events))
	for i, e := range events {
		out[i] = shownEvent{e.At.UTC().Format(time.RFC3339), e.Kind.String(), e.Name.String(), e.Address.String(), e.What, e.Detail}
	}
	return out
}

// shownLease is one lease with its name.
type shownLease struct {
	Address   string   `json:"address"`
	Client    string   `json:"client"`
	Name      string   `json:"name"` // "": it has none
	State     string   `json:"state"`
	Forward   bool     `json:"forward"`
	Reverse   bool     `json:"reverse"`
	Source    string   `json:"source"`
	Refused   []string `json:"refused,omitempty"`
	Subnet    string   `json:"subnet,omitempty"`
	Pool      string   `json:"pool,omitempty"`
	Group     string   `json:"group,omitempty"`
	Interface string   `json:"interface,omitempty"`
	Expires   string   `json:"expires"`
}

// showLease says which name a lease has, by which rule, and how far it is.
func (e *engine) showLease(l lease.Lease) shownLease {
	want, d := e.ofLease(l)
	place := e.settings.plan.Place(l.Address)
	s := shownLease{
		Address: l.Address.String(), Client: clientText(l), Source: string(d.Origin), Expires: "never",
		Subnet: place.Subnet, Pool: place.Pool, Group: place.Group, Interface: place.Interface,
	}
	if l.ValidLifetime != lease.Infinity {
		s.Expires = l.Expire().UTC().Format(time.RFC3339)
	}
	for _, r := range d.Refused {
		s.Refused = append(s.Refused, r.String())
	}
	switch {
	case want == nil && len(s.Refused) > 0:
		s.State = "refused: " + s.Refused[0]
	case want == nil:
		s.State = "no name"
	default:
		s.Name, s.Forward, s.Reverse = want.Name.String(), want.Forward.Wanted, want.Reverse.Wanted
		s.State = e.stateOf(l.Address, want.Name)
	}
	return s
}

// stateOf says how far the records of an address are: the one that is least far counts.
func (e *engine) stateOf(a netip.Addr, name wire.Name) string {
	state := ""
	for _, r := range e.store.At(a) {
		if r.Name != name {
			continue
		}
		switch {
		case r.State == owned.Conflict:
			return fmt.Sprintf("refused (%s): %s", r.Kind, r.LastError)
		case r.State == owned.Present && state == "":
			state = "published"
		case r.State != owned.Present:
			state = "pending"
			if r.LastError != "" {
				state += fmt.Sprintf(" after %d tries (%s): %s", r.Tries, r.Kind, r.LastError)
			}
		}
	}
	if state == "" {
		return "pending: not begun, or in no domain of ours"
	}
	return state
}

// leases lists leases by address.
func (e *engine) leases(limit int) any {
	var addresses []netip.Addr
	for _, from := range e.sources {
		for a := range from.leases {
			if e.source(a) == from { // else another file decides about the address
				addresses = append(addresses, a)
			}
		}
	}
	slices.SortFunc(addresses, netip.Addr.Compare)
	list := make([]shownLease, 0, min(len(addresses), limit))
	for _, a := range addresses[:min(len(addresses), limit)] {
		l, _ := e.leaseOf(a)
		list = append(list, e.showLease(l))
	}
	return map[string]any{"total": len(addresses), "leases": list}
}

// why says everything about a name.
func (e *engine) why(name wire.Name) (any, error) {
	events, err := e.store.EventsOf(context.Background(), name)
	if err != nil {
		return nil, err
	}
	seen := map[netip.Addr]bool{}
	records, leases := []shown{}, []shownLease{}
	for r := range e.store.All() {
		if r.Name == name && len(records) < owned.MaxEventsShown {
			records = append(records, show(r))
			seen[r.Address] = true
		}
	}
	for _, ev := range events {
		seen[ev.Address] = true
	}
	for i := range e.sources {
		for a, l := range e.sources[i].leases {
			if d := e.decide(l); (seen[a] || d.Name == name) && len(leases) < owned.MaxEventsShown {
				leases = append(leases, e.showLease(l))
			}
		}
	}
	slices.SortFunc(leases, func(a, b shownLease) int { return strings.Compare(a.Address, b.Address) })
	out := map[string]any{"name": name.String(), "records": records, "leases": leases, "history": showEvents(events)}
	if why := e.targets.Barred(name); why != "" {
		out["protected"] = why
	}
	return out, nil
}

// who says everything about an address; at is the time that is asked about.
func (e *engine) who(a netip.Addr, at time.Time) (any, error) {
	events, err := e.store.EventsAt(context.Background(), a, at)
	if err != nil {
		return nil, err
	}
	var records []shown
	for _, r := range e.store.At(a) {
		records = append(records, show(r))
	}
	var had []string // names that were in DNS at that time
	for _, ev := range events {
		if ev.Kind != owned.Forward || ev.What != "published" && ev.What != "removed" {
			continue
		}
		name := ev.Name.String()
		if had = slices.DeleteFunc(had, func(n string) bool { return n == name }); ev.What == "published" {
			had = append(had, name)
		}
	}
	place := e.settings.plan.Place(a)
	out := map[string]any{
		"address": a.String(), "records": records, "history": showEvents(events), "names": had, "time": at.UTC().Format(time.RFC3339),
		"subnet": place.Subnet, "pool": place.Pool, "group": place.Group, "interface": place.Interface,
	}
	if l, ok := e.leaseOf(a); ok {
		out["lease"] = e.showLease(l)
	}
	if w, ok := e.store.Want(a); ok {
		out["request"] = map[string]any{"name": w.Name.String(), "forward": w.Forward, "reverse": w.Reverse}
	}
	return out, nil
}

// question makes the function that answers why or who in the engine's goroutine.
func (c *component) question(command string, args map[string]json.RawMessage) (func(*engine) any, error) {
	text := map[string]string{}
	for _, item := range []string{"name", "address", "time"} {
		var s string
		if raw, ok := args[item]; ok {
			if err := json.Unmarshal(raw, &s); err != nil {
				return nil, fmt.Errorf("argument %s: %w", item, err)
			}
		}
		text[item] = s
	}
	answer := func(v any, err error) any {
		if err != nil {
			return err
		}
		return v
	}
	if command == "why" {
		name, err := wire.ParseName(text["name"])
		if err != nil {
			return nil, fmt.Errorf("argument name: %w", err)
		}
		return func(e *engine) any { return answer(e.why(name.Lower())) }, nil
	}
	a, err := netip.ParseAddr(text["address"])
	if err != nil {
		return nil, fmt.Errorf("argument address: %q is not an IP address", text["address"])
	}
	at := c.now()
	if text["time"] != "" {
		if at, err = time.Parse(time.RFC3339, text["time"]); err != nil {
			return nil, fmt.Errorf("argument time: %q is no time such as 2026-11-30T12:00:00Z", text["time"])
		}
	}
	return func(e *engine) any { return answer(e.who(a.Unmap().WithZone(""), at)) }, nil
}

// status says what is in force, done and waiting.
func (e *engine) status() any {
	var leases, without int
	for _, from := range e.sources {
		leases += len(from.leases)
		for _, l := range from.leases {
			if e.decide(l).Name == "" {
				without++
			}
		}
	}
	counts := map[string]int{}
	for r := range e.store.All() {
		counts[r.State.String()]++
	}
	domains := func(k owned.Kind) []string {
		out := []string{}
		for _, d := range e.settings.catalog.Domains(k) {
			out = append(out, d.Zone.String())
		}
		return out
	}
	last, _ := e.c.counters.lastError.Load().(string)
	return map[string]any{
		"enabled": e.settings.plan.Enabled(), "conflict_policy": e.settings.conflict.String(), "marker": e.settings.marker,
		"forward_zones": domains(owned.Forward), "reverse_zones": domains(owned.Reverse), "records": counts,
		"leases": leases, "leases_without_name": without, "trouble": e.trouble.shown(),
		"rebuild": e.rebuildStatus(), "pending_retries": e.schedule.Len(), "last_success": timeText(e.c.counters.lastSuccess.Load()), "last_error": last,
	}
}
