package ddns

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"bundy/internal/dns/authority"
	"bundy/internal/dns/tsig"
	"bundy/internal/dns/update"
	"bundy/internal/dns/wire"
	"bundy/internal/dns/zonedb"
	"bundy/internal/dns/zonefile"
	"bundy/internal/suite/logging"
	"bundy/internal/suite/module"
	"bundy/internal/suite/paths"
	"bundy/internal/suite/schema"
)

const (
	keyText = "Update.key:c2VjcmV0IG9mIHRoZSB0ZXN0:hmac-sha256"
	section = `{"zones": [
		{"origin": "example.org", "update_acl": [
			{"action": "DROP", "from": "127.0.0.9"},
			{"action": "ACCEPT", "key": "update.key"}]},
		{"origin": "static.example", "update_acl": [{"action": "ACCEPT", "from": ["any4", "any6"]}]}]}`
	content = `@ 3600 IN SOA ns1 hostmaster 7 3600 600 86400 300
		@ 3600 IN NS ns1
		ns1 3600 IN A 192.0.2.1
		host 300 IN A 192.0.2.10`
)

var (
	origin = wire.MustParseName("example.org")
	peer   = netip.MustParseAddrPort("127.0.0.1:40000")
)

func document(t testing.TB, text string) schema.Document {
	t.Helper()
	v, err := schema.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return schema.Document{Name: v.(map[string]any)}
}

// events is a bus that remembers what was published.
type events struct {
	mu        sync.Mutex
	published []string
	err       error
}

func (e *events) Call(context.Context, string, string, any, any) error {
	return errors.New("not in this test")
}
func (e *events) Subscribe(string, func(json.RawMessage)) func() { return func() {} }
func (e *events) Publish(event string, params any) error {
	text, err := json.Marshal(params)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.published = append(e.published, event+" "+string(text))
	return errors.Join(err, e.err)
}

// suite is a component at work on zones in a database.
type suite struct {
	*component
	authority *authority.Authority
	database  string
	events    *events
	log       *logging.Recorder
	key       tsig.Key
	stop      func()
}

// start runs the component. A nil store means the authority.
func start(t testing.TB, replace store) *suite {
	t.Helper()
	s := &suite{authority: authority.New("test"), events: &events{}, log: logging.NewRecorder()}
	t.Cleanup(s.authority.Close)
	s.database = filepath.Join(t.TempDir(), "zone.sqlite3")
	db, err := zonedb.Open(s.database)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Replace(t.Context(), origin, wire.ClassIN, records(content, origin)); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "static.zone")
	static := wire.MustParseName("static.example")
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(content, "\t\t", "")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	change, err := s.authority.Prepare(t.Context(), []authority.Source{
		{Class: wire.ClassIN, Name: "db", Type: authority.SQLite3, Database: s.database},
		{Class: wire.ClassIN, Name: "files", Type: authority.MasterFiles, Cached: true, Files: []authority.ZoneFile{{Origin: static, Path: file}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	change.Apply()
	if s.key, err = tsig.ParseKey(keyText); err != nil {
		t.Fatal(err)
	}
	ring, err := tsig.NewRing([]tsig.Key{s.key})
	if err != nil {
		t.Fatal(err)
	}
	s.authority.SetKeys(ring)
	if replace == nil {
		replace = s.authority
	}
	spec := specification(paths.Below(t.TempDir()))
	if s.component, err = newComponent(spec, document(t, section), module.Deps{Bus: s.events, Log: s.log.Logger(Name)}, replace, time.Now); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ready, done := make(chan struct{}), make(chan error, 1)
	go func() { done <- s.Run(ctx, func() { close(ready) }) }()
	<-ready
	s.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	t.Cleanup(s.stop)
	return s
}

func records(text string, origin wire.Name) iter.Seq2[wire.RR, error] {
	return func(yield func(wire.RR, error) bool) {
		for line := range strings.SplitSeq(text, "\n") {
			if !yield(zonefile.ParseRR(strings.TrimSpace(line), origin)) {
				return
			}
		}
	}
}

func rr(t testing.TB, text string) wire.RR {
	t.Helper()
	r, err := zonefile.ParseRR(text, origin)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func pack(t testing.TB, r update.Request) []byte {
	t.Helper()
	if r.Zone == "" {
		r.Zone = origin
	}
	if r.Class == 0 {
		r.Class = wire.ClassIN
	}
	msg, err := r.Pack(7)
	if err != nil {
		t.Fatal(err)
	}
	return msg
}

// ask gives a message straight to the handler, signed if the key is wanted, and waits for the verified reply.
func (s *suite) ask(t testing.TB, msg []byte, withKey bool) wire.Rcode {
	t.Helper()
	reply := make(chan []byte, 1)
	verify := s.hand(t, s.component.take, msg, withKey, peer, false, reply)
	select {
	case r := <-reply:
		return verify(r)
	case <-time.After(10 * time.Second):
		t.Fatal("no reply")
		return 0
	}
}

// hand gives a message to a handler as the authoritative server does. The result reads its reply.
func (s *suite) hand(t testing.TB, handle authority.UpdateHandler, msg []byte, withKey bool, from netip.AddrPort, tcp bool, reply chan<- []byte) func([]byte) wire.Rcode {
	t.Helper()
	r := authority.Request{Message: bytes.Clone(msg), Client: from, TCP: tcp}
	var session *tsig.Session
	if withKey {
		signed, s1, err := tsig.SignRequest(bytes.Clone(msg), s.key, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if r.Message, r.TSIG, err = s.authority.Keys().Verify(signed, time.Now()); err != nil {
			t.Fatal(err)
		}
		session = s1
	}
	handle(r, func(msg []byte) { reply <- msg })
	return func(got []byte) wire.Rcode {
		t.Helper()
		if session != nil {
			var err error
			if got, err = session.VerifyResponse(got, time.Now()); err != nil {
				t.Fatalf("the reply's signature: %v", err)
			}
		}
		h, err := wire.ParseHeader(got)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != wire.HeaderSize || h.ID != 7 || h.Flags != wire.FlagQR.WithOpcode(wire.OpcodeUpdate).WithRcode(h.Flags.Rcode()) {
			t.Errorf("reply %q", got)
		}
		return h.Flags.Rcode()
	}
}

// listen serves updates on a UDP and a TCP port of one number, in the way of the authoritative server.
func (s *suite) listen(t testing.TB) netip.AddrPort {
	t.Helper()
	var stream net.Listener
	var packets *net.UDPConn
	for range 20 { // another program may hold the UDP port of that number
		var err error
		if stream, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
		at := netip.MustParseAddrPort(stream.Addr().String())
		if packets, err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(at)); err == nil {
			break
		}
		stream.Close()
	}
	if packets == nil {
		t.Fatal("no port is free for both UDP and TCP")
	}
	t.Cleanup(func() { stream.Close(); packets.Close() })
	go func() {
		buf := make([]byte, wire.MaxMessage)
		for {
			n, from, err := packets.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			s.pass(bytes.Clone(buf[:n]), from, false, func(reply []byte) { _, _ = packets.WriteToUDPAddrPort(reply, from) })
		}
	}()
	go func() {
		for {
			conn, err := stream.Accept()
			if err != nil {
				return
			}
			go s.stream(conn)
		}
	}()
	return netip.MustParseAddrPort(stream.Addr().String())
}

func (s *suite) stream(conn net.Conn) {
	defer conn.Close()
	for {
		var size [2]byte
		if _, err := io.ReadFull(conn, size[:]); err != nil {
			return
		}
		msg := make([]byte, binary.BigEndian.Uint16(size[:]))
		if _, err := io.ReadFull(conn, msg); err != nil {
			return
		}
		replied := make(chan struct{})
		s.pass(msg, netip.MustParseAddrPort(conn.RemoteAddr().String()), true, func(reply []byte) {
			defer close(replied)
			_, _ = conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(reply))), reply...))
		})
		<-replied
	}
}

func (s *suite) pass(msg []byte, from netip.AddrPort, tcp bool, reply func([]byte)) {
	body, session, err := s.authority.Keys().Verify(msg, time.Now())
	if err != nil {
		if session == nil {
			return
		}
		if out, err := session.Sign(update.Request{}.Reply(msg, wire.RcodeNotAuth), time.Now()); err == nil {
			reply(out)
		}
		return
	}
	s.authority.UpdateHandler()(authority.Request{Message: body, Client: from, TCP: tcp, TSIG: session}, reply)
}

// stored is the zone as another process reads it from the database.
func (s *suite) stored(t testing.TB) string {
	t.Helper()
	db, err := zonedb.Open(s.database)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, err := range db.Check(t.Context()) {
		t.Error(err)
	}
	var out strings.Builder
	for r, err := range db.Read(t.Context(), origin, wire.ClassIN) {
		if err != nil {
			t.Fatal(err)
		}
		out.WriteString(zonefile.FormatRR(r) + "\n")
	}
	return out.String()
}
