package bus

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// ErrAlreadyRunning is returned (wrapped, with the path) by Listen when a live hub serves the socket.
var ErrAlreadyRunning = errors.New("already running")

// maxSocketPath is what fits in sockaddr_un before its final zero.
const maxSocketPath = 107

// probeTime bounds the question whether a socket file is alive; on one machine the answer is immediate.
const probeTime = time.Second

// acceptPause keeps a process that ran out of descriptors from spinning.
const acceptPause = 100 * time.Millisecond

// Listener accepts connections for a hub on a Unix socket.
type Listener struct {
	listener *net.UnixListener
	path     string
	lock     *os.File
	uids     map[uint32]struct{}
}

// Listen makes the socket file of the hub with mode 0600. Processes of the same user, of root and of the users given
// may connect. A file without a live hub behind it is removed; two suites that start at once are kept apart by a lock
// on path + ".lock", which is never removed, since removing it would let two of them hold it.
func Listen(path string, users ...int) (*Listener, error) {
	if len(path) > maxSocketPath {
		return nil, fmt.Errorf("socket %s: path of %d octets, the system allows %d: choose another with --msgq-socket-file",
			path, len(path), maxSocketPath)
	}
	lock, err := os.OpenFile(path+".lock", os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock of the command channel: %w", err)
	}
	l, err := listen(path, lock, users)
	if err != nil {
		lock.Close()
		return nil, err
	}
	return l, nil
}

func listen(path string, lock *os.File, users []int) (*Listener, error) {
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, fmt.Errorf("socket %s: %w", path, ErrAlreadyRunning)
	}
	if info, err := os.Lstat(path); err == nil {
		if info.Mode().Type() != os.ModeSocket {
			return nil, fmt.Errorf("socket %s: the file exists and is not a socket", path)
		}
		if nc, err := net.DialTimeout("unix", path, probeTime); err == nil {
			nc.Close()
			return nil, fmt.Errorf("socket %s: %w", path, ErrAlreadyRunning)
		}
		if err := os.Remove(path); err != nil {
			return nil, fmt.Errorf("remove stale socket: %w", err)
		}
	}
	// Bound under another name and then renamed: the file is never there with a wider mode, and never half made.
	temp := filepath.Join(filepath.Dir(path), ".m"+fmt.Sprint(os.Getpid()))
	if len(temp) > maxSocketPath {
		temp = path
	}
	if err := os.Remove(temp); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("remove stale socket: %w", err)
	}
	nl, err := net.ListenUnix("unix", &net.UnixAddr{Name: temp, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("command channel %s: %w", path, err)
	}
	nl.SetUnlinkOnClose(false)
	l := &Listener{listener: nl, path: path, lock: lock, uids: map[uint32]struct{}{0: {}, uint32(os.Geteuid()): {}}}
	err = os.Chmod(temp, 0o600)
	for _, uid := range users {
		l.uids[uint32(uid)] = struct{}{}
		if err == nil && uid != os.Geteuid() {
			err = os.Chown(temp, uid, -1) // root passes any mode
		}
	}
	if err == nil && temp != path {
		err = os.Rename(temp, path)
	}
	if err != nil {
		nl.Close()
		return nil, fmt.Errorf("command channel %s: %w", path, err)
	}
	return l, nil
}

// Serve attaches what connects to the hub until Close.
func (l *Listener) Serve(h *Hub) error {
	for {
		nc, err := l.listener.AcceptUnix()
		switch {
		case errors.Is(err, net.ErrClosed):
			return nil
		case errors.Is(err, unix.EMFILE), errors.Is(err, unix.ENFILE), errors.Is(err, unix.ECONNABORTED):
			time.Sleep(acceptPause)
			continue
		case err != nil:
			return fmt.Errorf("command channel: %w", err)
		}
		if uid, err := peerUser(nc); err != nil || !l.allows(uid) {
			nc.Close()
			continue
		}
		h.Attach(nc)
	}
}

func (l *Listener) allows(uid uint32) bool {
	_, ok := l.uids[uid]
	return ok
}

// Close stops Serve and removes the socket file; then it gives up the lock, so that the file cannot be that of a suite
// that has just started.
func (l *Listener) Close() error {
	return errors.Join(l.listener.Close(), os.Remove(l.path), l.lock.Close())
}

// Dial connects to the hub behind a socket file.
func Dial(ctx context.Context, path string) (*Conn, error) {
	nc, err := new(net.Dialer).DialContext(ctx, "unix", path)
	if err != nil {
		return nil, fmt.Errorf("command channel: %w", err)
	}
	return NewConn(nc), nil
}

func peerUser(nc *net.UnixConn) (uint32, error) {
	raw, err := nc.SyscallConn()
	if err != nil {
		return 0, err
	}
	var cred *unix.Ucred
	var credErr error
	if err := raw.Control(func(fd uintptr) {
		cred, credErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	}); err != nil {
		return 0, err
	}
	if credErr != nil {
		return 0, credErr
	}
	return cred.Uid, nil
}
