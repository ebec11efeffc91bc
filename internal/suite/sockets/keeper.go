package sockets

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"bundy/internal/suite/logging"
)

const (
	// maxSockets bounds the requests kept at once: a machine with some hundred addresses and interfaces has room.
	maxSockets = 1024

	// busyTime is how long a port in use is tried again: the children of a suite that crashed may still be dying.
	busyTime  = time.Second
	busyPause = 50 * time.Millisecond
)

// Keeper binds sockets and keeps them open. Each belongs to the component that asked for it.
type Keeper struct {
	log *logging.Logger

	mu     sync.Mutex // held over socket calls that do not wait
	held   map[key]*held
	failed map[key]string // the error last logged, as some components try again and again
}

// key names a socket. Without a port, each component has a socket of its own.
type key struct {
	Request
	owner string // only without a port
}

func keyOf(owner string, r Request) key {
	r.Early = false
	if r.Address.Port() != 0 {
		owner = ""
	}
	return key{r, owner}
}

type held struct {
	owner string
	fds   []int
	port  uint16 // the request's, or the one that the kernel chose for 0
	link  int    // index of the interface when the socket was made
}

// NewKeeper makes a keeper without sockets. It logs what it binds, and what it cannot bind.
func NewKeeper(log *logging.Logger) *Keeper {
	return &Keeper{log: log, held: make(map[key]*held), failed: make(map[key]string)}
}

// For gives the source of one component.
func (k *Keeper) For(owner string) Source { return local{k, owner} }

type local struct {
	keeper *Keeper
	owner  string
}

func (l local) Get(ctx context.Context, r Request) ([]*os.File, error) {
	return l.keeper.get(ctx, l.owner, r)
}

func (l local) Drop(r Request) { l.keeper.drop(l.owner, r) }

func (k *Keeper) get(ctx context.Context, owner string, r Request) ([]*os.File, error) {
	r, err := r.normal()
	if err != nil {
		return nil, err
	}
	deadline := time.Now().Add(busyTime)
	for {
		files, made, err := k.try(owner, r)
		if !errors.Is(err, unix.EADDRINUSE) || time.Now().After(deadline) {
			k.report(owner, r, files, made, err)
			return files, err
		}
		select {
		case <-time.After(busyPause):
		case <-ctx.Done():
			return nil, err
		}
	}
}

// report logs a socket that was made, and an error that is not the one logged last.
func (k *Keeper) report(owner string, r Request, files []*os.File, made bool, err error) {
	k.mu.Lock()
	at := key{r, owner}
	at.Early = false
	known := k.failed[at]
	if err == nil {
		delete(k.failed, at)
	} else {
		if len(k.failed) >= maxSockets {
			clear(k.failed)
		}
		k.failed[at] = err.Error()
	}
	k.mu.Unlock()
	switch {
	case err != nil && err.Error() != known:
		k.log.Log(msgSocketError, owner, err)
	case made && isEarly(r, files[0]):
		k.log.Log(msgSocketEarly, r, owner)
	case made:
		k.log.Log(msgSocketCreated, r, owner)
	}
}

// try returns the sockets, and whether they were made for this.
func (k *Keeper) try(owner string, r Request) (files []*os.File, made bool, err error) {
	link, err := linkIndex(r)
	if err != nil {
		return nil, false, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	at := keyOf(owner, r)
	h := k.held[at]
	switch {
	case h != nil && h.owner != owner:
		return nil, false, fmt.Errorf("bind %v: used by %s", r, h.owner)
	case h != nil && h.link == link:
		files, err = duplicates(r, h.fds)
		return files, false, err
	case h != nil: // an interface of that name was removed and made anew: the old socket hears nothing
		closeAll(h.fds)
		delete(k.held, at)
	case len(k.held) >= maxSockets:
		return nil, false, fmt.Errorf("bind %v: more than %d sockets", r, maxSockets)
	}
	fds, err := open(r, k.holdsPort(r))
	if err != nil {
		return nil, false, err
	}
	if files, err = duplicates(r, fds); err != nil {
		closeAll(fds)
		return nil, false, err
	}
	k.held[at] = &held{owner, fds, boundPort(r, fds[0]), link}
	return files, true, nil
}

// holdsPort tells whether a socket of ours may stand in the way of r: another number of copies, or an address that
// covers the new one or is covered by it, as when 0.0.0.0 is narrowed by a commit whose old sockets are still open.
func (k *Keeper) holdsPort(r Request) bool {
	stream := r.Kind == TCP
	for other, h := range k.held {
		if (other.Kind == TCP) == stream && other.Kind != DHCP4Raw && h.port == r.Address.Port() && overlap(other.Request, r) {
			return true
		}
	}
	return false
}

func overlap(a, b Request) bool {
	x, y := a.Address.Addr(), b.Address.Addr()
	if x.Is4() != y.Is4() || a.Interface != "" && b.Interface != "" && a.Interface != b.Interface {
		return false
	}
	return x == y || x.IsUnspecified() || y.IsUnspecified()
}

func (k *Keeper) drop(owner string, r Request) {
	r, err := r.normal()
	if err != nil {
		return // such a socket was never made
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	at := keyOf(owner, r)
	if h := k.held[at]; h != nil && h.owner == owner {
		closeAll(h.fds)
		delete(k.held, at)
	}
}

// Release closes all sockets of a component: it was removed from the configuration.
func (k *Keeper) Release(owner string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for r, h := range k.held {
		if h.owner == owner {
			closeAll(h.fds)
			delete(k.held, r)
		}
	}
}

// Close closes all sockets.
func (k *Keeper) Close() {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, h := range k.held {
		closeAll(h.fds)
	}
	clear(k.held)
}

func boundPort(r Request, fd int) uint16 {
	at, err := unix.Getsockname(fd)
	if err != nil {
		return r.Address.Port()
	}
	switch at := at.(type) {
	case *unix.SockaddrInet4:
		return uint16(at.Port)
	case *unix.SockaddrInet6:
		return uint16(at.Port)
	}
	return r.Address.Port() // packet sockets have none
}

func linkIndex(r Request) (int, error) {
	if r.Interface == "" {
		return 0, nil
	}
	link, err := net.InterfaceByName(r.Interface)
	if err != nil {
		return 0, fmt.Errorf("socket %v: %w", r, err)
	}
	return link.Index, nil
}

func duplicates(r Request, fds []int) ([]*os.File, error) {
	files := make([]*os.File, 0, len(fds))
	for _, fd := range fds {
		dup, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
		if err != nil {
			for _, f := range files {
				f.Close()
			}
			return nil, failure(r, "duplicate", err)
		}
		files = append(files, os.NewFile(uintptr(dup), r.String()))
	}
	return files, nil
}
