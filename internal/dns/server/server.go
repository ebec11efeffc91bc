package server

import (
	"errors"
	"fmt"
	"net"
	"os"
	"runtime/debug"
	"sync"
	"sync/atomic"
)

// Server answers on any number of addresses with handlers of one kind.
type Server struct {
	handler  func() Handler
	counters Counters
	streams  *streams
	failed   chan error
}

// New makes a server that listens nowhere yet. handler makes one for each goroutine that needs its own. limits is asked
// for each connection and message, so that they can change.
func New(handler func() Handler, limits func() Limits) *Server {
	s := &Server{handler: handler, failed: make(chan error, 1)}
	s.streams = newStreams(handler, limits, &s.counters, s.failed)
	return s
}

// Counters gives the server's counters, which go on counting.
func (s *Server) Counters() *Counters { return &s.counters }

// Failed delivers the first error that ended a loop before its endpoint was closed.
func (s *Server) Failed() <-chan error { return s.failed }

// Endpoint is the sockets of one address.
type Endpoint struct {
	sockets  []*socket
	listener net.Listener
	loops    []func() error
	failed   chan<- error
	closing  atomic.Bool
	wait     sync.WaitGroup
}

// Endpoint takes the sockets of one address: datagrams from each file of udp, and
// connections from tcp, which may be nil. It owns the files from now on, also when it fails. What arrives waits until
// Serve is called.
func (s *Server) Endpoint(udp []*os.File, tcp *os.File) (*Endpoint, error) {
	e := &Endpoint{failed: s.failed}
	for i, f := range udp {
		d, err := newDatagrams(f, s.handler(), &s.counters, &e.closing)
		if err != nil {
			return nil, errors.Join(err, e.Close(), closeFiles(append(udp[i+1:], tcp)))
		}
		e.sockets = append(e.sockets, d.socket)
		e.loops = append(e.loops, d.run)
	}
	if tcp != nil {
		l, err := net.FileListener(tcp) // has a descriptor of its own
		if err != nil {
			return nil, errors.Join(fmt.Errorf("serve connections: %w", err), e.Close(), tcp.Close())
		}
		tcp.Close()
		e.listener = l
		e.loops = append(e.loops, func() error { return s.streams.accept(l) })
	}
	return e, nil
}

// Serve begins to answer. It must be called at most once.
func (e *Endpoint) Serve() {
	for _, loop := range e.loops {
		e.wait.Add(1)
		go func() {
			defer e.wait.Done()
			if err := caught(loop); err != nil && !e.closing.Load() {
				fail(e.failed, err)
			}
		}()
	}
}

// caught runs f and makes an error of a panic: a message that a handler cannot stand shall end the component, which is
// then started again, and not all others that live in the process.
func caught(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic while answering: %v\n%s", p, debug.Stack())
		}
	}()
	return f()
}

// fail reports an error to those who wait for the first one.
func fail(failed chan<- error, err error) {
	if err == nil {
		return
	}
	select {
	case failed <- err:
	default: // one reason is enough to give up
	}
}

// Close stops listening, whether Serve was called or not, and waits until the datagrams read are answered. Connections
// go on.
func (e *Endpoint) Close() error {
	e.closing.Store(true)
	var errs []error
	for _, s := range e.sockets {
		errs = append(errs, s.stop())
	}
	if e.listener != nil {
		errs = append(errs, e.listener.Close())
	}
	e.wait.Wait()
	for _, s := range e.sockets {
		errs = append(errs, s.close())
	}
	return errors.Join(errs...)
}

func closeFiles(files []*os.File) error {
	var errs []error
	for _, f := range files {
		if f != nil {
			errs = append(errs, f.Close())
		}
	}
	return errors.Join(errs...)
}

// Close ends all connections after the message they are at. Endpoints must be closed before.
func (s *Server) Close() { s.streams.close() }
