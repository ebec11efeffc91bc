package bus

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// DefaultTimeout bounds calls whose context has no deadline (spec: command channel, bodies).
const DefaultTimeout = 4 * time.Second

// Handler answers the commands of a module. args is nil or the encoded arguments; the result is encoded as JSON. The
// context ends when the caller stops waiting or the connection ends. An *Error keeps its code; other errors have code 1.
type Handler func(ctx context.Context, command string, args json.RawMessage) (any, error)

// Conn is a connection to the hub. It implements Client and may be used from any goroutine.
type Conn struct {
	conn net.Conn
	out  *outbox
	done chan struct{}
	gone <-chan struct{} // closed when the hub has acted on all that was sent; nil if the hub is elsewhere
	work chan struct{}   // a token for each call being worked on
	life context.Context
	end  context.CancelFunc

	mu       sync.Mutex
	err      error
	nextID   uint64
	replies  map[uint64]chan *frame
	handlers map[string]Handler
	events   map[string]map[*subscription]struct{}
	lost     uint64
}

var _ Client = (*Conn)(nil)

// NewConn speaks to a hub over nc, which it owns from now on.
func NewConn(nc net.Conn) *Conn {
	life, end := context.WithCancel(context.Background())
	c := &Conn{
		life:     life,
		end:      end,
		conn:     nc,
		out:      newOutbox(),
		done:     make(chan struct{}),
		work:     make(chan struct{}, maxHandlers),
		replies:  make(map[uint64]chan *frame),
		handlers: make(map[string]Handler),
		events:   make(map[string]map[*subscription]struct{}),
	}
	go c.read()
	go func() {
		_ = c.out.drain(nc) // a failed write needs no word of its own: read notices
		nc.Close()
	}()
	return c
}

// Done is closed when the connection has ended.
func (c *Conn) Done() <-chan struct{} { return c.done }

// Err tells why the connection ended; nil before Done is closed.
func (c *Conn) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Close ends the connection when the commands being worked on are answered and what was sent has left, or after
// closeGrace. Calls to others that are under way fail.
func (c *Conn) Close() error {
	grace := time.NewTimer(closeGrace)
	defer grace.Stop()
	for idle := 0; idle < cap(c.work); idle++ {
		select {
		case c.work <- struct{}{}:
			continue
		case <-c.done:
		case <-grace.C:
		}
		break
	}
	err := c.conn.SetWriteDeadline(time.Now().Add(closeGrace))
	c.out.close()
	<-c.done
	if c.gone != nil {
		<-c.gone
	}
	if errors.Is(err, net.ErrClosed) || errors.Is(err, io.ErrClosedPipe) {
		return nil
	}
	return err
}

// Lost counts the events that subscribers of this connection were too slow to take.
func (c *Conn) Lost() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lost
}

// Register makes h answer for a module until the returned function is called. It fails when another connection
// answers for that name.
func (c *Conn) Register(ctx context.Context, module string, h Handler) (unregister func(), err error) {
	c.mu.Lock()
	if _, taken := c.handlers[module]; taken {
		c.mu.Unlock()
		return nil, fmt.Errorf("register %s: module is registered already", module)
	}
	c.handlers[module] = h
	c.mu.Unlock()
	unregister = func() {
		c.mu.Lock()
		delete(c.handlers, module)
		c.mu.Unlock()
		_ = c.send(&frame{Kind: kindUnregister, Name: module}) // fails only when the connection is gone
	}
	if err := c.request(ctx, &frame{Kind: kindRegister, Name: module}, nil); err != nil {
		unregister()
		return nil, fmt.Errorf("register %s: %w", module, err)
	}
	return unregister, nil
}

// Call implements Client.
func (c *Conn) Call(ctx context.Context, to, command string, args, result any) error {
	f := &frame{Kind: kindCall, Name: to, Command: command}
	if args != nil {
		body, err := json.Marshal(args)
		if err != nil {
			return fmt.Errorf("encode arguments of %s %s: %w", to, command, err)
		}
		f.Body = body
	}
	return c.request(ctx, f, result)
}

func (c *Conn) request(ctx context.Context, f *frame, result any) error {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, DefaultTimeout)
		defer cancel()
	}
	deadline, _ := ctx.Deadline()
	f.Millis = max(1, time.Until(deadline).Milliseconds())
	reply := make(chan *frame, 1)
	c.mu.Lock()
	c.nextID++
	f.ID = c.nextID
	c.replies[f.ID] = reply
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		delete(c.replies, f.ID)
		c.mu.Unlock()
	}()
	if err := c.send(f); err != nil {
		return err
	}
	select {
	case got := <-reply:
		return decodeReply(f, got, result)
	case <-ctx.Done():
		return fmt.Errorf("no answer from %s to %s: %w", f.Name, f.Command, ctx.Err())
	case <-c.done:
		select {
		case got := <-reply: // it came with the end
			return decodeReply(f, got, result)
		default:
			return fmt.Errorf("%s %s: %w", f.Name, f.Command, errClosed)
		}
	}
}

func decodeReply(f, got *frame, result any) error {
	switch {
	case got.Code == codeNotRunning:
		return fmt.Errorf("%s: %w", f.Name, ErrNotRunning)
	case got.Code != 0:
		return &Error{Code: got.Code, Text: got.Text}
	case result == nil || len(got.Body) == 0:
		return nil
	}
	if err := json.Unmarshal(got.Body, result); err != nil {
		return fmt.Errorf("decode result of %s %s: %w", f.Name, f.Command, err)
	}
	return nil
}

// Publish implements Client.
func (c *Conn) Publish(event string, params any) error {
	f := &frame{Kind: kindEvent, Name: event}
	if params != nil {
		body, err := json.Marshal(params)
		if err != nil {
			return fmt.Errorf("encode event %s: %w", event, err)
		}
		f.Body = body
	}
	return c.send(f)
}

func (c *Conn) send(f *frame) error {
	data, err := f.encode()
	if err != nil {
		return err
	}
	if err := c.out.put(data, f.Kind == kindEvent); err != nil {
		return fmt.Errorf("send %s %s: %w", f.Kind, f.Name, err)
	}
	return nil
}

func (c *Conn) read() {
	in := bufio.NewReader(c.conn)
	var err error
	for err == nil {
		var f *frame
		if f, err = readFrame(in); err == nil {
			err = c.dispatch(f)
		}
	}
	c.conn.Close()
	c.out.close()
	c.mu.Lock()
	c.err = fmt.Errorf("command channel ended: %w", err)
	for _, set := range c.events {
		for s := range set {
			s.stop()
		}
	}
	clear(c.events)
	c.mu.Unlock()
	c.end()
	close(c.done)
}

func (c *Conn) dispatch(f *frame) error {
	switch f.Kind {
	case kindReply:
		c.mu.Lock()
		reply := c.replies[f.ID]
		delete(c.replies, f.ID)
		c.mu.Unlock()
		if reply != nil { // else the caller has stopped waiting
			reply <- f
		}
	case kindEvent:
		c.mu.Lock()
		for s := range c.events[f.Name] {
			if !s.put(f.Body) {
				c.lost++
			}
		}
		c.mu.Unlock()
	case kindCall:
		c.mu.Lock()
		h := c.handlers[f.Name]
		c.mu.Unlock()
		c.handle(f, h)
	default:
		return fmt.Errorf("frame of unexpected kind %q", f.Kind)
	}
	return nil
}

func (c *Conn) handle(f *frame, h Handler) {
	if h == nil { // unregistered while the call was under way
		c.answer(f, nil, &Error{Code: codeNotRunning, Text: "No such recipient"})
		return
	}
	select {
	case c.work <- struct{}{}:
	default:
		c.answer(f, nil, Errorf("%s is busy: %d commands at once", f.Name, maxHandlers))
		return
	}
	go func() {
		defer func() { <-c.work }()
		ctx, cancel := context.WithTimeout(c.life, time.Duration(max(1, f.Millis))*time.Millisecond)
		defer cancel()
		result, err := h(ctx, f.Command, f.Body)
		c.answer(f, result, err)
	}()
}

func (c *Conn) answer(call *frame, result any, err error) {
	f := &frame{Kind: kindReply, ID: call.ID}
	if err == nil && result != nil {
		f.Body, err = json.Marshal(result)
	}
	if err != nil {
		f.Code, f.Text, f.Body = 1, err.Error(), nil
		if refusal, ok := errors.AsType[*Error](err); ok && refusal.Code != 0 {
			f.Code = refusal.Code
		} else if errors.Is(err, ErrNotRunning) {
			f.Code = codeNotRunning
		}
	}
	if err := c.send(f); err != nil && !errors.Is(err, errClosed) {
		// Too large, or the queue is full. Say so if that fits; else end, as an answer lost in silence helps nobody.
		if c.send(&frame{Kind: kindReply, ID: call.ID, Code: 1, Text: err.Error()}) != nil {
			c.conn.Close()
		}
	}
}
