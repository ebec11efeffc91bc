package bus

import (
	"encoding/json"
	"sync"
)

// subscription calls one function for the events of one name, in a goroutine of its own.
type subscription struct {
	fn   func(json.RawMessage)
	mu   sync.Mutex
	list []json.RawMessage
	wake chan struct{}
	end  chan struct{}
	once sync.Once
}

// Subscribe implements Client. Since a process whose connection ends also ends, the connection is never made again
// and fn never sees the nil parameters of a renewed one.
func (c *Conn) Subscribe(event string, fn func(params json.RawMessage)) (cancel func()) {
	s := &subscription{fn: fn, wake: make(chan struct{}, 1), end: make(chan struct{})}
	go s.run()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		s.stop()
		return func() {}
	}
	if c.events[event] == nil {
		c.events[event] = make(map[*subscription]struct{})
		// Sent under the mutex, which put allows as it never waits, so that the hub sees the order that the map saw.
		_ = c.send(&frame{Kind: kindSubscribe, Name: event}) // fails only when the connection is gone
	}
	c.events[event][s] = struct{}{}
	return func() {
		s.stop()
		c.mu.Lock()
		defer c.mu.Unlock()
		if _, ok := c.events[event][s]; !ok {
			return
		}
		delete(c.events[event], s)
		if len(c.events[event]) == 0 {
			delete(c.events, event)
			_ = c.send(&frame{Kind: kindUnsubscribe, Name: event})
		}
	}
}

// put queues an event; false when the oldest one was lost for it.
func (s *subscription) put(params json.RawMessage) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	kept := true
	if len(s.list) >= maxBacklog {
		s.list = s.list[1:]
		kept = false
	}
	s.list = append(s.list, params)
	select {
	case s.wake <- struct{}{}:
	default:
	}
	return kept
}

func (s *subscription) stop() { s.once.Do(func() { close(s.end) }) }

func (s *subscription) run() {
	for {
		select {
		case <-s.end:
			return
		case <-s.wake:
		}
		s.mu.Lock()
		list := s.list
		s.list = nil
		s.mu.Unlock()
		for _, params := range list {
			select {
			case <-s.end:
				return
			default:
				s.fn(params)
			}
		}
	}
}
