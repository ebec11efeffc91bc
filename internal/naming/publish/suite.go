package publish

import (
	"context"
	"errors"
	"fmt"

	"bundy/internal/dns/update"
	"bundy/internal/dns/wire"
	"bundy/internal/naming/owned"
	"bundy/internal/naming/reconcile"
)

// Suite is the DNS server of this suite, which changes its own zones without the network.
type Suite interface {
	// Update carries transactions out, one after the other, and gives what update.EvaluateAll would say of them. When it
	// returns, those that could be carried out are on disk, all together. An error means that no answer came; ErrOver
	// says what that may be wrapped for.
	Update(ctx context.Context, ts []update.Transaction) ([][]error, error)

	// Look gives the records of some types at a name in a zone as they are on disk, and the zone; "" is the deepest one that
	// has the name.
	Look(ctx context.Context, zone, name wire.Name, types ...wire.Type) (update.Sight, error)
}

// ErrOver is wrapped by errors of a Suite after which an update is not carried out any more: what was not done stays undone.
var ErrOver = errors.New("no answer from this suite")

// errNotAsked is told where no Suite is given.
var errNotAsked = errors.New("it cannot be asked from here")

// SuiteName stands for the suite where a server's address would stand.
const SuiteName = "this suite"

// Here is Do for records in zones of this suite, as Domain.Ours says, with the owner that markers of today name: each goes to its own Zone, or, with wire.Root, to
// the one that has it. A forward record and the reverse record of the same address and name right behind it are a pair:
// when both are to be added it is both or none, and the reverse one is held back when the name cannot be had.
func (p *Publisher) Here(ctx context.Context, owner string, rs ...owned.Record) []Result {
	h := &here{suite: p.Suite, owner: owner, results: make([]Result, len(rs))}
	var units []unit
	for i, r := range rs {
		t := &task{record: r}
		h.tasks = append(h.tasks, t)
		if i > 0 && r.Pairs(rs[i-1].Key) {
			units[len(units)-1] = append(units[len(units)-1], t)
		} else {
			units = append(units, unit{t})
		}
	}
	err := errNotAsked
	if h.suite != nil {
		err = h.run(ctx, units)
	}
	for i, t := range h.tasks {
		switch {
		case t.phase != ended:
			h.results[i].Refusals = []Refusal{{Server: SuiteName, Err: err}}
		case t.outcome == reconcile.Failed && !t.held:
			h.results[i].Refusals = []Refusal{{Server: SuiteName, Rcode: t.rcode, Err: t.err, Text: t.text}}
		}
		h.results[i].finish(t, t.record.Zone)
		if h.results[i].Held = t.held; t.held {
			h.results[i].Reason = "the name comes first"
		}
	}
	return h.results
}

// here is one call of Here.
type here struct {
	suite   Suite
	owner   string
	tasks   []*task
	results []Result
}

// unit is the tasks that are done together: those of a pair, or one.
type unit []*task

// left gives what is still to be done of a unit. What follows a forward record that cannot be added is held back.
func (u unit) left() []*task {
	if f := u[0]; len(u) > 1 && f.phase == ended && f.outcome != reconcile.Done && !f.record.State.Leaving() {
		for _, t := range u[1:] {
			if t.phase != ended {
				t.phase, t.held = ended, true
			}
		}
	}
	return unfinished(u)
}

// run brings all units to their end. An error means that no answer came; what has not ended then may or may not be done.
func (h *here) run(ctx context.Context, units []unit) error {
	for _, t := range h.tasks {
		if err := h.begin(ctx, t); err != nil {
			return err
		}
	}
	for {
		var active [][]*task
		var ts []update.Transaction
		for _, u := range units {
			if left := u.left(); len(left) > 0 {
				active = append(active, left)
				ts = append(ts, transactionOf(left))
			}
		}
		if len(active) == 0 {
			return nil
		}
		errs, err := h.suite.Update(ctx, ts)
		if err != nil {
			if !errors.Is(err, ErrOver) {
				for _, left := range active {
					for _, t := range left {
						t.unanswered = true
					}
				}
			}
			return err
		}
		for i, left := range active {
			if err := h.answered(ctx, left, errs[i]); err != nil {
				return err
			}
		}
	}
}

// begin finds the zone of a task and sets its first phase.
func (h *here) begin(ctx context.Context, t *task) error {
	zone := t.record.Zone
	if t.begin(zone, h.owner); zone != wire.Root {
		return nil
	}
	sight, err := h.suite.Look(ctx, "", t.records.owner, wire.TypeSOA)
	if err == nil && sight.Rcode == wire.RcodeNoError {
		zone, err = wire.ParseName(sight.Zone)
	}
	switch {
	case err != nil:
		return err
	case sight.Rcode != wire.RcodeNoError:
		t.refused(sight.Rcode)
		t.text = sight.Text
	default:
		t.begin(zone.Lower(), h.owner)
		t.zone = zone.Lower()
	}
	return nil
}

func transactionOf(tasks []*task) update.Transaction {
	var out update.Transaction
	for _, t := range tasks {
		s := t.step()
		out = append(out, update.Request{Zone: t.zone, Class: wire.ClassIN, Prerequisites: s.prerequisites, Updates: s.updates})
	}
	return out
}

// answered takes the answer to a unit's transaction: nil if it was carried out.
func (h *here) answered(ctx context.Context, tasks []*task, errs []error) error {
	for i, t := range tasks {
		if errs == nil {
			t.answered(wire.RcodeNoError)
			continue
		}
		rcode := update.Rcode(errs[i])
		switch {
		case errors.Is(errs[i], update.ErrUntouched):
			continue // another of them is to blame: it goes again with what becomes of that
		case rcode == wire.RcodeNotImp && len(tasks) > 1: // databases that cannot change together
			return h.apart(ctx, tasks)
		}
		var refusal *update.Error
		if errors.As(errs[i], &refusal) {
			t.text = refusal.Text
		}
		if t.answered(rcode) {
			f, err := h.look(ctx, t)
			if err != nil {
				return err
			}
			t.looked(f)
		}
	}
	return nil
}

// apart brings the tasks of a pair to their end one after the other.
func (h *here) apart(ctx context.Context, tasks []*task) error {
	for _, t := range tasks {
		for len(unit(tasks).left()) > 0 && t.phase != ended {
			errs, err := h.suite.Update(ctx, []update.Transaction{transactionOf([]*task{t})})
			if err != nil {
				t.unanswered = t.unanswered || !errors.Is(err, ErrOver)
				return err
			}
			if err := h.answered(ctx, []*task{t}, errs[0]); err != nil {
				return err
			}
		}
	}
	return nil
}

// look asks what is at a task's name.
func (h *here) look(ctx context.Context, t *task) (found, error) {
	sight, err := h.suite.Look(ctx, t.zone, t.records.owner, t.records.looks()...)
	if err == nil && sight.Rcode != wire.RcodeNoError {
		err = fmt.Errorf("look for %s: %s: %s", t.records.owner, sight.Rcode, sight.Text)
	}
	if err != nil {
		return nil, err
	}
	f := found{}
	for _, rr := range sight.Records {
		f[rr.Type] = append(f[rr.Type], rr.Data)
	}
	return f, nil
}
