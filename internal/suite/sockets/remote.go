package sockets

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// maxPacket is the size of a question or an answer: names and an error text.
const maxPacket = 4096

// maxQuestions bounds the questions of one process that the parent works on at once; more wait in the socket.
const maxQuestions = 16

type question struct {
	ID      uint64  `json:"id"`
	Owner   string  `json:"owner"`
	Drop    bool    `json:"drop,omitempty"` // else get
	Request Request `json:"request"`
}

type answer struct {
	ID    uint64 `json:"id"`
	Error string `json:"error,omitempty"`
}

// Pair makes the connection over which a process gets sockets from its parent: one end for Keeper.Serve, the other
// to be inherited by the child, who gives it to NewRemote.
func Pair() (parent *net.UnixConn, child *os.File, err error) {
	// SOCK_SEQPACKET keeps each answer together with its descriptors.
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("socketpair: %w", err)
	}
	child = os.NewFile(uintptr(fds[1]), "sockets of the parent")
	parent, err = packetConn(os.NewFile(uintptr(fds[0]), "sockets of a child"))
	if err != nil {
		child.Close()
		return nil, nil, err
	}
	return parent, child, nil
}

// packetConn takes over f.
func packetConn(f *os.File) (*net.UnixConn, error) {
	defer f.Close()
	nc, err := net.FileConn(f)
	if err != nil {
		return nil, fmt.Errorf("connection for sockets: %w", err)
	}
	uc, ok := nc.(*net.UnixConn)
	if !ok {
		nc.Close()
		return nil, fmt.Errorf("connection for sockets: %T is no Unix socket", nc)
	}
	return uc, nil
}

// Serve answers the process at the other end of nc until it ends. It closes nc.
func (k *Keeper) Serve(nc *net.UnixConn) error {
	defer nc.Close()
	var wg sync.WaitGroup
	defer wg.Wait()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	turns := make(chan struct{}, maxQuestions)
	buf := make([]byte, maxPacket)
	for {
		n, err := nc.Read(buf)
		if err != nil || n == 0 { // a packet of no octets is the end
			return nil
		}
		var q question
		if err := json.Unmarshal(buf[:n], &q); err != nil {
			return fmt.Errorf("question for a socket: %w", err)
		}
		if q.Drop { // at once, so that a question behind it finds the socket gone
			k.drop(q.Owner, q.Request)
			continue
		}
		turns <- struct{}{}
		wg.Go(func() {
			defer func() { <-turns }()
			k.answer(ctx, nc, q)
		})
	}
}

func (k *Keeper) answer(ctx context.Context, nc *net.UnixConn, q question) {
	files, err := k.get(ctx, q.Owner, q.Request)
	a := answer{ID: q.ID}
	var fds []int
	if err != nil {
		a.Error = err.Error()
	}
	for _, f := range files {
		defer f.Close()
		raw, err := f.SyscallConn()
		if err == nil {
			err = raw.Control(func(fd uintptr) { fds = append(fds, int(fd)) }) // open until f.Close
		}
		if err != nil {
			a.Error = err.Error()
		}
	}
	var rights []byte
	if a.Error == "" {
		rights = unix.UnixRights(fds...)
	}
	if len(a.Error) > maxPacket/2 { // octets may grow sixfold when escaped, but ours are printable
		a.Error = a.Error[:maxPacket/2]
	}
	text, err := json.Marshal(a)
	if err == nil {
		_, _, err = nc.WriteMsgUnix(text, rights, nil)
	}
	if err != nil {
		nc.Close() // Serve ends; the child sees it and ends as well
	}
}

// Remote asks the parent for sockets.
type Remote struct {
	conn    *net.UnixConn
	mu      sync.Mutex
	nextID  uint64
	waiting map[uint64]chan<- result
	ended   bool
	done    chan struct{}
}

type result struct {
	files []*os.File
	err   error
}

// NewRemote takes over the inherited end of a Pair.
func NewRemote(child *os.File) (*Remote, error) {
	nc, err := packetConn(child)
	if err != nil {
		return nil, err
	}
	m := &Remote{conn: nc, waiting: make(map[uint64]chan<- result), done: make(chan struct{})}
	go m.read()
	return m, nil
}

// Done is closed when the connection has ended: no socket can be had any more.
func (m *Remote) Done() <-chan struct{} { return m.done }

// Close ends the connection. The parent keeps the sockets.
func (m *Remote) Close() error { return m.conn.Close() }

// For gives the source of one component.
func (m *Remote) For(owner string) Source { return remote{m, owner} }

type remote struct {
	*Remote
	owner string
}

func (s remote) Get(ctx context.Context, r Request) ([]*os.File, error) {
	if _, err := r.normal(); err != nil {
		return nil, err
	}
	got := make(chan result, 1)
	id, err := s.ask(question{Owner: s.owner, Request: r}, got)
	if err != nil {
		return nil, fmt.Errorf("ask the parent for %v: %w", r, err)
	}
	select {
	case res := <-got:
		return res.files, res.err
	case <-ctx.Done():
		s.forget(id, got)
		return nil, fmt.Errorf("ask the parent for %v: %w", r, ctx.Err())
	}
}

func (s remote) Drop(r Request) {
	if _, err := r.normal(); err != nil {
		return // such a socket was never made
	}
	// An error means that the parent is gone, and all its sockets with it.
	_, _ = s.ask(question{Owner: s.owner, Drop: true, Request: r}, nil)
}

func (m *Remote) ask(q question, got chan<- result) (uint64, error) {
	m.mu.Lock()
	if m.ended {
		m.mu.Unlock()
		return 0, net.ErrClosed
	}
	m.nextID++
	q.ID = m.nextID
	if got != nil {
		m.waiting[q.ID] = got
	}
	m.mu.Unlock()
	text, err := json.Marshal(q)
	if err == nil {
		_, err = m.conn.Write(text)
	}
	return q.ID, err
}

// forget stops waiting for an answer; descriptors that arrive all the same are closed.
func (m *Remote) forget(id uint64, got <-chan result) {
	m.mu.Lock()
	_, waiting := m.waiting[id]
	delete(m.waiting, id)
	m.mu.Unlock()
	if !waiting {
		for _, f := range (<-got).files {
			f.Close()
		}
	}
}

func (m *Remote) read() {
	text, rights := make([]byte, maxPacket), make([]byte, unix.CmsgSpace(4*maxCopies))
	var err error
	for err == nil {
		var n, nr int
		n, nr, _, _, err = m.conn.ReadMsgUnix(text, rights)
		if err == nil && n == 0 {
			err = errors.New("the parent ended")
		}
		if err == nil {
			err = m.deliver(text[:n], rights[:nr])
		}
	}
	m.conn.Close()
	defer close(m.done)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ended = true
	for id, got := range m.waiting {
		got <- result{err: fmt.Errorf("sockets of the parent: %w", err)}
		delete(m.waiting, id)
	}
}

func (m *Remote) deliver(text, rights []byte) error {
	fds, err := parseRights(rights)
	if err != nil {
		return err
	}
	var a answer
	if err := json.Unmarshal(text, &a); err != nil {
		closeAll(fds)
		return fmt.Errorf("answer of the parent: %w", err)
	}
	m.mu.Lock()
	got := m.waiting[a.ID]
	delete(m.waiting, a.ID)
	m.mu.Unlock()
	if got == nil {
		closeAll(fds)
		return nil
	}
	if a.Error != "" {
		closeAll(fds)
		got <- result{err: errors.New(a.Error)}
		return nil
	}
	var res result
	for _, fd := range fds {
		res.files = append(res.files, os.NewFile(uintptr(fd), "socket of the parent"))
	}
	got <- res
	return nil
}

func parseRights(rights []byte) ([]int, error) {
	if len(rights) == 0 {
		return nil, nil
	}
	messages, err := unix.ParseSocketControlMessage(rights)
	if err != nil {
		return nil, fmt.Errorf("descriptors from the parent: %w", err)
	}
	var fds []int
	for _, message := range messages {
		got, err := unix.ParseUnixRights(&message)
		if err != nil {
			closeAll(fds)
			return nil, fmt.Errorf("descriptors from the parent: %w", err)
		}
		fds = append(fds, got...)
	}
	return fds, nil
}
