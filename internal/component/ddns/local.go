package ddns

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"bundy/internal/dns/authority"
	"bundy/internal/dns/update"
	"bundy/internal/dns/wire"
	"bundy/internal/dns/zone"
	"bundy/internal/suite/bus"
)

// Components of the suite change zones by the private commands "update" and "look", without the network and in one
// transaction for several zones. No access control list is asked: who can speak on the command channel could write the
// database as well.

const (
	// maxCalls bounds the calls of the suite that are worked on at once. They wait for one another where they concern the
	// same zones, and must not take all the places that the process has for commands.
	maxCalls = 8

	// turnTime is how long a call waits for its zones, which may be being loaded: then the caller knows that nothing was done.
	turnTime = 2 * time.Second
)

// ourselves is what the log says instead of a client's address.
const ourselves = "this suite"

// updateArgs are the arguments of the command update, in the form of update.Call.
type updateArgs struct {
	Transactions string `json:"transactions" help:"Transactions of UPDATE messages, base64."`
}

// lookArgs are the arguments of the command look, those of update.Look.
type lookArgs struct {
	Zone  string   `json:"zone" help:"Name of the zone; empty: the deepest one that has the name."`
	Name  string   `json:"name" help:"Name of the records."`
	Types []string `json:"types" element:"\"\"" help:"Their types."`
}

// local works on a call of the suite.
func (c *component) local(ctx context.Context, command string, args map[string]json.RawMessage) (any, error) {
	select {
	case c.calls <- struct{}{}:
		defer func() { <-c.calls }()
	default:
		return nil, bus.Errorf("%s: %d calls are being worked on already", command, maxCalls)
	}
	if command == "look" {
		var l lookArgs
		if err := errors.Join(json.Unmarshal(args["zone"], &l.Zone), json.Unmarshal(args["name"], &l.Name), json.Unmarshal(args["types"], &l.Types)); err != nil {
			return nil, err
		}
		return c.look(ctx, l)
	}
	var call update.Call
	if err := json.Unmarshal(args["transactions"], &call.Transactions); err != nil {
		return nil, fmt.Errorf("transactions: %w", err)
	}
	ts, err := call.Unpack()
	if err != nil {
		return nil, err
	}
	return c.updateAll(ctx, ts), nil
}

// updateAll carries transactions out. Those for zones that cannot be changed are refused, the others are done together.
func (c *component) updateAll(ctx context.Context, ts []update.Transaction) update.Reply {
	all := make([]int, len(ts))
	for i, t := range ts {
		all[i] = i
		c.counters.Add(requests, uint64(len(t)))
	}
	errs := make([][]error, len(ts))
	c.carryOutAll(ctx, ts, all, errs)
	var reply update.Reply
	reply.Refuse(errs, func(i, j int, err error) wire.Rcode {
		if errors.Is(err, authority.ErrApart) {
			c.counters.Inc(refused)
			return wire.RcodeNotImp // the caller can ask for each zone
		}
		return c.refuse(ourselves, ts[i][j], err)
	})
	return reply
}

// carryOutAll carries out some of the transactions, and sets what it cannot do in errs.
func (c *component) carryOutAll(ctx context.Context, ts []update.Transaction, some []int, errs [][]error) {
	if len(some) == 0 {
		return
	}
	chosen := make([]update.Transaction, len(some))
	for n, i := range some {
		chosen[n] = ts[i]
	}
	origins := zonesOf(chosen...)
	var before []*zone.Version
	var diffs []zone.Diff
	var refusals [][]error
	waiting, cancel := context.WithTimeout(ctx, turnTime)
	defer cancel()
	err := c.zones.UpdateAll(waiting, wire.ClassIN, origins, func(versions []*zone.Version) ([]zone.Diff, error) {
		before = versions
		diffs, refusals = update.EvaluateAll(versions, chosen)
		return diffs, nil
	})
	var of *authority.ZoneError
	switch {
	case err == nil:
		c.doneAll(chosen, refusals, before, diffs)
		for n, i := range some {
			errs[i] = refusals[n]
		}
	case errors.Is(err, authority.ErrApart) && !alike(chosen):
		for _, group := range byZones(ts, some) {
			c.carryOutAll(ctx, ts, group, errs)
		}
	case errors.As(err, &of):
		var rest []int
		for _, i := range some {
			if errs[i] = blame(ts[i], of.Origin, err); errs[i] == nil {
				rest = append(rest, i)
			}
		}
		c.carryOutAll(ctx, ts, rest, errs)
	default: // of the database
		for _, i := range some {
			errs[i] = blame(ts[i], "", err)
		}
	}
}

// doneAll counts and logs what was carried out, and tells the suite of it.
func (c *component) doneAll(ts []update.Transaction, refusals [][]error, before []*zone.Version, diffs []zone.Diff) {
	same := map[wire.Name]bool{}
	for i, d := range diffs {
		same[before[i].Origin().Lower()] = len(d.Added) == 0
	}
	for i, t := range ts {
		for _, r := range t {
			if refusals[i] != nil {
				break
			}
			c.counters.Inc(applied)
			if same[r.Zone.Lower()] {
				c.counters.Inc(unchanged)
			}
		}
	}
	for i, d := range diffs {
		if len(d.Added) > 0 {
			c.changed(ourselves, before[i], d)
		}
	}
}

// zonesOf gives the zones that transactions are for, each once.
func zonesOf(ts ...update.Transaction) (origins []wire.Name) {
	seen := map[wire.Name]bool{}
	for _, t := range ts {
		for _, r := range t {
			if origin := r.Zone.Lower(); !seen[origin] {
				seen[origin] = true
				origins = append(origins, origin)
			}
		}
	}
	return origins
}

// alike tells whether all transactions are for the same zones.
func alike(ts []update.Transaction) bool {
	for _, t := range ts {
		if !slices.Equal(zonesOf(t), zonesOf(ts[0])) {
			return false
		}
	}
	return true
}

// byZones puts transactions for the same zones together.
func byZones(ts []update.Transaction, some []int) (groups [][]int) {
	for _, i := range some {
		n := slices.IndexFunc(groups, func(g []int) bool { return slices.Equal(zonesOf(ts[g[0]]), zonesOf(ts[i])) })
		if n < 0 {
			groups = append(groups, []int{i})
			continue
		}
		groups[n] = append(groups[n], i)
	}
	return groups
}

// blame gives the errors for a transaction that cannot be carried out because of a zone, "" for any; nil if the zone is none of its
// own.
func blame(t update.Transaction, origin wire.Name, err error) []error {
	errs := make([]error, len(t))
	guilty := false
	for j, r := range t {
		if errs[j] = update.ErrUntouched; origin == "" || r.Zone.Equal(origin) {
			errs[j], guilty = err, true
		}
	}
	if !guilty {
		return nil
	}
	return errs
}

// look reads what is at a name. It waits for what is under way.
func (c *component) look(ctx context.Context, l lookArgs) (update.Sight, error) {
	owner, err := wire.ParseName(l.Name)
	if err != nil {
		return update.Sight{}, fmt.Errorf("name %q: %w", l.Name, err)
	}
	origin, served := c.deepest(owner)
	if l.Zone != "" {
		if origin, err = wire.ParseName(l.Zone); err != nil {
			return update.Sight{}, fmt.Errorf("zone %q: %w", l.Zone, err)
		}
		served = true // UpdateAll says otherwise
	}
	if !served {
		return update.Sight{Rcode: wire.RcodeNotAuth, Text: "no zone that has " + owner.String() + " is served here"}, nil
	}
	var types []wire.Type
	for _, text := range l.Types {
		t, err := wire.ParseType(text)
		if err != nil {
			return update.Sight{}, fmt.Errorf("type %q: %w", text, err)
		}
		types = append(types, t)
	}
	waiting, cancel := context.WithTimeout(ctx, turnTime)
	defer cancel()
	sight := update.Sight{Zone: origin.String()}
	err = c.zones.UpdateAll(waiting, wire.ClassIN, []wire.Name{origin}, func(versions []*zone.Version) ([]zone.Diff, error) {
		sight.Records = nil // it may be the second time
		for _, t := range types {
			for _, rr := range versions[0].RRset(owner, t) {
				sight.Records = append(sight.Records, update.Seen{Type: t, Data: rr.Data})
			}
		}
		return make([]zone.Diff, 1), nil
	})
	switch {
	case errors.Is(err, authority.ErrNotServed):
		sight.Rcode, sight.Text = wire.RcodeNotAuth, err.Error()
	case err != nil:
		sight.Rcode, sight.Text = wire.RcodeServFail, err.Error()
	}
	return sight, nil
}

// deepest finds the zone that has a name.
func (c *component) deepest(owner wire.Name) (wire.Name, bool) {
	for origin := owner; ; origin = origin.Parent() {
		if c.zones.Catalog().Get(wire.ClassIN, origin.Lower()) != nil {
			return origin, true
		}
		if origin == wire.Root {
			return "", false
		}
	}
}
