package ncr

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"bundy/internal/dns/wire"
)

func example() Request {
	return Request{
		Change: Add, Forward: true, Reverse: true, Name: wire.MustParseName("walah.walah.com."),
		Address: netip.MustParseAddr("192.168.2.1"), DHCID: []byte{0, 1, 2, 3, 4, 0x0a, 0xff},
		Expires: time.Date(2013, 1, 21, 20, 4, 5, 0, time.UTC), Length: 1300,
	}
}

func datagram(text string) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(text))), text...)
}

const bundyText = `{"change_type":0,"forward_change":true,"reverse_change":true,"fqdn":"walah.walah.com.",` +
	`"ip_address":"192.168.2.1","dhcid":"000102030 40AFF","lease_expires_on":"20130121200405","lease_length":1300}`

func TestForms(t *testing.T) {
	bundy := strings.ReplaceAll(bundyText, " ", "")
	if got := example().Append(nil, Bundy); string(got) != string(datagram(bundy)) {
		t.Errorf("Bundy form:\n%s\n%s", got[2:], bundy)
	}
	names := map[Style]Request{Bundy: example(), Kea: example()}
	odd := example()
	odd.Name, odd.Change = wire.MustParseName(`a\.b\\c\"\001.example.`), Remove
	odd.Address = netip.MustParseAddr("2001:db8::1")
	for style, r := range names {
		for _, want := range []Request{r, odd} {
			got, err := Parse(want.Append(nil, style))
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("style %d: %+v, %v; want %+v", style, got, err, want)
			}
		}
	}
	extra := strings.Replace(bundy, "{", `{"conflict-resolution-mode":"x","new":[{}],`, 1)
	if _, err := Parse(datagram(extra)); err != nil {
		t.Errorf("unknown keys: %v", err)
	}
}

func TestRefused(t *testing.T) {
	good := strings.ReplaceAll(bundyText, " ", "")
	for name, change := range map[string][2]string{
		"change type":   {`"change_type":0`, `"change_type":2`},
		"no direction":  {`"forward_change":true,"reverse_change":true`, `"forward_change":false,"reverse_change":false`},
		"missing":       {`"fqdn":"walah.walah.com.",`, ``},
		"null":          {`"lease_length":1300`, `"lease_length":null`},
		"empty name":    {`walah.walah.com.`, ``},
		"root":          {`walah.walah.com.`, `.`},
		"wildcard":      {`walah.walah`, `*.walah`},
		"bad name":      {`walah.walah`, `walah..walah`},
		"bad address":   {`192.168.2.1`, `192.168.2.256`},
		"zone":          {`192.168.2.1`, `fe80::1%eth0`},
		"short dhcid":   {`000102030`, ``},
		"odd dhcid":     {`"000102030`, `"00010203`},
		"time":          {`20130121`, `20131321`},
		"length":        {`1300`, `-1`},
		"not an object": {good, `[]`},
		"not JSON":      {good, `{`},
	} {
		bad := strings.Replace(good, change[0], change[1], 1)
		if name == "short dhcid" {
			bad = strings.Replace(good, "00010203040AFF", "0001", 1)
		}
		if r, err := Parse(datagram(bad)); !errors.Is(err, ErrRequest) {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
	}
	whole := datagram(good)
	for _, bad := range [][]byte{nil, {0}, {0, 0}, whole[:len(whole)-1], append(whole, ' '), make([]byte, MaxDatagram+1)} {
		if _, err := Parse(bad); !errors.Is(err, ErrRequest) {
			t.Errorf("%d octets: %v", len(bad), err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(example().Append(nil, Bundy))
	f.Add(example().Append(nil, Kea))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := Parse(b)
		if err != nil {
			return
		}
		again, err := Parse(r.Append(nil, Kea))
		if err != nil || !reflect.DeepEqual(r, again) {
			t.Fatalf("%+v became %+v, %v", r, again, err)
		}
	})
}
