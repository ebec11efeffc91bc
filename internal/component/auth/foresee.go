package auth

import (
	"bundy/internal/dns/wire"
	"bundy/internal/dns/zone"
)

// foresight is what a responder needs to prepare for a batch of requests.
type foresight struct {
	ahead zone.Ahead
	name  [wire.MaxName]byte
}

// Foresee prepares for requests that Handle will get. If the first one is not for a large zone, the others are taken to
// be alike.
func (r *responder) Foresee(messages [][]byte) {
	f := &r.foresight
	catalog := r.authority.Catalog()
	for i, msg := range messages {
		q, ok := wire.PeekQuestion(msg, &f.name)
		if ok {
			ok = f.ahead.Add(catalog, q.Class, q.Name)
		}
		if i == 0 && !ok {
			return
		}
	}
	f.ahead.Fetch()
}
