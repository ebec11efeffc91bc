package ddns

import (
	"context"
	"time"

	"bundy/internal/dns/authority"
	"bundy/internal/dns/update"
	"bundy/internal/dns/wire"
)

const (
	// maxWorkers is how many updates are under way at once, and so how many may share one write to disk.
	maxWorkers = 64

	// maxRequests and maxOctets bound what waits: about a second of a busy disk. Clients ask again after some.
	maxRequests = 1024
	maxOctets   = 16 << 20

	// stopTime is what requests that were taken get at the end.
	stopTime = 2 * time.Second
)

// job is one request on its way.
type job struct {
	authority.Request
	reply func([]byte)

	update update.Request
	zone   zoneID
}

// take is the update handler: it is called by the goroutines that read the sockets, and does not wait.
func (c *component) take(r authority.Request, reply func([]byte)) {
	c.counters.Inc(requests)
	j := &job{Request: r, reply: reply}
	switch open, room := c.admit(j); {
	case room || !open: // when all ends, the client asks again and someone else answers
	case r.TCP:
		c.counters.Inc(overflow)
		c.overload.Do(func() { c.log.Log(msgTCPQuota, r.Client) })
		c.answer(j, wire.RcodeServFail)
	default:
		c.counters.Inc(overflow)
		c.overload.Do(func() { c.log.Log(msgQueueFull, r.Client) })
	}
}

// admit puts j into the queue if it is open and has room.
func (c *component) admit(j *job) (open, room bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.open || c.count >= maxRequests || c.octets+len(j.Message) > maxOctets {
		return c.open, false
	}
	c.count++
	c.octets += len(j.Message)
	c.queue <- j
	return true, true
}

// finish gives the room of j back.
func (c *component) finish(j *job) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.count--
	c.octets -= len(j.Message)
}

func (c *component) begin() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open = true
}

func (c *component) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open = false
	close(c.queue)
}

// work serves requests until the queue is closed and empty. When ctx has ended it only empties it. Requests of one
// client that did not wait for its answers may change places, as datagrams may on the way.
func (c *component) work(ctx context.Context) {
	for j := range c.queue {
		if ctx.Err() == nil {
			c.serve(ctx, j)
		}
		c.finish(j)
	}
}

// serve reads, judges and carries out one request, and answers it.
func (c *component) serve(ctx context.Context, j *job) {
	code, answered := c.check(j)
	if !answered {
		return
	}
	if code == wire.RcodeNoError {
		code = c.carryOut(ctx, j)
	}
	c.answer(j, code)
}

// answer sends the reply, signed if the request was.
func (c *component) answer(j *job, code wire.Rcode) {
	msg := j.update.Reply(j.Message, code)
	if j.TSIG != nil {
		var err error
		if msg, err = j.TSIG.Sign(msg, c.now()); err != nil {
			c.log.Log(msgReplyFailed, j.Client, err)
			return
		}
	}
	j.reply(msg)
}
