package zone_test

import (
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"bundy/internal/dns/wire"
	"bundy/internal/dns/zone"
)

// TestTooLargeRRset: an RRset that no message could hold is refused, whether it is read or grows by changes.
func TestTooLargeRRset(t *testing.T) {
	origin := wire.MustParseName("example.")
	owner := wire.MustParseName("big.example.")
	text := func(i int) wire.RR {
		data := []byte(strings.Repeat("\xff"+strings.Repeat("x", 255), 255))
		binary.BigEndian.PutUint32(data[1:], uint32(i))
		return wire.RR{Name: owner, Type: wire.TypeTXT, Class: wire.ClassIN, TTL: 60, Data: data}
	}
	const most = 1 << 24 / (65280 + wire.RRHead) // records of that size
	records := parseZone(t, header)
	for i := range most {
		records = append(records, text(i))
	}
	v, err := zone.Build(origin, wire.ClassIN, seq(records))
	if err != nil {
		t.Fatal(err)
	}
	if n := len(v.RRset(owner, wire.TypeTXT)); n != most {
		t.Errorf("%d records, want %d", n, most)
	}
	_, err = zone.Build(origin, wire.ClassIN, seq(append(records, text(most))))
	if !errors.Is(err, zone.ErrTooLarge) || !strings.Contains(err.Error(), "big.example") {
		t.Errorf("one more: %v", err)
	}
	soa := v.SOA()
	next := soa
	next.Data = append([]byte(nil), soa.Data...)
	binary.BigEndian.PutUint32(next.Data[len(next.Data)-20:], 2)
	_, err = v.Apply(zone.Diff{From: 1, To: 2, Deleted: []wire.RR{soa}, Added: []wire.RR{next, text(most)}})
	if !errors.Is(err, zone.ErrTooLarge) || !strings.Contains(err.Error(), "big.example") {
		t.Errorf("one more by a change: %v", err)
	}
}
