package zonedb

import (
	"bytes"
	"encoding/binary"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"bundy/internal/dns/wire"
	"bundy/internal/dns/zone"
)

// FuzzLeaf puts any octets in the place of a leaf, as a damaged file or another program can: the zone is refused with an error
// that names it, or can be served and changed.
func FuzzLeaf(f *testing.F) {
	d, err := Open(filepath.Join(f.TempDir(), "z"))
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { d.Close() })
	e := mustReplace(f, d, soa(1), "@ 60 NS ns", "ns 60 A 192.0.2.1", "m 60 MX 1 Ns", "m 60 TXT x", `Z\000 60 TYPE65280 \# 0`)
	var good []byte
	if err := d.writer.QueryRow(`SELECT octets FROM leaves`).Scan(&good); err != nil {
		f.Fatal(err)
	}
	f.Add(good[leafSum:], []byte{}, true)
	f.Add(good[leafSum:], []byte("org\x00example\x00m"), true)
	f.Add(good[leafSum:], []byte{}, false)
	f.Add(append(good[leafSum:], "\x10\x01\x03WWW\x07example\x03org\x00\x00\x01\x00\x00\x00\x3c\x00\x04\xc0\x00\x02\x01"...), []byte{}, true)
	f.Add([]byte("\x04\x02\x03www\x00\x01\x80\x00\x00\x00\x00\x04\xc0\x00\x02\x01"), []byte{1}, true)
	f.Add([]byte("\x01\x01\x00\x00\x10\x00\x00\x00\x00\x00\x01\x05"), []byte{0, 0, 0}, true)
	if _, err := d.writer.Exec(`PRAGMA synchronous = OFF`); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body, start []byte, summed bool) {
		leaf := binary.BigEndian.AppendUint32(nil, leafCheck(body))
		if !summed {
			leaf[0]++
		}
		leaf, start = append(leaf, body...), append([]byte{}, start...) // not null
		if _, err := d.writer.Exec(`UPDATE leaves SET start = ?1, octets = ?2; UPDATE zones SET edition = ?3`, start, leaf, e.count); err != nil {
			t.Fatal(err)
		}
		defer d.writer.Exec(`DELETE FROM leaves; INSERT INTO leaves VALUES (?1, x'', ?2, 0, 0); DELETE FROM diffs`, e.row, good)
		d.checkLeaves(t.Context(), origin, e.row)
		v, _, err := d.Load(t.Context(), origin, wire.ClassIN)
		if err == nil {
			serve(t, v)
		} else if !strings.Contains(err.Error(), "Example.org.") {
			t.Errorf("the error does not name the zone: %v", err)
		} else if !summed && !errors.Is(err, ErrDamaged) {
			t.Errorf("a wrong check sum gives %v", err)
		}
		var serial zone.Serial
		if err == nil {
			serial = v.Serial()
		}
		_, err = d.Commit(t.Context(), origin, wire.ClassIN, e, next(t, int(serial), nil, []string{"x 60 A 192.0.2.1"}))
		if err != nil && !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrStale) {
			t.Errorf("commit: %v", err)
		}
	})
}

// serve answers for every record of a zone.
func serve(t *testing.T, v *zone.Version) {
	v.Check()
	for rr := range v.All() {
		if !rr.Name.IsBelow(origin) || wire.NameLength([]byte(rr.Name)) != len(rr.Name) || wire.CheckData(rr.Type, rr.Data) != nil {
			t.Fatalf("%v is served", rr)
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
}

// TestErrorNamesOwner checks that what cannot be read is told with the place where it stands.
func TestErrorNamesOwner(t *testing.T) {
	d, err := Open(filepath.Join(t.TempDir(), "z"))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	e := mustReplace(t, d, soa(1), "@ 60 NS ns", "bad 60 A 192.0.2.1")
	var leaf []byte
	if err := d.writer.QueryRow(`SELECT octets FROM leaves`).Scan(&leaf); err != nil {
		t.Fatal(err)
	}
	for want, damage := range map[string]func([]byte) []byte{
		"those of bad.Example.org.: cut off":                func(b []byte) []byte { return b[:len(b)-1] },
		"those from Example.org. on: check sum is wrong":    func(b []byte) []byte { b[len(b)-1]++; return b },
		"record of bad.Example.org.: malformed DNS message": nil,
	} {
		b := bytes.Clone(leaf)
		if damage != nil {
			b = damage(b)
		}
		if !strings.Contains(want, "sum") {
			if damage == nil {
				b[len(b)-5] = 3 // length of the address
				b = b[:len(b)-1]
			}
			binary.BigEndian.PutUint32(b, leafCheck(b[leafSum:]))
		}
		if _, err := d.writer.Exec(`UPDATE leaves SET octets = ?`, b); err != nil {
			t.Fatal(err)
		}
		_, _, err := d.Load(t.Context(), origin, wire.ClassIN)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
		if damage != nil {
			if _, err := d.Commit(t.Context(), origin, wire.ClassIN, e, next(t, 1, nil, nil)); !errors.Is(err, ErrDamaged) {
				t.Errorf("commit: %v", err)
			}
		}
	}
}
