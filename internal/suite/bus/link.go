package bus

import (
	"bufio"
	"errors"
	"net"
)

// link is the hub's end of a connection. Its maps are guarded by the hub's mutex.
type link struct {
	hub     *Hub
	conn    net.Conn
	out     *outbox
	modules map[string]struct{}
	events  map[string]struct{}
	gone    chan struct{}     // closed when all that arrived has been acted on
	pending map[uint64]origin // calls sent to this connection, by the hub's id
}

// origin is where the reply to a forwarded call goes.
type origin struct {
	link *link
	id   uint64
}

// read ends the connection on the first malformed frame: whoever sends one cannot be trusted to keep the order.
func (l *link) read() {
	defer l.hub.wg.Done()
	in := bufio.NewReader(l.conn)
	for {
		f, err := readFrame(in)
		if err != nil || l.hub.route(l, f) != nil {
			break
		}
	}
	l.hub.detach(l)
	l.out.close()
	l.conn.Close()
	close(l.gone)
}

func (l *link) write() {
	defer l.hub.wg.Done()
	_ = l.out.drain(l.conn) // a failed write needs no word of its own: read notices
	l.conn.Close()
}

// answer sends a reply of the hub itself. It returns an error only for a reply that cannot be encoded.
func (l *link) answer(id uint64, code int, text string) error {
	data, err := (&frame{Kind: kindReply, ID: id, Code: code, Text: text}).encode()
	if err != nil {
		return err
	}
	l.send(data)
	return nil
}

// send queues a reply. A peer that left so many replies unread is beyond help: its connection ends, and with it its
// process, which the supervisor starts again.
func (l *link) send(data []byte) {
	if errors.Is(l.out.put(data, false), errFull) {
		l.conn.Close()
	}
}
