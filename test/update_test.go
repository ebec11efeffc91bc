package test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	dnsclient "bundy/internal/dns/client"
	"bundy/internal/dns/tsig"
	"bundy/internal/dns/update"
	"bundy/internal/dns/wire"
	"bundy/internal/dns/zone"
	"bundy/internal/dns/zonedb"
)

var labZone = wire.MustParseName("lab.example")

func labKey(t *testing.T) tsig.Key {
	t.Helper()
	key, err := tsig.ParseKey(tsigKey)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// newName is an update that adds two records at a name that must not be in use.
func newName(n wire.Name) update.Request {
	return update.Request{Zone: labZone, Class: wire.ClassIN,
		Prerequisites: []wire.RR{update.NameNotInUse(n)},
		Updates: []wire.RR{
			{Name: n, Type: wire.TypeA, Class: wire.ClassIN, TTL: 60, Data: []byte{192, 0, 2, 9}},
			{Name: n, Type: wire.TypeTXT, Class: wire.ClassIN, TTL: 60, Data: []byte("\x04both")},
		}}
}

// exchange asks the suite's server once; the result is nil when no answer came.
func (s *suite) exchange(msg []byte, key *tsig.Key) *wire.Message {
	return s.exchangeWithin(busy*5*time.Second, msg, key)
}

func (s *suite) exchangeWithin(limit time.Duration, msg []byte, key *tsig.Key) *wire.Message {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	reply, err := dnsclient.Exchange(ctx, netip.AddrPortFrom(s.address, s.dns), msg, key)
	if err != nil {
		return nil
	}
	m, err := wire.ParseMessage(reply)
	if err != nil {
		return nil
	}
	return m
}

func question(t *testing.T, id uint16, n wire.Name, typ wire.Type) []byte {
	t.Helper()
	m := wire.Message{Header: wire.Header{ID: id}, Question: []wire.Question{{Name: n, Type: typ, Class: wire.ClassIN}}}
	msg, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return msg
}

// TestNoUpdateIsLostByKills has many clients add names while the DNS process is killed again and again: what got
// NOERROR is in the next answer that comes, whole, and in the database with its journal.
func TestNoUpdateIsLostByKills(t *testing.T) {
	t.Parallel()
	const clients, kills, enough, soon = 8, 3, 40, time.Second // soon enough to ask again
	s := newSuite(t, "grouped")
	s.loadZones()
	s.start()
	s.script(s.dnsScript() + "config commit\n")
	eventually(t, 5*time.Second, "the zone is served", func() bool { return s.lookup("ns.lab.example") != "" })
	key := labKey(t)

	var all sync.WaitGroup
	var mu sync.Mutex
	var done []wire.Name
	count := func() int {
		mu.Lock()
		defer mu.Unlock()
		return len(done)
	}
	stop := make(chan struct{})
	for i := range clients {
		all.Go(func() {
			for k := 0; ; k++ {
				select {
				case <-stop:
					return
				default:
				}
				n := wire.MustParseName(fmt.Sprintf("c%d-%d.lab.example", i, k))
				msg, err := newName(n).Pack(1)
				if err != nil {
					t.Error(err)
					return
				}
				asked := false
				m := s.exchangeWithin(soon, msg, &key)
				for ; m == nil; m = s.exchangeWithin(soon, msg, &key) { // no answer: the process is gone just now
					asked = true
				}
				rcode := m.Header.Flags.Rcode()
				if rcode != wire.RcodeNoError && !(asked && rcode == wire.RcodeYXDomain) {
					t.Errorf("%s: update answered %s", n, rcode)
					return
				}
				for m = nil; m == nil; {
					m = s.exchangeWithin(soon, question(t, 2, n, wire.TypeA), nil)
				}
				if len(m.Answer) != 1 {
					t.Errorf("%s: acknowledged, and then answered %s with %d records", n, m.Header.Flags.Rcode(), len(m.Answer))
				}
				mu.Lock()
				done = append(done, n)
				mu.Unlock()
			}
		})
	}
	for range kills {
		before := count()
		eventually(t, 15*time.Second, "updates are carried out", func() bool { return count() >= before+enough })
		pid := s.process("bundy-dns")
		syscall.Kill(pid, syscall.SIGKILL)
		eventually(t, 10*time.Second, "bundy-dns is started again", func() bool {
			again := s.find("bundy-dns")
			return again != 0 && again != pid
		})
	}
	after := count()
	eventually(t, 15*time.Second, "updates go on", func() bool { return count() >= after+enough })
	close(stop)
	all.Wait()
	s.kill()

	db, err := zonedb.Open(filepath.Join(s.dir, "zone.sqlite3"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, err := range db.Check(t.Context()) {
		t.Error(err)
	}
	v, _, err := db.Load(t.Context(), labZone, wire.ClassIN)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range done {
		if len(v.RRset(n, wire.TypeA)) != 1 || len(v.RRset(n, wire.TypeTXT)) != 1 {
			t.Errorf("%s was acknowledged and is not in the database whole: %v", n, v.Types(n))
		}
	}
	diffs, err := db.Journal(t.Context(), labZone, wire.ClassIN, 1, v.Serial())
	if err != nil || len(diffs) != int(v.Serial())-1 || len(diffs) < len(done) {
		t.Errorf("%d updates, serial %d, %d differences in the journal, %v", len(done), v.Serial(), len(diffs), err)
	}
	s.start()
	eventually(t, 10*time.Second, "the zone is served again", func() bool { return s.lookup("ns.lab.example") != "" })
	for _, n := range done {
		if m := s.exchange(question(t, 3, n, wire.TypeTXT), nil); m == nil || len(m.Answer) != 1 {
			t.Errorf("%s was acknowledged and is not served after a restart: %+v", n, m)
		}
	}
	t.Logf("%d updates", len(done))
}

// TestUpdatesOverOneConnection sends updates and queries over one stream without waiting in between: each is answered
// in its turn, each query sees the updates before it, and a bad signature costs nobody else anything.
func TestUpdatesOverOneConnection(t *testing.T) {
	t.Parallel()
	placements(t, func(t *testing.T, s *suite) {
		s.loadZones()
		s.start()
		s.script(s.dnsScript() + "config commit\n")
		eventually(t, 5*time.Second, "the zone is served", func() bool { return s.lookup("ns.lab.example") != "" })
		key, foreign, wrong := labKey(t), labKey(t), labKey(t)
		foreign.Name, wrong.Secret = wire.MustParseName("foreign.key"), []byte("guessed")

		conn, err := net.Dial("tcp", netip.AddrPortFrom(s.address, s.dns).String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(20 * time.Second))
		type sent struct {
			what    string
			session *tsig.Session
			rcode   wire.Rcode
			answers int
		}
		var order []sent
		var stream []byte
		send := func(what string, msg []byte, k *tsig.Key, rcode wire.Rcode, answers int) {
			t.Helper()
			binary.BigEndian.PutUint16(msg, uint16(len(order)))
			var session *tsig.Session
			if k != nil {
				var err error
				if msg, session, err = tsig.SignRequest(msg, *k, time.Now()); err != nil {
					t.Fatal(err)
				}
			}
			stream = append(binary.BigEndian.AppendUint16(stream, uint16(len(msg))), msg...)
			order = append(order, sent{what, session, rcode, answers})
		}
		pack := func(r update.Request) []byte {
			msg, err := r.Pack(0)
			if err != nil {
				t.Fatal(err)
			}
			return msg
		}
		for i := range 30 {
			n := wire.MustParseName(fmt.Sprintf("p%d.lab.example", i))
			send("before", question(t, 0, n, wire.TypeA), nil, wire.RcodeNXDomain, 0)
			send("unsigned", pack(newName(n)), nil, wire.RcodeRefused, 0)
			send("guessed secret", pack(newName(n)), &wrong, wire.RcodeNotAuth, 0)
			send("foreign key", pack(newName(n)), &foreign, wire.RcodeNotAuth, 0)
			send("update", pack(newName(n)), &key, wire.RcodeNoError, 0)
			send("after", question(t, 0, n, wire.TypeA), nil, wire.RcodeNoError, 1)
			send("again", pack(newName(n)), &key, wire.RcodeYXDomain, 0)
			half := newName(n) // the second prerequisite fails: nothing of it may be done
			half.Prerequisites = []wire.RR{update.NameInUse(n), update.RRsetExists(n, wire.TypeMX)}
			half.Updates = []wire.RR{update.DeleteName(n)}
			send("half met", pack(half), &key, wire.RcodeNXRRSet, 0)
			send("still", question(t, 0, n, wire.TypeTXT), &key, wire.RcodeNoError, 1)
		}
		go conn.Write(stream)
		var size [2]byte
		for i, want := range order {
			if _, err := io.ReadFull(conn, size[:]); err != nil {
				t.Fatalf("message %d, %s: %v", i, want.what, err)
			}
			reply := make([]byte, binary.BigEndian.Uint16(size[:]))
			if _, err := io.ReadFull(conn, reply); err != nil {
				t.Fatal(err)
			}
			if want.session != nil && want.rcode != wire.RcodeNotAuth {
				if reply, err = want.session.VerifyResponse(reply, time.Now()); err != nil {
					t.Fatalf("message %d, %s: %v", i, want.what, err)
				}
			}
			m, err := wire.ParseMessage(reply)
			if err != nil {
				t.Fatal(err)
			}
			if rcode := m.Header.Flags.Rcode(); int(m.Header.ID) != i || rcode != want.rcode || len(m.Answer) != want.answers {
				t.Fatalf("message %d, %s: id %d, %s, %d answers", i, want.what, m.Header.ID, rcode, len(m.Answer))
			}
		}
	})
}

// TestLoadzoneBesideUpdates loads a zone anew while clients update it: each update is either in the zone of its time or
// answered with an error, the journal never lies, and what is served in the end is what is stored.
func TestLoadzoneBesideUpdates(t *testing.T) {
	t.Parallel()
	s := newSuite(t, "grouped")
	s.loadZones()
	s.start()
	s.script(s.dnsScript() + "config commit\n")
	eventually(t, 5*time.Second, "the zone is served", func() bool { return s.lookup("ns.lab.example") != "" })
	key := labKey(t)
	var all sync.WaitGroup
	stop := make(chan struct{})
	for i := range 4 {
		all.Go(func() {
			for k := 0; ; k++ {
				select {
				case <-stop:
					return
				default:
				}
				msg, err := newName(wire.MustParseName(fmt.Sprintf("l%d-%d.lab.example", i, k))).Pack(1)
				if err != nil {
					t.Error(err)
					return
				}
				if m := s.exchange(msg, &key); m != nil && m.Header.Flags.Rcode() != wire.RcodeNoError {
					t.Errorf("update answered %s", m.Header.Flags.Rcode())
				}
			}
		})
	}
	for round := range 5 {
		serial := 1000 * (round + 1)
		file := s.write("again.zone", fmt.Sprintf("$TTL 300\n@ IN SOA ns.lab.example. hostmaster.lab.example. %d 3600 900 604800 60\n@ IN NS ns.lab.example.\nns IN A 192.0.2.1\nround IN A 192.0.2.%d\n", serial, round+1))
		if out, err := s.loadzone("lab.example", file); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		want := fmt.Sprintf("192.0.2.%d", round+1)
		eventually(t, 3*time.Second, "the loaded zone is served", func() bool { return s.lookup("round.lab.example") == want })
	}
	close(stop)
	all.Wait()
	db, err := zonedb.Open(filepath.Join(s.dir, "zone.sqlite3"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, err := range db.Check(t.Context()) {
		t.Error(err)
	}
	v, _, err := db.Load(t.Context(), labZone, wire.ClassIN)
	if err != nil {
		t.Fatal(err)
	}
	m := s.exchange(question(t, 1, labZone, wire.TypeSOA), nil)
	if m == nil || len(m.Answer) != 1 || string(m.Answer[0].Data) != string(v.SOA().Data) {
		t.Errorf("served %+v, stored serial %d", m, v.Serial())
	}
	if v.Serial() < 5000 || v.Serial() == 5000 && v.Len() != 4 {
		t.Errorf("serial %d with %d records", v.Serial(), v.Len())
	}
	if diffs, err := db.Journal(t.Context(), labZone, wire.ClassIN, 5000, v.Serial()); v.Serial() > 5000 && (err != nil || zone.Serial(len(diffs)) != v.Serial()-5000) {
		t.Errorf("%d differences since the last load, serial %d, %v", len(diffs), v.Serial(), err)
	}
}

// TestUpdatesOnAFullDisk: what was acknowledged stays, what cannot be stored is answered SERVFAIL and is not served, and
// updates go on when there is room again.
func TestUpdatesOnAFullDisk(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("mounting a small tmpfs needs root")
	}
	s := newSuite(t, "grouped")
	small := filepath.Join(s.dir, "small")
	if err := os.Mkdir(small, 0o750); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", small, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("cannot mount a tmpfs here: %v", err)
	}
	defer syscall.Unmount(small, syscall.MNT_DETACH)
	s.loadZones()
	database := filepath.Join(small, "zone.sqlite3")
	data, err := os.ReadFile(filepath.Join(s.dir, "zone.sqlite3"))
	if err == nil {
		err = os.WriteFile(database, data, 0o640)
	}
	if err != nil {
		t.Fatal(err)
	}
	s.start()
	s.script(s.dnsScript() + fmt.Sprintf("config set data_sources/classes/IN[0]/params {\"database_file\": %q}\nconfig commit\n", database))
	eventually(t, 5*time.Second, "the zone is served", func() bool { return s.lookup("ns.lab.example") != "" })
	key := labKey(t)
	updated := func(n wire.Name) wire.Rcode {
		t.Helper()
		r := newName(n)
		for range 8 { // so that a few fill what is left in the file's pages
			r.Updates = append(r.Updates, wire.RR{Name: n, Type: 65280, Class: wire.ClassIN, TTL: 60, Data: bytes.Repeat([]byte{byte(len(r.Updates))}, 200)})
		}
		msg, err := r.Pack(1)
		if err != nil {
			t.Fatal(err)
		}
		for range 20 {
			if m := s.exchange(msg, &key); m != nil {
				return m.Header.Flags.Rcode()
			}
		}
		t.Fatalf("update of %s is not answered", n)
		return 0
	}
	served := func(n wire.Name) bool {
		m := s.exchange(question(t, 1, n, wire.TypeA), nil)
		return m != nil && len(m.Answer) == 1
	}
	name := func(i int) wire.Name { return wire.MustParseName(fmt.Sprintf("n%d.lab.example", i)) }
	if rcode := updated(name(0)); rcode != wire.RcodeNoError {
		t.Fatalf("update answered %s", rcode)
	}
	filler := filepath.Join(small, "filler")
	f, err := os.Create(filler)
	if err != nil {
		t.Fatal(err)
	}
	for block := make([]byte, 4096); err == nil; {
		_, err = f.Write(block)
	}
	f.Close()
	full := 0
	for i := 1; i < 200 && full == 0; i++ {
		switch rcode := updated(name(i)); rcode {
		case wire.RcodeNoError:
		case wire.RcodeServFail:
			full = i
		default:
			t.Fatalf("update %d answered %s", i, rcode)
		}
	}
	if full == 0 {
		t.Fatal("updates are acknowledged on a full disk")
	}
	if served(name(full)) {
		t.Error("what could not be stored is served")
	}
	os.Remove(filler)
	if rcode := updated(name(full)); rcode != wire.RcodeNoError {
		t.Errorf("with room again the update got %s", rcode)
	}
	s.kill()
	s.start()
	eventually(t, 10*time.Second, "the zone is served again", func() bool { return s.lookup("ns.lab.example") != "" })
	for i := range full + 1 {
		if !served(name(i)) {
			t.Errorf("update %d was acknowledged and is lost", i)
		}
	}
}
