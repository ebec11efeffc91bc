package servertest

import (
	"encoding/binary"
	"fmt"
	"io"
	"iter"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"bundy/internal/dns/tsig"
	"bundy/internal/dns/update"
	"bundy/internal/dns/wire"
	"bundy/internal/dns/zone"
)

// Server serves zones over UDP.
type Server struct {
	conn *net.UDPConn
	tcp  net.Listener
	ring *tsig.Ring
	keys bool

	mu          sync.Mutex
	zones       map[wire.Name]*zone.Version
	silent      bool
	muteQueries bool
	refuse      wire.Rcode // answered to each update unless 0
	updates     int
	queries     int
	behave      func(n int) Behaviour
	asked       int                  // updates since behave was set
	held        []update.Transaction // see Behaviour
	noTransfer  bool
	transfers   int
}

func emptyZone(t testing.TB, origin wire.Name) *zone.Version {
	t.Helper()
	ns := wire.MustParseName("ns.elsewhere.net.")
	soa := append([]byte(ns+ns), 0, 0, 0, 1, 0, 0, 0x1c, 0x20, 0, 0, 0xe, 0x10, 0, 9, 0x3a, 0x80, 0, 0, 0, 60)
	return build(t, origin, []wire.RR{
		{Name: origin, Type: wire.TypeSOA, Class: wire.ClassIN, TTL: 60, Data: soa},
		{Name: origin, Type: wire.TypeNS, Class: wire.ClassIN, TTL: 60, Data: []byte(ns)},
	})
}

// New starts a server with empty zones of these names; it ends with the test. With keys, only signed updates are
// taken.
func New(t testing.TB, zones []string, keys ...tsig.Key) *Server {
	t.Helper()
	conn, stream := listen(t)
	ring, err := tsig.NewRing(keys)
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{conn: conn, tcp: stream, ring: ring, keys: len(keys) > 0, zones: map[wire.Name]*zone.Version{}}
	for _, name := range zones {
		origin := wire.MustParseName(name)
		s.zones[origin] = emptyZone(t, origin)
	}
	var done sync.WaitGroup
	done.Go(s.serve)
	done.Go(s.serveTCP)
	t.Cleanup(func() {
		conn.Close()
		stream.Close()
		done.Wait()
	})
	return s
}

// listen binds one free port for both UDP and TCP.
func listen(t testing.TB) (*net.UDPConn, net.Listener) {
	t.Helper()
	for range 20 { // another program may hold the UDP port of that number
		stream, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		if conn, err := net.ListenPacket("udp", stream.Addr().String()); err == nil {
			return conn.(*net.UDPConn), stream
		}
		stream.Close()
	}
	t.Fatal("no port is free for both UDP and TCP")
	return nil, nil
}

// serveTCP serves one message a connection, as our client sends them.
func (s *Server) serveTCP() {
	for {
		conn, err := s.tcp.Accept()
		if err != nil {
			return
		}
		var size [2]byte
		if _, err := io.ReadFull(conn, size[:]); err == nil {
			msg := make([]byte, binary.BigEndian.Uint16(size[:]))
			if _, err := io.ReadFull(conn, msg); err == nil {
				if stream := s.transfer(msg); stream != nil {
					conn.Write(stream) // as below
				} else if reply, copies := s.answer(msg); copies > 0 {
					conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(reply))), reply...)) // as above
				}
			}
		}
		conn.Close()
	}
}

func build(t testing.TB, origin wire.Name, records []wire.RR) *zone.Version {
	t.Helper()
	var all iter.Seq2[wire.RR, error] = func(yield func(wire.RR, error) bool) {
		for _, rr := range records {
			if !yield(rr, nil) {
				return
			}
		}
	}
	v, err := zone.Build(origin, wire.ClassIN, all)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// Address is where the server listens.
func (s *Server) Address() netip.AddrPort { return s.conn.LocalAddr().(*net.UDPAddr).AddrPort() }

// SetSilent makes the server take messages without answering or acting, or work again.
func (s *Server) SetSilent(silent bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.silent = silent
}

// SetRefuse makes the server answer each update with rcode, or work again if that is 0.
func (s *Server) SetRefuse(rcode wire.Rcode) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refuse = rcode
}

// Updates counts the updates that arrived.
func (s *Server) Updates() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.updates
}

// Queries counts the queries that arrived.
func (s *Server) Queries() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.queries
}

// Add puts records into their zones, as an operator would.
func (s *Server) Add(t testing.TB, records ...wire.RR) { s.edit(t, records, nil) }

// Delete takes records out of their zones.
func (s *Server) Delete(t testing.TB, records ...wire.RR) { s.edit(t, nil, records) }

// Clear makes a zone empty, as when it is loaded anew.
func (s *Server) Clear(t testing.TB, origin string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	n := wire.MustParseName(origin)
	s.zones[n] = emptyZone(t, n)
}

func (s *Server) edit(t testing.TB, added, deleted []wire.RR) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for origin, v := range s.zones {
		in := func(rr wire.RR) bool { return rr.Name.IsBelow(origin) }
		var records []wire.RR
		for rr := range v.All() {
			if !slices.ContainsFunc(deleted, func(d wire.RR) bool {
				return d.Type == rr.Type && d.Name.Equal(rr.Name) && string(d.Data) == string(rr.Data)
			}) {
				records = append(records, rr)
			}
		}
		for _, rr := range added {
			if in(rr) {
				records = append(records, rr)
			}
		}
		s.zones[origin] = build(t, origin, records)
	}
}

// Records gives all records of a zone but SOA and NS, as sorted text "name type hex-of-data".
func (s *Server) Records(origin string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for rr := range s.zones[wire.MustParseName(origin)].All() {
		if rr.Type != wire.TypeSOA && rr.Type != wire.TypeNS {
			out = append(out, Text(rr))
		}
	}
	slices.Sort(out)
	return out
}

// Text is how Records writes a record.
func Text(rr wire.RR) string { return fmt.Sprintf("%s %s %x", rr.Name, rr.Type, rr.Data) }

func (s *Server) serve() {
	buf := make([]byte, wire.MaxMessage)
	for {
		n, from, err := s.conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		reply, copies := s.answer(slices.Clone(buf[:n]))
		for range copies {
			s.conn.WriteToUDPAddrPort(reply, from) // a lost answer is for the client to bear
		}
	}
}

func (s *Server) answer(msg []byte) (reply []byte, copies int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.silent || len(msg) < wire.HeaderSize {
		return nil, 0
	}
	body, session, err := s.ring.Verify(msg, time.Now())
	if err != nil {
		return nil, 0
	}
	h, err := wire.ParseHeader(body)
	if err != nil {
		return nil, 0
	}
	if h.Flags.Opcode() == wire.OpcodeQuery {
		if s.muteQueries {
			return nil, 0
		}
		return s.sign(s.query(body), session), 1
	}
	s.updates++
	s.asked++
	var behave Behaviour
	if s.behave != nil {
		behave = s.behave(s.asked)
	}
	copies = 1
	request, err := update.Parse(body)
	if err == nil {
		switch {
		case s.refuse != 0:
			err = &update.Error{Rcode: s.refuse}
		case s.keys && session == nil:
			err = &update.Error{Rcode: wire.RcodeRefused}
		default:
			err = s.carryOut(request, behave)
		}
	}
	rcode := update.Rcode(err)
	switch {
	case behave.Mute:
		return nil, 0
	case behave.Answer != 0 || behave.Lie:
		rcode = behave.Answer
	}
	if behave.Twice {
		copies = 2
	}
	return s.sign(request.Reply(body, rcode), session), copies
}

func (s *Server) sign(reply []byte, session *tsig.Session) []byte {
	if session == nil || reply == nil {
		return reply
	}
	signed, err := session.Sign(reply, time.Now())
	if err != nil {
		return nil
	}
	return signed
}

func (s *Server) carryOut(r update.Request, b Behaviour) error {
	switch {
	case b.Hold:
		s.held = append(s.held, update.Transaction{r})
		return nil
	case b.Skip:
		return nil
	case b.Half && len(r.Updates) > 1:
		r.Updates = r.Updates[:1]
	}
	err := s.update(r)
	if b.Twice {
		err = s.update(r)
	}
	return err
}

func (s *Server) update(r update.Request) error {
	v := s.zones[r.Zone.Lower()]
	if v == nil {
		return &update.Error{Rcode: wire.RcodeNotAuth}
	}
	diff, err := update.Evaluate(v, r)
	if err != nil || len(diff.Added) == 0 {
		return err
	}
	next, err := v.Apply(diff)
	if err != nil {
		return err
	}
	s.zones[r.Zone.Lower()] = next
	return nil
}

func (s *Server) deepest(name wire.Name) (best *zone.Version) {
	for origin, v := range s.zones {
		if name.IsBelow(origin) && (best == nil || len(origin) > len(best.Origin())) {
			best = v
		}
	}
	return best
}
