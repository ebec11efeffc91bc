package authority

import "runtime/debug"

// muchLoaded is the number of records loaded at once after which memory is given back to the system without delay.
const muchLoaded = 100_000

// giveBack returns to the system what a load used and does not need any more: what was read, and the version that was
// in service before. Left alone the collector would do so minutes later, and meanwhile a server with one large zone
// would seem to need twice of it. The zones themselves are no work for the collector.
func giveBack(loaded int) {
	if loaded >= muchLoaded {
		debug.FreeOSMemory()
	}
}

// records counts those of the version in service.
func (s *slot) records() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.version == nil {
		return 0
	}
	return s.version.Len()
}
