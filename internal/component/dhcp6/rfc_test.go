package dhcp6

import (
	"bytes"
	"encoding/hex"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"bundy/internal/dhcp/netif"
	"bundy/internal/dhcp/packet6"
)

// TestOptionsOfToday: what today's clients ask for, in the form of the wire.
func TestOptionsOfToday(t *testing.T) {
	b := newBench(t, `{"option-data": [
		{"name": "v6-captive-portal", "data": "https://portal.example/api", "csv-format": true},
		{"name": "v6-dnr", "data": "10, dot.example.org, 2001:db8::53, alpn=dot port=8530", "csv-format": true}],
		"subnet6": [{"subnet": "2001:db8:1::/64", "interface": "eth0", "pool": ["2001:db8:1::10 - 2001:db8:1::12"]}]}`)
	for _, kind := range []packet6.Type{packet6.Solicit, packet6.Request, packet6.InformationRequest} {
		parts := map[packet6.Type][]string{packet6.Solicit: {"na=1"}, packet6.Request: {"server=", "na=1"}}[kind]
		o := b.exchange(kind, append(parts, "oro=103 144")...)
		for code, want := range map[uint16]string{
			103: "https://portal.example/api",                                                                                                                         // RFC 8910: no zero octet behind it
			144: "\x00\x0a\x00\x11\x03dot\x07example\x03org\x00\x00\x10" + string(addr("2001:db8::53").AsSlice()) + "\x00\x01\x00\x04\x03dot\x00\x03\x00\x02\x21\x52", // RFC 9463 section 4.1
		} {
			if data, _ := o.Options.Get(code); string(data) != want {
				t.Errorf("%v: option %d: %q, want %q", kind, code, data, want)
			}
		}
		if o := b.exchange(kind, parts...); o.Options.Has(103) || o.Options.Has(144) {
			t.Errorf("%v: sent to a client that did not ask", kind)
		}
	}
}

// TestFlagsOfNames: RFC 4704 section 6. What each wish of a client becomes by default and with each override, in the answer and
// in DNS, and that the end of the lease takes back what was put there.
func TestFlagsOfNames(t *testing.T) {
	const config = `{"subnet6": [{"subnet": "2001:db8:1::/64", "interface": "eth0", "pool": ["2001:db8:1::10 - 2001:db8:1::12"]}], "dhcp-ddns": {"qualifying-suffix": "lab.test", RULES}}`
	for _, c := range []struct {
		rules, sent, reply string
		forward, reverse   bool
	}{
		{`"enable-updates": true`, "\x00", "\x00", false, true},                                  // the client does its own AAAA
		{`"enable-updates": true`, "\x01", "\x01", true, true},                                   // S
		{`"enable-updates": true`, "\x04", "\x04", false, false},                                 // N
		{`"enable-updates": true, "override-client-update": true`, "\x00", "\x03", true, true},   // S and O
		{`"enable-updates": true, "override-no-update": true`, "\x04", "\x03", true, true},       // S and O
		{`"enable-updates": true, "override-client-update": true`, "\x04", "\x04", false, false}, // the other override
		{`"enable-updates": false`, "\x01", "\x06", false, false},                                // N and O: it wanted S
		{`"enable-updates": false`, "\x00", "\x04", false, false},
	} {
		b := newBench(t, strings.Replace(config, "RULES", c.rules, 1))
		o := b.exchange(packet6.Request, "server=", "na=1", "fqdn="+c.sent+"\x02pc")
		if data, _ := o.Options.Get(packet6.OptFQDN); string(data) != c.reply+"\x02pc\x03lab\x04test\x00" {
			t.Errorf("%s, flags %x: reply %q", c.rules, c.sent, data)
		}
		l, _ := b.store.Get(addr("2001:db8:1::10"))
		if l.FQDNForward != c.forward || l.FQDNReverse != c.reverse || (l.Hostname == "pc.lab.test.") != (c.forward || c.reverse) {
			t.Errorf("%s, flags %x: lease %+v", c.rules, c.sent, l)
		}
		named := 0
		if c.forward || c.reverse {
			named = 1
		}
		if n := b.changes(); n != named {
			t.Errorf("%s, flags %x: %d changes of names", c.rules, c.sent, n)
		}
		b.clock = b.clock.Add(2 * time.Hour)
		b.Reclaim(b.clock)
		if err := b.store.Flush(); err != nil {
			t.Fatal(err)
		}
		if n := b.changes(); n != 2*named {
			t.Errorf("%s, flags %x: %d changes of names after the end", c.rules, c.sent, n)
		}
	}
	b := newBench(t, strings.Replace(config, "RULES", `"enable-updates": true`, 1))
	if o := b.exchange(packet6.Request, "server=", "na=1", "fqdn=\x05\x02pc"); o != nil {
		t.Errorf("N and S together are answered by %s", o.summary())
	}
	if o := b.exchange(packet6.Request, "server=", "na=1"); o.Options.Has(packet6.OptFQDN) {
		t.Error("a client that says no name and asks for none is told one")
	}
}

// TestFormsOfDUID: RFC 9915 section 11. Every form is a client of its own, up to 128 octets behind the type, and lends its
// hardware address if it has one.
func TestFormsOfDUID(t *testing.T) {
	b := newBench(t, `{"subnet6": [{"subnet": "2001:db8:1::/64", "interface": "eth0", "pool": ["2001:db8:1:0:1::/80"]}]}`)
	for _, c := range []struct{ what, duid, hw string }{
		{"LLT", "00010001" + "2a2b2c2d" + "020000000001", "020000000001"},
		{"EN", "0002" + "000009bf" + "0102", ""},
		{"LL", "00030001" + "020000000001", "020000000001"},
		{"LL of eight octets", "0003001b" + "0102030405060708", "0102030405060708"},
		{"UUID", "0004" + "000102030405060708090a0b0c0d0e0f", ""},
		{"of a type to come", "00ff" + "01", ""},
		{"the longest", "0002" + strings.Repeat("ab", 128), ""},
	} {
		raw, err := hex.DecodeString(c.duid)
		if err != nil {
			t.Fatal(err)
		}
		o := b.exchange(packet6.Request, "server=", "client="+string(raw), "na=1", "from=2001:db8::1")
		if o == nil || len(o.IAs()) != 1 || len(o.IAs()[0].Leases) != 1 {
			t.Errorf("%s: %s", c.what, o.summary())
			continue
		}
		l, _ := b.store.Get(o.IAs()[0].Leases[0].Prefix.Addr())
		if l.DUID != string(raw) || hex.EncodeToString([]byte(l.HWAddr)) != c.hw {
			t.Errorf("%s: DUID %x, hardware address %x", c.what, l.DUID, l.HWAddr)
		}
		if id, _ := o.Options.Get(packet6.OptClientID); !bytes.Equal(id, raw) {
			t.Errorf("%s: echoed %x", c.what, id)
		}
	}
	for _, bad := range []string{"\x00\x01", strings.Repeat("x", 131)} {
		if o := b.exchange(packet6.Solicit, "client="+bad, "na=1"); o != nil {
			t.Errorf("a DUID of %d octets is answered by %s", len(bad), o.summary())
		}
	}
}

// TestEchoForRelays: RFC 4994. Each relay agent gets back what its echo request option names of what it sent, and no more; its
// interface-id always (RFC 9915 section 19.3).
func TestEchoForRelays(t *testing.T) {
	b := newBench(t, basicConfig)
	var sent []byte
	b.transmit = func(_ *netif.Outbox, _ packet6.Type, _ *netif.Link6, payload []byte, _ netip.AddrPort) {
		sent = slices.Clone(payload)
	}
	const subscriber, remote, absent = "0026" + "0004616e6e61", "0025" + "000600000000cafe", "0050"
	b.exchange(packet6.Solicit, "na=1", "relay=2001:db8:1::1 port7 "+subscriber+remote+"002b"+"0004"+"0026"+absent, "relay=2001:db8:9::1 vlan2 "+subscriber)
	var levels []string
	for len(sent) > 34 && sent[0] == byte(packet6.RelayReply) {
		rest, level := sent[34:], ""
		for sent = nil; len(rest) >= 4; {
			code, n := int(rest[0])<<8|int(rest[1]), int(rest[2])<<8|int(rest[3])
			if data := rest[4 : 4+n]; code == packet6.OptRelayMessage {
				sent = data
			} else {
				level += string(rune('0'+code/10)) + string(rune('0'+code%10)) + ":" + string(data) + " "
			}
			rest = rest[4+n:]
		}
		levels = append(levels, level)
	}
	slices.Sort(strings.Fields(strings.Join(levels, " ")))
	if len(levels) != 2 || levels[0] != "18:vlan2 " || levels[1] != "38:anna 18:port7 " {
		t.Errorf("relay agents got back %q", levels)
	}
	if len(sent) == 0 || packet6.Type(sent[0]) != packet6.Advertise {
		t.Errorf("inside %x", sent)
	}
}
