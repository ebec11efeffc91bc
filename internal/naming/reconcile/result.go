package reconcile

import (
	"time"

	"bundy/internal/naming/owned"
)

// Outcome is how a transaction with DNS ended.
type Outcome uint8

const (
	Done   Outcome = iota // DNS is as wanted
	Taken                 // an addition: the name belongs to somebody else, DNS is unchanged
	Failed                // nobody answered or nobody would; DNS may or may not have changed
)

// Retry bounds the delay after failures: the first, doubled each time, up to the longest.
type Retry struct{ First, Longest time.Duration }

// retryAfter gives the delays. A name server that is down costs little to ask; one on this machine is probably just
// starting. A name that is taken is tried at once when we removed the other's record ourselves (Schedule.Freed), else
// seldom.
func retryAfter(o Outcome, loopback bool) Retry {
	switch {
	case o == Taken:
		return Retry{10 * time.Second, time.Hour}
	case loopback:
		return Retry{200 * time.Millisecond, 5 * time.Second}
	}
	return Retry{200 * time.Millisecond, 30 * time.Second}
}

// Delay gives the time to wait after so many tries failed. jitter from 0 to 1 spreads the upper half of it, so that
// many records that failed together do not come back together.
func (r Retry) Delay(tries uint32, jitter float64) time.Duration {
	d := r.First
	for i := uint32(1); i < tries && d < r.Longest; i++ {
		d *= 2
	}
	d = min(d, r.Longest)
	return d/2 + time.Duration(float64(d/2)*min(max(jitter, 0), 1))
}

// ServerDelay is how long servers that did not answer so many times in a row are left alone.
func ServerDelay(failed uint32, loopback bool, jitter float64) time.Duration {
	return retryAfter(Failed, loopback).Delay(failed, jitter)
}

// SettleTime is how long after an update that nobody answered a record is looked at again. A server that was slow, or one
// that passed the update on to another, has carried it out by then; while a server stands still, its answers stay away
// too, and the time begins anew with each.
const SettleTime = time.Minute

// Finish says what the outcome of a transaction for r makes of it. r must be in the state that the transaction was
// for; if it has another by now, the outcome says nothing and must be passed over. loopback tells that the name
// servers are on this machine, unanswered that an update got no answer: until the record is settled it is not forgotten.
func Finish(r owned.Record, o Outcome, reason string, unanswered bool, now time.Time, loopback bool, jitter float64) owned.Change {
	if unanswered {
		r.Doubt = now.Add(SettleTime)
	}
	switch {
	case o == Done && r.State.Leaving() && now.Before(r.Doubt):
		r.State, r.Tries, r.NextTry, r.LastError = owned.Settling, 0, r.Doubt, ""
		return owned.Put(r)
	case o == Done && r.State.Leaving():
		return owned.Delete(r.Key)
	case o == Done:
		r.State, r.Tries, r.NextTry, r.LastError = owned.Present, 0, time.Time{}, ""
		return owned.Put(r)
	}
	if o == Taken && !r.State.Leaving() {
		r.State = owned.Conflict
	}
	r.Tries++
	r.NextTry, r.LastError = now.Add(retryAfter(o, loopback).Delay(r.Tries, jitter)), reason
	return owned.Put(r)
}
