package netif

import (
	"errors"
	"fmt"
	"net"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// gatherPause is how long a receiver that is busy waits for more before it reads: to wake up costs as much as ten
	// datagrams, and clients do not notice the wait.
	gatherPause = 300 * time.Microsecond

	// A receiver is busy when more datagrams came within gatherWindow than a client by itself sends.
	gatherWindow = 2 * time.Millisecond
	gatherMany   = 4

	// crowdedAfter is how many full reads one behind another tell that more comes than can be served, and not a burst.
	crowdedAfter = 8

	// maxNewcomers is how many of a full read may be of clients that look for a server, while it is crowded. The others are
	// for those that have an address, or were offered one: a flood of clients that do not exist does not stop the renewals
	// of those that do.
	maxNewcomers = inboxSize / 4

	// readPause keeps a socket that only fails from using a processor.
	readPause = 10 * time.Millisecond
)

// intake receives on all links of a server. The goroutine that received datagrams serves them too, one at a time.
type intake struct {
	readers sync.WaitGroup
	failed  chan error
	lost    atomic.Uint64

	turn  sync.Mutex // to use what follows
	inbox *inbox
}

func newIntake(size int) *intake {
	return &intake{failed: make(chan error, 1), inbox: newInbox(size)}
}

// start receives from a socket until it is closed. serve gets the number of datagrams in the inbox, and whether more come
// than can be served.
func (t *intake) start(name string, socket syscall.RawConn, serve func(n int, crowded bool)) {
	t.readers.Go(func() {
		defer func() {
			if value := recover(); value != nil {
				select {
				case t.failed <- fmt.Errorf("panic while serving on %s: %v\n%s", name, value, debug.Stack()):
				default: // one reason to fail is enough
				}
			}
		}()
		t.receive(socket, serve)
	})
}

func (t *intake) receive(socket syscall.RawConn, serve func(n int, crowded bool)) {
	var errno unix.Errno
	var n int
	try := func(fd uintptr) bool { // leaves with the turn unless there is nothing to read
		t.turn.Lock()
		if n, errno = t.inbox.read(fd); errno == unix.EAGAIN {
			t.turn.Unlock()
			return false
		}
		return true
	}
	full, many := 0, 0
	var began time.Time // when many was 0
	for {
		err := socket.Read(try)
		if err == nil && errno != 0 {
			t.turn.Unlock()
			err = errno
		}
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			// ICMP errors about earlier replies, or the interface went down: Update closes it then.
			time.Sleep(readPause)
			continue
		}
		if n < inboxSize {
			full = 0
		} else {
			full++
		}
		func() {
			defer t.turn.Unlock()
			serve(n, full >= crowdedAfter)
		}()
		if now := time.Now(); now.Sub(began) > gatherWindow {
			began, many = now, 0
		}
		if many += n; many >= gatherMany && n < inboxSize {
			time.Sleep(gatherPause)
		}
	}
}
