package server

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// sendPatience is how long a full send buffer is waited for: longer than a network card takes to empty it. Replies that
// would wait longer are of no use to clients, who ask again.
const sendPatience = 100 * time.Millisecond

// socket is a UDP socket that the runtime's poller does not know. The poller would subscribe to everything that happens
// to the socket for as long as it is open, and the kernel would tell it of each datagram that comes and of each that was
// sent, while nobody waits for either: a thirtieth of the cost of a query, and for each reply a wait that ends for
// nothing. Instead the poller watches an epoll instance, and that watches the socket only while the loop has little to
// do, and only for datagrams that come.
type socket struct {
	epoll   int
	waiting *os.File        // of epoll
	conn    syscall.RawConn // of waiting
	watched bool            // belongs to the loop

	mu sync.Mutex // held over calls that do not wait
	fd int        // -1 when closed
}

// newSocket takes over a socket. The file is closed, also when it fails.
func newSocket(f *os.File) (*socket, error) {
	defer f.Close()
	raw, err := f.SyscallConn()
	if err != nil {
		return nil, fmt.Errorf("serve datagrams: %w", err)
	}
	s := &socket{fd: -1}
	var dupErr error
	err = raw.Control(func(fd uintptr) { s.fd, dupErr = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0) })
	if err = errors.Join(err, dupErr); err != nil {
		return nil, fmt.Errorf("serve datagrams: %w", err)
	}
	if s.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		unix.Close(s.fd)
		return nil, fmt.Errorf("serve datagrams: %w", err)
	}
	err = unix.SetNonblock(s.epoll, true) // tells NewFile that it can be waited for
	s.waiting = os.NewFile(uintptr(s.epoll), "datagrams")
	if err == nil {
		s.conn, err = s.waiting.SyscallConn()
	}
	if err != nil {
		s.waiting.Close()
		unix.Close(s.fd)
		return nil, fmt.Errorf("serve datagrams: %w", err)
	}
	return s, nil
}

// eachTime calls turn at once, and again whenever datagrams have come since it began to return false while they are
// watched for; until it returns true, or stop was called.
func (s *socket) eachTime(turn func() bool) error {
	return s.conn.Read(func(uintptr) bool { return turn() })
}

// watch lets the loop be told of datagrams, those that wait already included.
func (s *socket) watch() error {
	if s.watched {
		return nil
	}
	s.watched = true
	return unix.EpollCtl(s.epoll, unix.EPOLL_CTL_ADD, s.fd, &unix.EpollEvent{Events: unix.EPOLLIN})
}

// unwatch ends watch.
func (s *socket) unwatch() error {
	if !s.watched {
		return nil
	}
	s.watched = false
	return unix.EpollCtl(s.epoll, unix.EPOLL_CTL_DEL, s.fd, nil)
}

// writable waits until there is room for another datagram. False: not in time.
func (s *socket) writable() bool {
	n, err := unix.Poll([]unix.PollFd{{Fd: int32(s.fd), Events: unix.POLLOUT}}, int(sendPatience/time.Millisecond))
	return n > 0 || errors.Is(err, unix.EINTR)
}

// sendOne sends a datagram without waiting. It may be called at any time, by anybody.
func (s *socket) sendOne(msg, control []byte, to *unix.RawSockaddrInet6) error {
	client, ok := addrPort(to)
	if !ok {
		return unix.EINVAL
	}
	var sa unix.Sockaddr
	if to.Family == unix.AF_INET {
		sa = &unix.SockaddrInet4{Port: int(client.Port()), Addr: client.Addr().As4()}
	} else {
		sa = &unix.SockaddrInet6{Port: int(client.Port()), Addr: to.Addr, ZoneId: to.Scope_id}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fd < 0 {
		return os.ErrClosed
	}
	_, err := unix.SendmsgN(s.fd, msg, control, sa, unix.MSG_DONTWAIT)
	return err
}

// stop ends the wait of eachTime.
func (s *socket) stop() error { return s.waiting.Close() }

// close closes the socket. The loop must have ended.
func (s *socket) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := unix.Close(s.fd)
	s.fd = -1
	return err
}
