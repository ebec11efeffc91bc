package test

import (
	"fmt"
	"math/bits"
	"net/netip"
	"runtime"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"bundy/internal/dns/wire"
)

const (
	blastBatch   = 64  // datagrams in one system call
	blastSockets = 8   // clients, so that servers with a socket for each worker have work for all
	blastWindow  = 128 // questions on the way in all when no rate is given
	blastRoom    = 4 << 20
	blastPause   = 20 * time.Microsecond // to look again for what is due and for what has come
	blastLost    = 300 * time.Millisecond
)

// questions are messages in one piece of memory, so that going through many of them costs the generator little.
type questions struct {
	text []byte
	ends []int
}

func (q *questions) add(t *testing.T, n wire.Name, typ wire.Type, do bool) {
	msg := question(t, 0, n, typ)
	if do {
		msg[11] = 1
		msg = append(msg, 0, 0, 41, 0x04, 0xd0, 0, 0, 0x80, 0, 0, 0) // OPT: 1232 octets, DO
	}
	q.text = append(q.text, msg...)
	q.ends = append(q.ends, len(q.text))
}

func (q *questions) at(i int) []byte {
	begin := 0
	if i > 0 {
		begin = q.ends[i-1]
	}
	return q.text[begin:q.ends[i]]
}

// late counts how long answers took: 64 steps to each power of two microseconds.
type late struct {
	count [64 * 32]int
	n     int
}

func (l *late) add(d time.Duration) {
	us := uint64(max(d, 0) / time.Microsecond)
	i := int(us)
	if us >= 64 {
		e := bits.Len64(us) - 1
		i = min((e-5)*64+int(us>>(e-6)&63), len(l.count)-1)
	}
	l.count[i]++
	l.n++
}

// quantile gives the microseconds within which that part of the answers came.
func (l *late) quantile(p float64) float64 {
	left := int(float64(l.n) * p)
	for i, n := range l.count {
		if left -= n; left < 0 && i < 64 {
			return float64(i)
		} else if left < 0 {
			return float64((64 + i%64) << (i/64 - 1))
		}
	}
	return 0
}

// blasted is what came of a run of questions.
type blasted struct {
	sent, answered, lost int
	truncated            int
	rcodes               [16]int
	late                 late
}

// blastSocket is one client: its questions on the way by their id.
type blastSocket struct {
	fd   int
	next uint16
	out  int
	sent [1 << 16]time.Duration // since the beginning; 0 is none
}

// blastMessage is struct mmsghdr of sendmmsg(2).
type blastMessage struct {
	header unix.Msghdr
	length uint32
	_      [unsafe.Sizeof(uintptr(0)) - 4]byte
}

// blaster has the memory of the system calls. It must not be moved.
type blaster struct {
	in, out       [blastBatch]blastMessage
	inVec, outVec [blastBatch]unix.Iovec
	data          [blastBatch][4096]byte
	sockets       [blastSockets]blastSocket
	questions     *questions
	next          int
	begin         time.Time
	result        blasted
}

// blast asks a server for a time over UDP: rate questions a second, or when rate is 0 always the next as soon as one is
// answered. The questions wait in the server's socket for their turn, so that rate tells how long answers take as clients
// that know nothing of one another see it. It fails only if nothing can be sent.
func blast(at netip.AddrPort, q *questions, length time.Duration, rate int) (blasted, error) {
	return blastFrom(netip.IPv4Unspecified(), at, q, length, rate)
}

// blastFrom is blast with an address that the questions come from.
func blastFrom(from netip.Addr, at netip.AddrPort, q *questions, length time.Duration, rate int) (blasted, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	b := &blaster{questions: q}
	for i := range b.in {
		b.inVec[i].Base = &b.data[i][0]
		b.inVec[i].SetLen(len(b.data[i]))
		b.in[i].header.Iov, b.out[i].header.Iov = &b.inVec[i], &b.outVec[i]
		b.in[i].header.SetIovlen(1)
		b.out[i].header.SetIovlen(1)
	}
	var polls [blastSockets]unix.PollFd
	for i := range b.sockets {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return blasted{}, err
		}
		defer unix.Close(fd)
		for _, option := range []int{unix.SO_RCVBUF, unix.SO_SNDBUF} {
			unix.SetsockoptInt(fd, unix.SOL_SOCKET, option, blastRoom)
		}
		if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: from.As4()}); err != nil {
			return blasted{}, fmt.Errorf("asking from %s: %w", from, err)
		}
		if err := unix.Connect(fd, &unix.SockaddrInet4{Port: int(at.Port()), Addr: at.Addr().As4()}); err != nil {
			return blasted{}, fmt.Errorf("connecting to %s: %w", at, err)
		}
		b.sockets[i].fd = fd
		polls[i] = unix.PollFd{Fd: int32(fd), Events: unix.POLLIN}
	}
	wait := unix.NsecToTimespec(int64(10 * time.Millisecond))
	if rate > 0 {
		wait = unix.NsecToTimespec(int64(blastPause))
	}
	b.begin = time.Now()
	swept := time.Duration(0)
	for turn := 0; ; turn++ {
		now := time.Since(b.begin)
		if now >= length && (b.waiting() == 0 || now >= length+blastLost) {
			break
		}
		due := blastSockets * blastBatch
		if rate > 0 {
			due = int(now.Seconds()*float64(rate)) - b.result.sent
		}
		did := b.receive()
		for i := 0; i < blastSockets && now < length && due > 0; i++ {
			s := &b.sockets[(turn+i)%blastSockets]
			n := min(due, blastBatch, blastWindow/blastSockets-s.out)
			if rate > 0 {
				n = min(due, blastSockets) // as little as can be together
			}
			n = b.send(s, n, time.Since(b.begin))
			due -= n
			did += n
		}
		if did == 0 {
			unix.Ppoll(polls[:], &wait, nil)
		}
		if rate == 0 && now-swept > blastLost/blastSockets { // at a rate what is lost keeps nothing back
			swept = now
			b.sweep(&b.sockets[turn%blastSockets], now-blastLost)
		}
	}
	for i := range b.sockets {
		b.sweep(&b.sockets[i], time.Since(b.begin))
	}
	if b.result.answered == 0 {
		return b.result, fmt.Errorf("%s answers none of %d questions", at, b.result.sent)
	}
	return b.result, nil
}

func (b *blaster) waiting() (n int) {
	for i := range b.sockets {
		n += b.sockets[i].out
	}
	return n
}

// receive takes the answers that have come, and gives their number.
func (b *blaster) receive() (did int) {
	for i := range b.sockets {
		s := &b.sockets[i]
		for s.out > 0 {
			r, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, uintptr(s.fd), uintptr(unsafe.Pointer(&b.in[0])), blastBatch, unix.MSG_DONTWAIT, 0, 0)
			if errno != 0 {
				break
			}
			now, n := time.Since(b.begin), int(r)
			did += n
			for k := range n {
				id := uint16(b.data[k][0])<<8 | uint16(b.data[k][1])
				if b.in[k].length < wire.HeaderSize || s.sent[id] == 0 {
					continue
				}
				b.result.late.add(now - s.sent[id])
				b.result.answered++
				b.result.rcodes[b.data[k][3]&15]++
				if b.data[k][2]&2 != 0 {
					b.result.truncated++
				}
				s.sent[id] = 0
				s.out--
			}
			if n < blastBatch {
				break
			}
		}
	}
	return did
}

// send sends the next n questions from a socket, and gives how many went.
func (b *blaster) send(s *blastSocket, n int, now time.Duration) int {
	if n = min(n, len(b.questions.ends)); n <= 0 { // each message once, for its id is written into it
		return 0
	}
	var ids [blastBatch]uint16
	for k := range n {
		for s.sent[s.next] != 0 {
			s.next++
		}
		msg := b.questions.at(b.next)
		if b.next++; b.next == len(b.questions.ends) {
			b.next = 0
		}
		ids[k] = s.next
		msg[0], msg[1] = byte(s.next>>8), byte(s.next)
		s.sent[s.next] = now
		s.next++
		b.outVec[k].Base = &msg[0]
		b.outVec[k].SetLen(len(msg))
	}
	w, _, errno := unix.RawSyscall6(unix.SYS_SENDMMSG, uintptr(s.fd), uintptr(unsafe.Pointer(&b.out[0])), uintptr(n), unix.MSG_DONTWAIT, 0, 0)
	if errno != 0 {
		w = 0
	}
	for _, id := range ids[w:n] {
		s.sent[id] = 0
	}
	s.out += int(w)
	b.result.sent += int(w)
	return int(w)
}

// sweep gives up the questions of a client that were sent before a time.
func (b *blaster) sweep(s *blastSocket, before time.Duration) {
	for id := range s.sent {
		if s.sent[id] != 0 && s.sent[id] < before {
			s.sent[id] = 0
			s.out--
			b.result.lost++
		}
	}
}
