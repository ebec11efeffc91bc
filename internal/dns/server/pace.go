package server

import (
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// paceSpan is the time over which datagrams are counted: short against a change of the load that anybody notices, long
	// against the bursts that a client sends at once.
	paceSpan = time.Millisecond
	// gatherRate is the datagrams in a paceSpan from which they are let gather. At half of it a pause has one datagram, or
	// none, and costs more than it saves.
	gatherRate = 40
	// gatherTime is the least that a pause takes. To this the system adds what it takes to tell sleepers together, 50
	// microseconds unless it is told otherwise, so that four to ten datagrams come meanwhile from gatherRate on. It is less
	// than the way to a client and back takes in any network, and far less than datagrams wait in a busy server.
	gatherTime = 20 * time.Microsecond
	// maxTurns is how many batches are answered before others who wait for the processor have it: TCP, and in a program
	// of all components DHCP. So they wait for about two milliseconds at most.
	maxTurns = 16
)

// pace tells from the datagrams that come whether it pays to let them gather.
type pace struct {
	since time.Duration
	count int
	fast  bool
}

// gather counts n datagrams that were read, and tells whether so many come now that those after them shall gather before
// they are read. now is the time since any moment that stays the same.
func (p *pace) gather(n int, now time.Duration) bool {
	p.count += n
	if past := now - p.since; past >= paceSpan {
		p.fast = time.Duration(p.count)*paceSpan >= gatherRate*past
		p.since, p.count = now, 0
	}
	return p.fast
}

// pause lets datagrams gather. Reading few at a time costs more than twice as much of the processor, for each, as reading
// many. The scheduler is not told, for it would take the processor away, and the way back costs more than the pause saves.
func pause() {
	t := unix.NsecToTimespec(int64(gatherTime))
	unix.RawSyscall(unix.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&t)), 0, 0) // a signal may end it; nothing depends on it
}
