package modeltest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"bundy/internal/dhcp/lease"
	"bundy/internal/dhcp/leasecmd"
)

// desk shows the world to the commands.
type desk struct{ *world }

func (d desk) Leases() lease.Store { return d.Ledger().Store }
func (d desk) Now() time.Time      { return d.now }

// Change implements leasecmd.Server as the desk of a server does, with the store as the only other goroutine.
func (d desk) Change(_ context.Context, decide func() ([]lease.Lease, error)) error {
	changes, err := decide()
	if err != nil {
		return err
	}
	failed := make(chan error, len(changes))
	for _, l := range changes {
		d.Ledger().Order(l, func(err error) { failed <- err })
	}
	var all []error
	for range changes {
		all = append(all, <-failed)
	}
	d.flush()
	return errors.Join(all...)
}

// order lets the operator give a command.
func (w *world) order() {
	a, known := w.someAddress()
	if !a.IsValid() {
		return
	}
	args := map[string]any{"address": a.String()}
	command := []string{"lease_add", "lease_add", "lease_update", "lease_del", "lease_wipe"}[w.random.IntN(5)]
	concerned := func(b netip.Addr) bool { return b == a }
	switch command {
	case "lease_add":
		client := w.random.IntN(w.Clients)
		for item, v := range w.Owner(client) {
			args[item] = v
		}
		args["valid_lifetime"] = 1 + w.random.IntN(int(Lifetime/time.Second))
		if w.Kind(client) != lease.PD && w.random.IntN(2) == 0 {
			args["hostname"], args["fqdn_fwd"], args["fqdn_rev"] = fmt.Sprintf("op%d.lab.test", client), true, true
		}
	case "lease_update":
		args["valid_lifetime"] = 1 + w.random.IntN(int(Lifetime/time.Second))
		if known.Kind != lease.PD && w.random.IntN(2) == 0 {
			args["hostname"] = fmt.Sprintf("renamed%d.lab.test", w.random.IntN(9))
		}
	case "lease_wipe":
		if w.random.IntN(3) > 0 {
			return // would leave little to do
		}
		id := known.SubnetID
		args = map[string]any{"subnet_id": id}
		was := map[netip.Addr]bool{}
		w.Ledger().Store.All(func(l lease.Lease) bool {
			was[l.Address] = l.SubnetID == id
			return true
		})
		concerned = func(b netip.Addr) bool { return was[b] }
	}
	given := map[string]json.RawMessage{}
	for item, v := range args {
		text, err := json.Marshal(v)
		if err != nil {
			w.Fatal(err)
		}
		given[item] = text
	}
	sure := w.disk.Works()
	before, had := w.Ledger().Store.Get(a)
	_, err := leasecmd.Run(context.Background(), desk{w}, w.Family, command, given)
	w.note("%s %v: %v", command, args, err)
	after, has := w.Ledger().Store.Get(a)
	switch works := sure && w.disk.Works(); {
	case err != nil && works && before != after:
		w.fail("%s failed and changed %+v to %+v", command, before, after)
	case err == nil && command == "lease_add" && (!has || had && before.InUse(w.now)):
		w.fail("%s in the place of %+v", command, before)
	case err == nil && (command == "lease_del" || command == "lease_wipe") && has && concerned(a):
		w.fail("%s left %+v", command, after)
	}
	w.overruled(concerned)
	w.told()
}

// overruled takes note that what clients know of addresses may not hold any more.
func (w *world) overruled(concerned func(netip.Addr) bool) {
	for p, c := range w.claims {
		if !concerned(p.Addr()) {
			continue
		}
		l, ok := w.Ledger().Store.Get(p.Addr())
		switch {
		case !ok || l.State != lease.Active || !w.Owns(c.client, l):
			delete(w.claims, p)
		case l.Expire().Before(c.until):
			w.claims[p] = claim{c.client, l.Expire()}
		}
	}
	for a, until := range w.resting {
		if !concerned(a) {
			continue
		}
		if l, ok := w.Ledger().Store.Get(a); !ok || l.State != lease.Declined || l.Expire().Before(until) {
			delete(w.resting, a)
		}
	}
}

// someAddress gives one that has a lease, or one of a pool, with its lease.
func (w *world) someAddress() (netip.Addr, lease.Lease) {
	var leases []lease.Lease
	w.Ledger().Store.All(func(l lease.Lease) bool {
		leases = append(leases, l)
		return true
	})
	slices.SortFunc(leases, func(a, b lease.Lease) int { return a.Address.Compare(b.Address) })
	if len(leases) > 0 && w.random.IntN(2) == 0 {
		l := leases[w.random.IntN(len(leases))]
		return l.Address, l
	}
	p := w.unit()
	l, _ := w.Ledger().Store.Get(p.Addr())
	return p.Addr(), l
}

// unit gives an address or prefix of some pool; the invalid prefix when there is no pool.
func (w *world) unit() netip.Prefix {
	var all []netip.Prefix
	for _, s := range w.Subnets().All() {
		for _, p := range s.Pools {
			for a := p.First; a.Compare(p.Last) <= 0; a = after(a, p) {
				all = append(all, netip.PrefixFrom(a, length(p)))
			}
		}
	}
	if len(all) == 0 {
		return netip.Prefix{}
	}
	return all[w.random.IntN(len(all))]
}
