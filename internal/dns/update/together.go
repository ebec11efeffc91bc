package update

import (
	"errors"

	"bundy/internal/dns/wire"
	"bundy/internal/dns/zone"
)

// Transaction is requests that are carried out together, or none of them.
type Transaction []Request

// ErrUntouched is what EvaluateAll gives for a request of a transaction that failed for another one.
var ErrUntouched = errors.New("another request of the transaction cannot be carried out")

// EvaluateAll carries transactions out one after the other, each on what those before it have left, and leaves out those
// that cannot be carried out. versions are the zones that they may change. diffs has for each version what all of them
// change together, in one step of its serial, or an empty difference. errs has nil for each transaction that was carried out, else
// an error for each of its requests: an *Error for those that are refused, as Evaluate gives it, and ErrUntouched for the others.
func EvaluateAll(versions []*zone.Version, ts []Transaction) (diffs []zone.Diff, errs [][]error) {
	of := make(map[wire.Name]int, len(versions))
	layers := make([]*layer, len(versions))
	for i, v := range versions {
		of[v.Origin().Lower()], layers[i] = i, newLayer(v)
	}
	errs = make([][]error, len(ts))
	for i, t := range ts {
		above := map[int]*layer{} // what this transaction changes, on top of the others
		bad := false
		answers := make([]error, len(t))
		for j, r := range t {
			n, served := of[r.Zone.Lower()]
			if !served {
				answers[j], bad = refuse(wire.RcodeNotAuth, "the zone %s is not served here", r.Zone), true
				continue
			}
			base := layers[n]
			if above[n] != nil {
				base = above[n]
			}
			l, err := evaluate(versions[n], base, r)
			if err != nil {
				answers[j], bad = err, true
				continue
			}
			if above[n] == nil {
				above[n] = l
			} else {
				l.into(above[n])
			}
		}
		if bad {
			for j := range answers {
				if answers[j] == nil {
					answers[j] = ErrUntouched
				}
			}
			errs[i] = answers
			continue
		}
		for n, l := range above {
			l.into(layers[n])
		}
	}
	diffs = make([]zone.Diff, len(versions))
	for i, v := range versions {
		diffs[i] = difference(v, layers[i])
	}
	return diffs, errs
}
