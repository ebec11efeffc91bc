package zonedb

import (
	"testing"

	"bundy/internal/dns/wire"
	"bundy/internal/dns/zone"
)

// FuzzRow puts any row among the records of a zone, as a damaged file or another program can: the zone is refused, or
// can be served.
func FuzzRow(f *testing.F) {
	d := openDB(f)
	mustReplace(f, d, soa(1), "@ 60 NS ns", "ns 60 A 192.0.2.1")
	row, err := d.Edition(f.Context(), origin, wire.ClassIN)
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte("org\x00example\x00www\x00"), int64(wire.TypeA), []byte{192, 0, 2, 1}, int64(60), []byte(nil))
	f.Add([]byte("org\x00example\x00www\x00"), int64(wire.TypeMX), []byte("\x00\x01\x01a\x00"), int64(60), []byte("\x03WWW\x07example\x03org\x00"))
	f.Add([]byte("org\x00example\x00www\x00"), int64(wire.TypeTXT), []byte("\x05abc"), int64(-1), []byte("\x03WWW\x07"))
	f.Add([]byte("org\x00example\x00www\x00"), int64(1<<40), []byte{}, int64(1<<40), []byte("\xc0\x00"))
	f.Add([]byte{}, int64(wire.TypeSOA), []byte{0, 0}, int64(0), []byte{})
	f.Add([]byte("org\x00example\x00\x01\x01\x00"), int64(wire.TypeCNAME), []byte("\x01*\x00"), int64(1<<31), []byte("\x03www\x00"))
	if _, err := d.writer.Exec(`PRAGMA synchronous = OFF`); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, owner []byte, rrtype int64, data []byte, ttl int64, name []byte) {
		var given any // null if it is empty
		if len(name) > 0 {
			given = name
		}
		owner, data = append([]byte{}, owner...), append([]byte{}, data...) // none is null
		if _, err := d.writer.Exec(`INSERT INTO records (zone_id, owner, rrtype, rdata, ttl, name) VALUES (?, ?, ?, ?, ?, ?)`, row.row, owner, rrtype, data, ttl, given); err != nil {
			t.Skip("it stands there already")
		}
		defer d.writer.Exec(`DELETE FROM records WHERE zone_id = ? AND owner = ? AND rrtype = ? AND rdata = ?`, row.row, owner, rrtype, data)
		v, _, err := d.Load(t.Context(), origin, wire.ClassIN)
		if err != nil {
			return
		}
		v.Check()
		for rr := range v.All() {
			if !rr.Name.IsBelow(origin) || wire.NameLength([]byte(rr.Name)) != len(rr.Name) || wire.CheckData(rr.Type, rr.Data) != nil {
				t.Fatalf("%x is served as %v", owner, rr)
			}
			var a zone.Answer
			v.Lookup(rr.Name.Lower(), rr.Type, true, &a)
			var b wire.Builder
			b.Reset(nil, wire.MaxMessage)
			a.Write(&b)
			if _, err := wire.ParseMessage(b.Bytes()); err != nil {
				t.Fatalf("%v is answered %x: %v", rr, b.Bytes(), err)
			}
		}
	})
}
