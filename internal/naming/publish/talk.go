package publish

import (
	"context"
	"errors"
	"net/netip"
	"syscall"
	"time"

	"bundy/internal/dns/client"
	"bundy/internal/dns/tsig"
	"bundy/internal/dns/update"
	"bundy/internal/dns/wire"
)

const (
	// exchangeTimeout bounds one question to one server. A server answers an update when it is durable, which under
	// load takes several disk writes; asking again earlier would only double its work.
	exchangeTimeout = 2 * time.Second

	// maxUpdate bounds the message for several records. It is well below what any server takes over TCP, and one that
	// fails costs little to split.
	maxUpdate = 16 << 10
)

// talk is the exchange with one server about the records of one zone.
type talk struct {
	p      *Publisher
	server netip.AddrPort
	key    *tsig.Key
	zone   wire.Name
}

// run brings every task to its end at this server. An error means that the server does not answer: the tasks that have
// not ended are for the next one.
func (t *talk) run(ctx context.Context, tasks []*task) error {
	for {
		active := unfinished(tasks)
		if len(active) == 0 {
			return nil
		}
		for len(active) > 0 {
			n := fitting(active)
			if err := t.step(ctx, active[:n]); err != nil {
				return err
			}
			active = active[n:]
		}
	}
}

func unfinished(tasks []*task) []*task {
	var out []*task
	for _, task := range tasks {
		if task.phase != ended {
			out = append(out, task)
		}
	}
	return out
}

// fitting is how many of the tasks go into one message.
func fitting(tasks []*task) int {
	size := 0
	for i, task := range tasks {
		s := task.step()
		for _, rr := range append(s.prerequisites, s.updates...) {
			size += len(rr.Name) + 10 + len(rr.Data)
		}
		if size > maxUpdate && i > 0 {
			return i
		}
	}
	return len(tasks)
}

// step makes the next update of all tasks in one message. A prerequisite that does not hold for one of them fails the
// message as a whole, and nobody says for which: then each half goes by itself.
func (t *talk) step(ctx context.Context, tasks []*task) error {
	if tasks = unfinished(tasks); len(tasks) == 0 {
		return nil
	}
	rcode, err := t.send(ctx, tasks)
	switch {
	case err != nil:
		return err
	case rcode == wire.RcodeNoError || len(tasks) == 1:
		for _, task := range unfinished(tasks) { // a look may have ended some
			if task.answered(rcode) {
				f, err := t.look(ctx, task)
				if err != nil {
					return err
				}
				task.looked(f)
			}
		}
		return nil
	case !unmet(rcode):
		if refused, err := t.refusesAll(ctx, tasks, rcode); refused || err != nil {
			return err
		}
	case rcode == wire.RcodeYXDomain && all(tasks, tryFree): // all may be ours, as when the state was lost
		for _, task := range tasks {
			task.phase = tryOurs
		}
		if rcode, err = t.send(ctx, tasks); err != nil {
			return err
		}
		if rcode == wire.RcodeNoError {
			for _, task := range unfinished(tasks) {
				task.answered(rcode)
			}
			return nil
		}
		for _, task := range unfinished(tasks) {
			task.phase = tryFree
		}
	}
	half := len(tasks) / 2
	if err := t.step(ctx, tasks[:half]); err != nil {
		return err
	}
	return t.step(ctx, tasks[half:])
}

func all(tasks []*task, p phase) bool {
	for _, task := range tasks {
		if task.phase != p {
			return false
		}
	}
	return true
}

// refusesAll finds out whether a server that refused a message refuses each record of it: when it does so for the first
// and the last, the others are not tried one by one.
func (t *talk) refusesAll(ctx context.Context, tasks []*task, rcode wire.Rcode) (bool, error) {
	for _, i := range []int{0, len(tasks) - 1} {
		if err := t.step(ctx, tasks[i:i+1]); err != nil {
			return false, err
		}
		if task := tasks[i]; task.phase != ended || task.rcode != rcode {
			return false, nil
		}
	}
	for _, task := range unfinished(tasks) {
		task.refused(rcode)
	}
	return true, nil
}

// send makes one update of the tasks and gives the server's rcode. When no answer comes it looks at what is there before
// it sends once more: tasks that are settled are at their end. An error means that the server does not answer at all.
func (t *talk) send(ctx context.Context, tasks []*task) (wire.Rcode, error) {
	for try := 0; ; try++ {
		msg, err := t.pack(tasks)
		if err != nil {
			return 0, err
		}
		reply, err := t.exchange(ctx, msg)
		if err == nil {
			h, err := wire.ParseHeader(reply)
			return h.Flags.Rcode(), err
		}
		if !doubtful(err) {
			return 0, err
		}
		for _, task := range tasks {
			task.unanswered = true
		}
		for _, task := range tasks {
			f, bad := t.look(ctx, task)
			if bad != nil {
				return 0, errors.Join(err, bad)
			}
			if task.settled(f) {
				task.answered(wire.RcodeNoError)
			}
		}
		if tasks = unfinished(tasks); len(tasks) == 0 {
			return wire.RcodeNoError, nil
		}
		if try > 0 {
			return 0, err
		}
	}
}

// doubtful tells an error after which the update may still be carried out: not when nothing was there to take it, nor
// when the server refused its signature.
func doubtful(err error) bool {
	var refused *tsig.Error
	return !errors.Is(err, syscall.ECONNREFUSED) && !errors.Is(err, syscall.ENETUNREACH) &&
		!errors.Is(err, syscall.EHOSTUNREACH) && !(errors.As(err, &refused) && refused.Reported)
}

func (t *talk) pack(tasks []*task) ([]byte, error) {
	r := update.Request{Zone: t.zone, Class: wire.ClassIN}
	for _, task := range tasks {
		s := task.step()
		r.Prerequisites = append(r.Prerequisites, s.prerequisites...)
		r.Updates = append(r.Updates, s.updates...)
	}
	return r.Pack(0)
}

// exchange is one question to the server.
func (t *talk) exchange(ctx context.Context, msg []byte) ([]byte, error) {
	exchange := t.p.Exchange
	if exchange == nil {
		exchange = client.Exchange
	}
	ctx, cancel := context.WithTimeout(ctx, exchangeTimeout)
	defer cancel()
	return exchange(ctx, t.server, msg, t.key)
}
