package owned

import (
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"bundy/internal/dns/wire"
)

func TestHistory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	s, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	key := Key{Kind: Forward, Address: netip.MustParseAddr("192.0.2.1"), Name: wire.MustParseName("pc.lab.test.")}
	other := key
	other.Name = wire.MustParseName("tv.lab.test.")
	start := time.UnixMilli(1_800_000_000_000).UTC()
	const most = 1000
	s.mostEvents = most
	var changes []Change
	for i := range most + 5 {
		e := Event{Key: key, At: start.Add(time.Duration(i) * time.Second), What: "published"}
		if i%2 == 1 {
			e.Key = other
		}
		changes = append(changes, Note(e))
	}
	if err := s.Apply(t.Context(), changes); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err = Open(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var n int
	if err := s.db.QueryRow(`SELECT count(*) FROM event`).Scan(&n); err != nil || n != most {
		t.Errorf("%d events are kept, %v", n, err)
	}
	last := start.Add((most + 4) * time.Second)
	got, err := s.EventsOf(t.Context(), key.Name)
	if err != nil || len(got) != MaxEventsShown || got[len(got)-1] != (Event{Key: key, At: last, What: "published"}) {
		t.Errorf("%d events of a name, the last %+v, %v", len(got), got[len(got)-1], err)
	}
	until := start.Add(500*time.Second + time.Millisecond)
	got, err = s.EventsAt(t.Context(), key.Address, until)
	if err != nil || len(got) != MaxEventsShown || !got[len(got)-1].At.Equal(start.Add(500*time.Second)) {
		t.Errorf("%d events of an address, the last %+v, %v", len(got), got[len(got)-1], err)
	}
	if err := s.ForgetEventsBefore(t.Context(), last); err != nil {
		t.Error(err)
	}
	if got, _ = s.EventsAt(t.Context(), key.Address, last); len(got) != 1 {
		t.Errorf("%d events are left", len(got))
	}
	if err := s.Check(t.Context()); err != nil {
		t.Error(err)
	}
}
