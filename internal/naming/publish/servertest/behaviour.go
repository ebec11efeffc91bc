package servertest

import (
	"encoding/binary"
	"slices"
	"testing"
	"time"

	"bundy/internal/dns/update"
	"bundy/internal/dns/wire"
	"bundy/internal/dns/zone"
)

// Behaviour is what the server does with one update.
type Behaviour struct {
	Skip   bool       // it is not carried out
	Hold   bool       // it is carried out by Release, not now
	Half   bool       // of what it asks for only the first record is done
	Twice  bool       // it is carried out and answered twice
	Mute   bool       // no answer comes
	Answer wire.Rcode // answered instead of the truth, unless it is 0
	Lie    bool       // Answer counts even if it is 0
}

// Behave sets what is done with updates: fn is called with the number of each, beginning with 1. Nil ends it.
func (s *Server) Behave(fn func(n int) Behaviour) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.behave, s.asked = fn, 0
}

// Release carries out the updates that were held, in the order of their numbers or the other way round, and tells how
// many they were.
func (s *Server) Release(backwards bool) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	held := s.held
	s.held = nil
	for i := range held {
		r := held[i]
		if backwards {
			r = held[len(held)-1-i]
		}
		s.together([]update.Transaction{r}) // nobody waits for the answer
	}
	return len(held)
}

// query answers a query with what is at the name, or with the SOA record of the deepest zone that it is in.
func (s *Server) query(msg []byte) []byte {
	m, err := wire.ParseMessage(msg)
	if err != nil || len(m.Question) != 1 {
		return nil
	}
	s.queries++
	q := m.Question[0]
	reply := wire.Message{Header: wire.Header{ID: m.Header.ID, Flags: wire.FlagQR | wire.FlagAA}, Question: m.Question}
	if best := s.deepest(q.Name); best == nil {
		reply.Header.Flags = wire.FlagQR | wire.Flags(wire.RcodeRefused)
	} else if q.Type == wire.TypeAXFR {
		reply.Header.Flags = wire.FlagQR | wire.Flags(wire.RcodeRefused)
	} else if reply.Answer = best.RRset(q.Name, q.Type); len(reply.Answer) == 0 {
		reply.Authority = append(reply.Authority, best.SOA())
		if !exists(best, q.Name) {
			reply.Header.Flags |= wire.Flags(wire.RcodeNXDomain)
		}
	}
	out, err := reply.Pack()
	if err != nil {
		return nil
	}
	return out
}

// Handle lets a message arrive without anybody to wait for the answer.
func (s *Server) Handle(msg []byte) { s.answer(msg) }

// AddZone adds an empty zone.
func (s *Server) AddZone(t testing.TB, origin string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	n := wire.MustParseName(origin)
	s.zones[n] = emptyZone(t, n)
}

// SetMuteQueries makes the server leave queries without answer while it takes updates, or answer again.
func (s *Server) SetMuteQueries(mute bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.muteQueries = mute
}

// Edit changes a zone in one step, between two updates: fn gets all its records and gives those that are to be there.
func (s *Server) Edit(t testing.TB, origin string, fn func([]wire.RR) []wire.RR) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	n := wire.MustParseName(origin)
	s.zones[n] = build(t, n, fn(slices.Collect(s.zones[n].All())))
}

// exists tells whether there is anything at or below a name.
func exists(v *zone.Version, name wire.Name) bool {
	for rr := range v.All() {
		if rr.Name.IsBelow(name) {
			return true
		}
	}
	return false
}

// SetTransfer makes the server give its zones by AXFR, as it does at first, or refuse that.
func (s *Server) SetTransfer(allowed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.noTransfer = !allowed
}

// Transfers counts the zones that were given.
func (s *Server) Transfers() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.transfers
}

// streamRecords is how many records a message of a transfer has.
const streamRecords = 100

// transfer gives the messages of a zone transfer as they go over TCP; nil if msg does not ask for one, or gets none. Signed ones
// have to fit into one message.
func (s *Server) transfer(msg []byte) (out []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	body, session, err := s.ring.Verify(msg, time.Now())
	if err != nil || s.silent || s.muteQueries || s.noTransfer || s.keys && session == nil {
		return nil
	}
	m, err := wire.ParseMessage(body)
	if err != nil || len(m.Question) != 1 || m.Question[0].Type != wire.TypeAXFR {
		return nil
	}
	v := s.zones[m.Question[0].Name.Lower()]
	if v == nil {
		return nil
	}
	records := []wire.RR{v.SOA()}
	for rr := range v.All() {
		if rr.Type != wire.TypeSOA {
			records = append(records, rr)
		}
	}
	s.transfers++
	for records = append(records, v.SOA()); len(records) > 0; {
		n := min(len(records), streamRecords)
		if session != nil {
			n = len(records)
		}
		part := wire.Message{Header: wire.Header{ID: m.Header.ID, Flags: wire.FlagQR | wire.FlagAA}, Question: m.Question, Answer: records[:n]}
		packed, err := part.Pack()
		if packed = s.sign(packed, session); err != nil || packed == nil {
			return nil
		}
		out = append(binary.BigEndian.AppendUint16(out, uint16(len(packed))), packed...)
		records = records[n:]
	}
	return out
}
