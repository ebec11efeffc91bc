package test

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	loadBatch = 64 // messages in one system call
	loadPause = 50 * time.Microsecond
	loadTail  = 500 * time.Millisecond // for the last answers
)

// loadPlan is what clients do in one run of a leaseLoad.
type loadPlan struct {
	length   time.Duration
	rate     int  // exchanges begun each second; 0: as many as window lets
	window   int  // exchanges on the way at once; 0: any number
	first    int  // number of the first client; each exchange is of the next one
	clients  int  // after so many the first one comes again; 0: never
	renew    bool // the clients have leases, as leaseLoad.million writes them, and renew them
	giveBack bool // a client that got a lease releases it at once
	knock    int  // beside them: so many SOLICITs or DISCOVERs each second of clients that do not go on
}

// loadResult is what came of it.
type loadResult struct {
	begun, done, knocked, answers int
	length                        time.Duration
	late                          late // from the first message of an exchange to its last
}

func (r loadResult) lost() float64 { return 1 - float64(r.done)/float64(max(r.begun, 1)) }
func (r loadResult) rate() float64 { return float64(r.done) / r.length.Seconds() }

// leaseLoad makes DHCP clients by one thread with batches of messages, faster than perfdhcp can. DHCPv4 clients are behind a
// relay agent, which it plays too; DHCPv6 clients share its link-local address.
type leaseLoad struct {
	family  int
	fd      int
	to      []byte // the server, in the kernel's form
	in, out [loadBatch]blastMessage
	inVec   [loadBatch]unix.Iovec
	outVec  [loadBatch]unix.Iovec
	data    [loadBatch][1024]byte
	send    [loadBatch][512]byte
	queued  int
	begin   time.Time
	sent    map[uint32]time.Duration // exchanges on the way, by client
	plan    loadPlan
	result  loadResult
}

// knocking marks the numbers of clients that do not go on.
const knocking = 1 << 23

// newLeaseLoad opens the socket in a network namespace, at 10.64.0.2 or the link-local address of vc0.
func newLeaseLoad(family int, namespace string) (*leaseLoad, error) {
	l := &leaseLoad{family: family, sent: map[uint32]time.Duration{}}
	opened := make(chan error)
	go func() { // the thread ends with the goroutine, as it is not unlocked
		runtime.LockOSThread()
		opened <- l.open(namespace)
	}()
	if err := <-opened; err != nil {
		return nil, err
	}
	for i := range l.in {
		l.inVec[i].Base = &l.data[i][0]
		l.inVec[i].SetLen(len(l.data[i]))
		l.in[i].header.Iov, l.out[i].header.Iov = &l.inVec[i], &l.outVec[i]
		l.in[i].header.SetIovlen(1)
		l.out[i].header.SetIovlen(1)
		l.outVec[i].Base = &l.send[i][0]
		l.out[i].header.Name, l.out[i].header.Namelen = &l.to[0], uint32(len(l.to))
	}
	return l, nil
}

func (l *leaseLoad) open(namespace string) error {
	f, err := os.Open("/run/netns/" + namespace)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := unix.Setns(int(f.Fd()), unix.CLONE_NEWNET); err != nil {
		return err
	}
	domain, port := unix.AF_INET, uint16(67)
	if l.family == 6 {
		domain, port = unix.AF_INET6, 547
	}
	if l.fd, err = unix.Socket(domain, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0); err != nil {
		return err
	}
	for _, option := range []int{unix.SO_RCVBUFFORCE, unix.SO_SNDBUFFORCE} {
		unix.SetsockoptInt(l.fd, unix.SOL_SOCKET, option, blastRoom)
	}
	if l.family == 4 {
		sa := unix.RawSockaddrInet4{Family: unix.AF_INET, Port: port>>8 | port<<8, Addr: [4]byte{10, 64, 0, 1}}
		l.to = append(l.to, (*[unix.SizeofSockaddrInet4]byte)(unsafe.Pointer(&sa))[:]...)
		return unix.Bind(l.fd, &unix.SockaddrInet4{Port: int(port), Addr: [4]byte{10, 64, 0, 2}})
	}
	link, err := interfaceIndex("vc0")
	if err != nil {
		return err
	}
	sa := unix.RawSockaddrInet6{Family: unix.AF_INET6, Port: port>>8 | port<<8, Addr: netip.MustParseAddr("ff02::1:2").As16(), Scope_id: uint32(link)}
	l.to = append(l.to, (*[unix.SizeofSockaddrInet6]byte)(unsafe.Pointer(&sa))[:]...)
	unix.SetsockoptInt(l.fd, unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_IF, link)
	return unix.Bind(l.fd, &unix.SockaddrInet6{Port: 546})
}

// interfaceIndex finds an interface of this thread's namespace, of which package net may know nothing.
func interfaceIndex(name string) (int, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	defer unix.Close(fd)
	request, err := unix.NewIfreq(name)
	if err == nil {
		err = unix.IoctlIfreq(fd, unix.SIOCGIFINDEX, request)
	}
	if err != nil {
		return 0, fmt.Errorf("interface %s: %w", name, err)
	}
	return int(request.Uint32()), nil
}

func (l *leaseLoad) close() { unix.Close(l.fd) }

// run makes clients as planned.
func (l *leaseLoad) run(p loadPlan) loadResult {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for l.receive(false) > 0 { // what is late from the run before
	}
	clear(l.sent)
	l.plan, l.result, l.begin = p, loadResult{length: p.length}, time.Now()
	poll := []unix.PollFd{{Fd: int32(l.fd), Events: unix.POLLIN}}
	pause := unix.NsecToTimespec(int64(loadPause))
	for {
		now := time.Since(l.begin)
		if now >= p.length && (len(l.sent) == 0 || now >= p.length+loadTail) {
			break
		}
		did := l.receive(true)
		if now < p.length {
			due := loadBatch
			if p.rate > 0 {
				due = int(now.Seconds()*float64(p.rate)) - l.result.begun
			}
			if p.window > 0 {
				if due = min(due, p.window-len(l.sent)); due <= 0 {
					l.giveUp(now)
				}
			}
			for range min(due, loadBatch) {
				l.start(now)
				did++
			}
			for range min(int(now.Seconds()*float64(p.knock))-l.result.knocked, loadBatch) {
				l.message(uint32(knocking+l.result.knocked%knocking), true, nil)
				l.result.knocked++
				did++
			}
		}
		l.flush()
		if did == 0 {
			unix.Ppoll(poll, &pause, nil)
		}
	}
	return l.result
}

// giveUp forgets exchanges that were lost, which would close the window.
func (l *leaseLoad) giveUp(now time.Duration) {
	for client, at := range l.sent {
		if now-at > loadTail {
			delete(l.sent, client)
		}
	}
}

func (l *leaseLoad) start(now time.Duration) {
	n := l.result.begun
	if l.plan.clients > 0 {
		n %= l.plan.clients
	}
	client := uint32(l.plan.first + n)
	l.result.begun++
	l.sent[client] = now
	if l.plan.renew {
		l.renewal(client)
	} else {
		l.message(client, true, nil)
	}
}

// flush sends what is queued. What has no room is lost, as on a network.
func (l *leaseLoad) flush() {
	for first := 0; first < l.queued; {
		n, _, errno := unix.RawSyscall6(unix.SYS_SENDMMSG, uintptr(l.fd), uintptr(unsafe.Pointer(&l.out[first])), uintptr(l.queued-first), unix.MSG_DONTWAIT, 0, 0)
		if errno != 0 {
			n = 1
		}
		first += int(n)
	}
	l.queued = 0
}

// receive takes answers and goes on with their exchanges.
func (l *leaseLoad) receive(use bool) int {
	n, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, uintptr(l.fd), uintptr(unsafe.Pointer(&l.in[0])), loadBatch, unix.MSG_DONTWAIT, 0, 0)
	if errno != 0 {
		return 0
	}
	for i := range int(n) {
		if use {
			l.answered(l.data[i][:l.in[i].length])
		}
	}
	return int(n)
}

func (l *leaseLoad) answered(m []byte) {
	l.result.answers++
	client, last, ok := l.read(m)
	if !ok || client >= knocking {
		return
	}
	at, waits := l.sent[client]
	if !waits {
		return
	}
	if !last {
		l.message(client, false, m)
		return
	}
	delete(l.sent, client)
	now := time.Since(l.begin)
	if l.result.late.add(now - at); now <= l.plan.length {
		l.result.done++
	} else if l.plan.rate > 0 {
		l.result.done++ // begun in time
	}
	if l.plan.giveBack {
		l.release(client, m)
	}
}

// read tells whose answer it is and whether it is the last one of an exchange: DHCPACK or REPLY.
func (l *leaseLoad) read(m []byte) (client uint32, last, ok bool) {
	const offer, ack, advertise, reply = 2, 5, 2, 7
	if l.family == 6 {
		if len(m) < 4 || m[0] != advertise && m[0] != reply {
			return 0, false, false
		}
		if m[0] == reply && findOption6(m[4:], 3) == nil {
			return 0, false, false // to a RELEASE
		}
		return binary.BigEndian.Uint32(m) & 0xffffff, m[0] == reply, true
	}
	if len(m) < 243 || m[242] != offer && m[242] != ack {
		return 0, false, false
	}
	return binary.BigEndian.Uint32(m[4:]), m[242] == ack, true
}

func (l *leaseLoad) put(m []byte) {
	l.outVec[l.queued].SetLen(len(m))
	if l.queued++; l.queued == loadBatch {
		l.flush()
	}
}

func loadMAC(client uint32) []byte { return binary.BigEndian.AppendUint32([]byte{2, 12}, client) }

// message is the first of an exchange, or the second in answer to what the server offers.
func (l *leaseLoad) message(client uint32, first bool, answer []byte) {
	m := l.send[l.queued][:0]
	if l.family == 6 {
		const solicit, request = 1, 3
		m = l.head6(m, map[bool]byte{true: solicit, false: request}[first], client)
		ia := make([]byte, 12)
		ia[3] = 1
		if !first {
			m = append6(m, 2, findOption6(answer[4:], 2))
			ia = findOption6(answer[4:], 3)
		}
		l.put(append6(m, 3, ia))
		return
	}
	const discover, request = 1, 3
	if first {
		m = l.head4(m, discover, client, nil)
	} else {
		m = append(l.head4(m, request, client, nil), 50, 4)
		m = append(append(m, answer[16:20]...), 54, 4, 10, 64, 0, 1)
	}
	l.put(append(m, 55, 4, 1, 3, 6, 15, 255))
}

// renewal asks for more time for a lease of dhcpBench.million.
func (l *leaseLoad) renewal(client uint32) {
	m := l.send[l.queued][:0]
	if l.family == 6 {
		const rebind = 6
		m = l.head6(m, rebind, client)
		ia := append(make([]byte, 12), 0, 5, 0, 24)
		ia[3] = 1
		a := million6(int(client)).As16()
		l.put(append6(m, 3, append(append(ia, a[:]...), make([]byte, 8)...)))
		return
	}
	const request = 3
	a := million4(int(client)).As4()
	m = l.head4(m, request, client, a[:])
	m = append(append(m, 61, 7, 1), loadMAC(client)...)
	l.put(append(m, 55, 4, 1, 3, 6, 15, 255))
}

// release gives back what an answer gave.
func (l *leaseLoad) release(client uint32, answer []byte) {
	m := l.send[l.queued][:0]
	if l.family == 6 {
		const release = 8
		m = append6(l.head6(m, release, client), 2, findOption6(answer[4:], 2))
		l.put(append6(m, 3, findOption6(answer[4:], 3)))
		return
	}
	const release = 7
	m = l.head4(m, release, client, answer[16:20])
	l.put(append(m, 54, 4, 10, 64, 0, 1, 255))
}

func (l *leaseLoad) head4(m []byte, kind byte, client uint32, ciaddr []byte) []byte {
	m = binary.BigEndian.AppendUint32(append(m, 1, 1, 6, 1), client)
	m = append(m, make([]byte, 228)...)
	copy(m[12:], ciaddr)
	copy(m[24:], []byte{10, 64, 0, 2})
	copy(m[28:], loadMAC(client))
	return append(m, 99, 130, 83, 99, 53, 1, kind)
}

func (l *leaseLoad) head6(m []byte, kind byte, client uint32) []byte {
	m = append(m, kind, byte(client>>16), byte(client>>8), byte(client))
	m = append6(m, 1, append([]byte{0, 1, 0, 1, 0x20, 0, 0, 0}, loadMAC(client)...))
	m = append6(m, 8, []byte{0, 0})
	return append6(m, 6, []byte{0, 23, 0, 24})
}

func append6(m []byte, code uint16, data []byte) []byte {
	m = binary.BigEndian.AppendUint16(m, code)
	return append(binary.BigEndian.AppendUint16(m, uint16(len(data))), data...)
}

func findOption6(m []byte, code uint16) []byte {
	for len(m) >= 4 && len(m)-4 >= int(binary.BigEndian.Uint16(m[2:])) {
		n := int(binary.BigEndian.Uint16(m[2:]))
		if binary.BigEndian.Uint16(m) == code {
			return m[4 : 4+n]
		}
		m = m[4+n:]
	}
	return nil
}

// million4 and million6 are the addresses of leases that servers start with.
func million4(i int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, byte(65 + i>>16), byte(i >> 8), byte(i)})
}

func million6(i int) netip.Addr {
	return netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 0, 1, 12: 0, byte(1 + i>>16), byte(i >> 8), byte(i)})
}
