package zone_test

import (
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"bundy/internal/dns/wire"
	"bundy/internal/dns/zone"
)

// TestTooManyRecords: an RRset that no message could hold is refused, whether it is read or grows by changes.
func TestTooManyRecords(t *testing.T) {
	const most = wire.MaxMessage / 12
	origin, owner := wire.MustParseName("example."), wire.MustParseName("big.example.")
	address := func(i int) wire.RR {
		return wire.RR{Name: owner, Type: wire.TypeA, Class: wire.ClassIN, TTL: 60, Data: binary.BigEndian.AppendUint32(nil, uint32(i))}
	}
	records := parseZone(t, header)
	for i := range most {
		records = append(records, address(i), address(i)) // repeated records count once
	}
	v, err := zone.Build(origin, wire.ClassIN, seq(records))
	if err != nil {
		t.Fatal(err)
	}
	if n := len(v.RRset(owner, wire.TypeA)); n != most {
		t.Errorf("%d records, want %d", n, most)
	}
	refused := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, zone.ErrTooManyRecords) || !strings.Contains(err.Error(), "big.example") {
			t.Errorf("%s: %v", what, err)
		}
	}
	_, err = zone.Build(origin, wire.ClassIN, seq(append(records, address(most))))
	refused("one more", err)
	soa := v.SOA()
	next := soa
	next.Data = append([]byte(nil), soa.Data...)
	binary.BigEndian.PutUint32(next.Data[len(next.Data)-20:], 2)
	d := zone.Diff{From: 1, To: 2, Deleted: []wire.RR{soa}, Added: []wire.RR{next, address(most)}}
	_, err = v.Apply(d)
	refused("one more by a change", err)
	d.Deleted = append(d.Deleted, address(0))
	if _, err := v.Apply(d); err != nil {
		t.Errorf("one for another: %v", err)
	}
}
