package auth

import (
	"net/netip"
	"path/filepath"
	"testing"

	"golang.org/x/time/rate"

	"bundy/internal/dns/authority"
	"bundy/internal/dns/server"
	"bundy/internal/dns/wire"
	"bundy/internal/dns/zonedb"
)

// TestStoredZone asks a zone that is in no memory: each answer comes later, from the database as it is then; when too many
// wait they are answered SERVFAIL at once, and zones in memory are answered as ever.
func TestStoredZone(t *testing.T) {
	g := newRig(t)
	path := filepath.Join(t.TempDir(), "zone.sqlite3")
	origin := wire.MustParseName("stored.example")
	store := func(address string) {
		t.Helper()
		db, err := zonedb.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		text := "stored.example. 60 IN SOA ns.example. h. 1 2 3 4 5\nstored.example. 60 IN NS ns.example.\nwww.stored.example. 60 IN A " + address
		if _, err := db.Replace(t.Context(), origin, wire.ClassIN, lines(text, origin)); err != nil {
			t.Fatal(err)
		}
	}
	store("192.0.2.1")
	change, err := g.authority.Prepare(t.Context(), []authority.Source{{Class: wire.ClassIN, Name: authority.SQLite3, Type: authority.SQLite3, Database: path, Stored: true}})
	if err != nil {
		t.Fatal(err)
	}
	change.Apply()
	g.authority.Catalog().Put(build(t, "example.org", exampleZone))
	defer g.authority.Close()
	c := &component{authority: g.authority, stats: newStatistics(), strangers: rate.NewLimiter(strangerLines, strangerBurst), stored: newStoredQueries()}
	c.policy.Store(g.policies.Load())
	g.responder.stored = &c.stored

	asks := query("WWW.stored.example", wire.TypeA, 0, 1232, true)
	replies := make(chan []byte, maxStored+1)
	put := func(tcp bool) []byte {
		return g.Handle(server.NewRequest(asks, netip.MustParseAddrPort("127.0.0.1:5300"), tcp, func(b []byte) { replies <- b }), g.out[:0])
	}
	if reply := put(false); reply != nil {
		t.Fatalf("answered at once: %x", reply)
	}
	for range maxStored - 1 {
		put(true)
	}
	if m, err := wire.ParseMessage(put(false)); err != nil || m.Header.Flags.Rcode() != wire.RcodeServFail {
		t.Errorf("when too many wait: %+v, %v", m, err)
	}
	store("192.0.2.2") // after the questions, before the answers
	failed, stop := c.answerStored()
	for range maxStored {
		m, err := wire.ParseMessage(<-replies)
		if err != nil || m.Header.ID != 4711 || m.Header.Flags&wire.FlagAA == 0 || len(m.Answer) != 1 || string(m.Answer[0].Data) != "\xc0\x00\x02\x02" {
			t.Fatalf("%+v, %v", m, err)
		}
	}
	if m := g.ask(query("example.org", wire.TypeSOA, 0, 0, false), false); len(m.Answer) != 1 {
		t.Errorf("a zone in memory: %+v", m)
	}
	stop()
	if put(false) != nil || len(replies) != 0 {
		t.Error("a worker is left")
	}
	if len(failed) > 0 {
		t.Error(<-failed)
	}
}

// TestStoredWorkerPanics: a query that a worker cannot stand ends the component, not the process with all others in it.
func TestStoredWorkerPanics(t *testing.T) {
	g := newRig(t)
	c := &component{authority: g.authority, stats: newStatistics(), strangers: rate.NewLimiter(strangerLines, strangerBurst), stored: newStoredQueries()}
	c.policy.Store(g.policies.Load())
	failed, stop := c.answerStored()
	defer stop()
	c.stored.waiting <- storedQuery{message: nil} // nothing sends it: a message has a header
	if err := <-failed; err == nil {
		t.Error("no error")
	}
}
