package auth

import (
	"net/netip"

	"bundy/internal/dns/server"
	"bundy/internal/dns/wire"
	"bundy/internal/suite/module"
)

// storedWorkers answer queries for zones that are not in memory. A query takes a hundred microseconds of reading, so that
// two keep a processor busy; those for zones in memory are answered beside them.
const storedWorkers = 2

// maxStored bounds the queries that wait for them: as many as are answered before clients ask again. More are answered
// SERVFAIL, and resolvers ask another server.
const maxStored = 256

// storedQueries are the queries that wait for a zone to be read.
type storedQueries struct{ waiting chan storedQuery }

// storedQuery is one of them.
type storedQuery struct {
	message []byte
	client  netip.AddrPort
	tcp     bool
	reply   func([]byte)
}

func newStoredQueries() storedQueries {
	return storedQueries{waiting: make(chan storedQuery, maxStored)}
}

// putOff lets a query be answered by who may wait for the database. It was not counted as answered, nor its rate.
func (r *responder) putOff(req *server.Request, out []byte) []byte {
	r.answer.Release()
	if r.stored == nil || len(r.stored.waiting) == cap(r.stored.waiting) {
		return r.refuse(req, out, wire.RcodeServFail)
	}
	q := storedQuery{message: append([]byte(nil), req.Message...), client: req.Client, tcp: req.TCP, reply: req.Later()}
	select {
	case r.stored.waiting <- q:
	default: // others were faster
		q.reply(append([]byte(nil), r.refuse(req, out, wire.RcodeServFail)...))
	}
	return nil
}

// unreadable answers for a zone whose database cannot be read. The log tells of it as often as of strangers, since anybody can ask.
func (r *responder) unreadable(req *server.Request, out []byte, err error) []byte {
	r.answer.Release()
	if r.strangers.Allow() {
		r.log.Log(msgUnreadable, r.query.Name, r.query.Type, r.query.Class, err)
	}
	return r.refuse(req, out, wire.RcodeServFail)
}

// answerStored starts the workers. failed delivers the first panic of one, and stop ends them; queries that wait then get no
// answer.
func (c *component) answerStored() (failed <-chan error, stop func()) {
	done := make(chan struct{})
	workers := module.NewBackground()
	for range storedWorkers {
		workers.Go(func() { c.storedWorker(done) })
	}
	return workers.Failed(), func() {
		close(done)
		workers.Wait()
	}
}

func (c *component) storedWorker(done <-chan struct{}) {
	r := c.responder()
	r.clerk = c.authority.NewClerk()
	r.answer.Open = r.clerk.Open
	defer r.clerk.Rest()
	out := make([]byte, wire.MaxMessage)
	for {
		select {
		case <-done:
			return
		case q := <-c.stored.waiting:
			req := server.NewRequest(q.message, q.client, q.tcp, q.reply)
			if reply := r.Handle(req, out[:0]); reply != nil {
				q.reply(append([]byte(nil), reply...)) // a stream sends it when the room is used again
			}
		}
		if len(c.stored.waiting) == 0 {
			r.clerk.Rest()
		}
	}
}
