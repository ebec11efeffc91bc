package bus

import (
	"fmt"
	"net"
	"slices"
	"sync"
	"time"
)

// Hub routes calls to the connection that registered the called module, and events to the connections that subscribed.
// It never looks into bodies and never waits for a connection.
type Hub struct {
	mu      sync.Mutex
	links   map[*link]struct{}
	modules map[string]*link
	events  map[string]map[*link]struct{}
	nextID  uint64
	closed  bool
	wg      sync.WaitGroup
}

// NewHub makes a hub without connections.
func NewHub() *Hub {
	return &Hub{
		links:   make(map[*link]struct{}),
		modules: make(map[string]*link),
		events:  make(map[string]map[*link]struct{}),
	}
}

// Attach serves one connection in goroutines of the hub until either side closes it. The hub owns nc from now on.
func (h *Hub) Attach(nc net.Conn) { h.attach(nc) }

func (h *Hub) attach(nc net.Conn) *link {
	l := &link{hub: h, conn: nc, out: newOutbox(), modules: make(map[string]struct{}),
		events: make(map[string]struct{}), gone: make(chan struct{}), pending: make(map[uint64]origin)}
	h.mu.Lock()
	if h.closed || len(h.links) >= maxLinks {
		h.mu.Unlock()
		nc.Close()
		close(l.gone)
		return l
	}
	h.links[l] = struct{}{}
	h.wg.Add(2)
	h.mu.Unlock()
	go l.read()
	go l.write()
	return l
}

// Connect makes a connection to the hub inside this process. What passes over it is encoded like everything else.
func (h *Hub) Connect() *Conn {
	ours, theirs := net.Pipe()
	l := h.attach(ours)
	c := NewConn(theirs)
	c.gone = l.gone
	return c
}

// Modules lists the registered names in order.
func (h *Hub) Modules() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	names := make([]string, 0, len(h.modules))
	for name := range h.modules {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Lost counts the events that connections now open were too slow to take.
func (h *Hub) Lost() uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	var sum uint64
	for l := range h.links {
		sum += l.out.lostEvents()
	}
	return sum
}

// Close ends all connections, each when what waits for it has left or after closeGrace, and waits for the hub's
// goroutines.
func (h *Hub) Close() {
	h.mu.Lock()
	h.closed = true
	for l := range h.links {
		if l.conn.SetWriteDeadline(time.Now().Add(closeGrace)) != nil {
			l.conn.Close()
		}
		l.out.close()
	}
	h.mu.Unlock()
	h.wg.Wait()
}

// route acts on a frame that arrived from l. An error ends the connection.
func (h *Hub) route(l *link, f *frame) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch f.Kind {
	case kindCall:
		return h.call(l, f)
	case kindReply:
		return h.reply(l, f)
	case kindEvent:
		return h.publish(f)
	case kindRegister:
		return h.register(l, f)
	case kindUnregister:
		if h.modules[f.Name] == l {
			delete(h.modules, f.Name)
			delete(l.modules, f.Name)
		}
	case kindSubscribe:
		return h.subscribe(l, f)
	case kindUnsubscribe:
		h.unsubscribe(l, f.Name)
	default:
		return fmt.Errorf("frame of unknown kind %q", f.Kind)
	}
	return nil
}

func (h *Hub) register(l *link, f *frame) error {
	owner, taken := h.modules[f.Name]
	switch {
	case f.Name == "":
		return l.answer(f.ID, 1, "a module needs a name")
	case taken && owner != l:
		return l.answer(f.ID, 1, fmt.Sprintf("module %s is registered by another process", f.Name))
	case len(l.modules) >= maxModules:
		return l.answer(f.ID, 1, fmt.Sprintf("more than %d modules over one connection", maxModules))
	}
	h.modules[f.Name] = l
	l.modules[f.Name] = struct{}{}
	return l.answer(f.ID, 0, "")
}

func (h *Hub) subscribe(l *link, f *frame) error {
	if len(l.events) >= maxEvents {
		return fmt.Errorf("subscription to %q: more than %d over one connection", f.Name, maxEvents)
	}
	if h.events[f.Name] == nil {
		h.events[f.Name] = make(map[*link]struct{})
	}
	h.events[f.Name][l] = struct{}{}
	l.events[f.Name] = struct{}{}
	return nil
}

func (h *Hub) unsubscribe(l *link, event string) {
	delete(l.events, event)
	delete(h.events[event], l)
	if len(h.events[event]) == 0 {
		delete(h.events, event)
	}
}

func (h *Hub) call(l *link, f *frame) error {
	to, ok := h.modules[f.Name]
	if !ok {
		return l.answer(f.ID, codeNotRunning, "No such recipient")
	}
	if len(to.pending) >= maxPending {
		return l.answer(f.ID, 1, fmt.Sprintf("module %s does not answer: %d calls are waiting", f.Name, maxPending))
	}
	h.nextID++
	id := h.nextID
	forward := *f
	forward.ID = id
	data, err := forward.encode()
	if err != nil {
		return l.answer(f.ID, 1, err.Error())
	}
	if err := to.out.put(data, false); err != nil {
		return l.answer(f.ID, 1, fmt.Sprintf("module %s: %v", f.Name, err))
	}
	to.pending[id] = origin{l, f.ID}
	return nil
}

func (h *Hub) reply(l *link, f *frame) error {
	from, ok := l.pending[f.ID]
	if !ok {
		return fmt.Errorf("reply %d to no call", f.ID)
	}
	delete(l.pending, f.ID)
	back := *f
	back.ID = from.id
	data, err := back.encode()
	if err != nil {
		return from.link.answer(from.id, 1, err.Error())
	}
	from.link.send(data)
	return nil
}

func (h *Hub) publish(f *frame) error {
	data, err := f.encode()
	if err != nil {
		return err
	}
	for l := range h.events[f.Name] {
		// An error means that the connection is ending: nobody is left to tell.
		_ = l.out.put(data, true)
	}
	return nil
}

// detach forgets l and tells the callers of its modules.
func (h *Hub) detach(l *link) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.links, l)
	for name := range l.modules {
		if h.modules[name] == l {
			delete(h.modules, name)
		}
	}
	for event := range l.events {
		h.unsubscribe(l, event)
	}
	for _, from := range l.pending {
		_ = from.link.answer(from.id, codeNotRunning, "module ended before it answered")
	}
	clear(l.pending)
}
