package dhcp6

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"bundy/internal/dhcp/lease"
	"bundy/internal/dhcp/packet6"
	"bundy/internal/dhcp/subnet"
	"bundy/internal/suite/paths"
	"bundy/internal/suite/schema"
)

const levelsConfig = `{
	"reservations-global": true, "cache-threshold": 0.25, "relay-supplied-options": ["65", "new-posix-timezone"],
	"identifier-expression": "relay6[0].option[37].hex",
	"option-data": [{"name": "new-posix-timezone", "data": "UTC0", "csv-format": true, "always-send": true}],
	"client-classes": [
		{"name": "guests", "test": "unknown", "valid-lifetime": 600, "max-valid-lifetime": 700, "preferred-lifetime": 300}
	],
	"reservations": [{"flex-id": "'port 7'", "ip-addresses": ["2001:db8:1::77"]}, {"hw-address": "02:00:00:00:00:02", "ip-addresses": ["2001:db8:1::2"]}],
	"subnet6": [{"subnet": "2001:db8:1::/64", "interface": "eth0", "pool": ["2001:db8:1::10 - 2001:db8:1::12"]}]
}`

// remote is the remote identifier of a relay agent (RFC 4649): enterprise 0 is not asked for by the expression, all octets
// count.
const remote = " 0025" + "0006" + "706f72742037"

func TestReservationByExpression(t *testing.T) {
	b := newBench(t, levelsConfig)
	b.expect("REPLY na1:2001:db8:1::77(3000,4000)", packet6.Request, "server=", "na=1", "relay=2001:db8:1::1 x"+remote)
	b.expect("REPLY na1:2001:db8:1::2(3000,4000)", packet6.Request, "server=", "na=1", "client="+otherDUID)
	b.expect("ADVERTISE na1:2001:db8:1::10(300,600)", packet6.Solicit, "na=1", "relay=2001:db8:1::1 x", "client=\x00\x02unknown")
}

func TestLifetimesOfClasses(t *testing.T) {
	b := newBench(t, levelsConfig)
	ia := packet6.IA{Code: packet6.OptIANA, IAID: 1, Leases: []packet6.Lease{{Prefix: netip.MustParsePrefix("2001:db8:1::10/128"), Preferred: 9000, Valid: 9000}}}
	m := message(t, packet6.Solicit)
	m.Options = append(m.Options, packet6.Option{Code: packet6.OptIANA, Data: ia.Append(nil)[4:]})
	b.expect("ADVERTISE na1:2001:db8:1::10(300,600)", packet6.Solicit, "na=1")
	if o := b.sendMessage(m); o.summary() != "ADVERTISE na1:2001:db8:1::10(300,700)" {
		t.Errorf("asked for more: %s", o.summary())
	}
}

// TestYoungLeasesStay: with cache-threshold a young lease is not written again, and its client is told what remains.
func TestYoungLeasesStay(t *testing.T) {
	b := newBench(t, levelsConfig)
	b.expect("REPLY na1:2001:db8:1::10(300,600)", packet6.Request, "server=", "na=1")
	before, _ := b.store.Get(addr("2001:db8:1::10"))
	b.clock = b.clock.Add(149 * time.Second)
	b.expect("REPLY na1:2001:db8:1::10(151,451)", packet6.Renew, "server=", "na=1 2001:db8:1::10")
	if l, _ := b.store.Get(addr("2001:db8:1::10")); l != before {
		t.Errorf("written again: %+v", l)
	}
	b.clock = b.clock.Add(time.Second)
	b.expect("REPLY na1:2001:db8:1::10(300,600)", packet6.Renew, "server=", "na=1 2001:db8:1::10")
	if l, _ := b.store.Get(addr("2001:db8:1::10")); l == before {
		t.Error("not renewed")
	}
	fqdn := "fqdn=\x01\x03new"
	b.set.names.EnableUpdates = true
	b.expect("REPLY na1:2001:db8:1::10(300,600)", packet6.Renew, "server=", "na=1 2001:db8:1::10", fqdn)
	if l, _ := b.store.Get(addr("2001:db8:1::10")); l.Hostname == "" {
		t.Error("the new name is not kept")
	}
}

// TestRelaySuppliedOptions: RFC 6422. The server's own value counts most, then that of the relay agent next to the client; what is
// not allowed, or malformed, does not count.
func TestRelaySuppliedOptions(t *testing.T) {
	b := newBench(t, levelsConfig)
	const inner = " 0042" + "0017" + "0041000568656c6c6f" + "0029000474657a31" + "001f" + "0002" + "6869" // 65, 41 (ours is there), 31 (not allowed)
	const outer = " 0042" + "0009" + "00410005776f726c64"
	o := b.exchange(packet6.Solicit, "na=1", "relay=2001:db8:1::1 x"+inner, "relay=2001:db8:9::1 y"+outer)
	for code, want := range map[uint16]string{65: "hello", 41: "UTC0", 31: ""} {
		if data, _ := o.Options.Get(code); string(data) != want || o.Options.Count(code) > 1 {
			t.Errorf("option %d: %q, want %q", code, data, want)
		}
	}
	o = b.exchange(packet6.Solicit, "na=1", "relay=2001:db8:1::1 x 00420006004100056865")
	if o == nil || o.Options.Has(65) {
		t.Errorf("malformed options of a relay agent: %s", o.summary())
	}
}

func TestLevelsAreChecked(t *testing.T) {
	for _, c := range []struct{ section, want string }{
		{`{"relay-supplied-options": ["client-id"]}`, `Dhcp6/relay-supplied-options[0]: "client-id" is no option that a relay agent could supply`},
		{`{"host-reservation-identifiers": ["circuit-id"]}`, `Dhcp6/host-reservation-identifiers[0]: "circuit-id" is not known in DHCPv6: duid, hw-address or flex-id`},
		{`{"reservations": [{"duid": "00:01:02", "flex-id": "01"}]}`, `Dhcp6/reservations[0]: a reservation needs one of duid, hw-address and flex-id`},
		{`{"client-classes": [{"name": "a", "valid-lifetime": 5, "min-valid-lifetime": 6}]}`, `Dhcp6/client-classes[0]/valid-lifetime: 5 does not lie between the least (6) and the greatest (5)`},
	} {
		v, err := schema.Parse([]byte(c.section))
		if err != nil {
			t.Fatal(err)
		}
		p := paths.Below(t.TempDir())
		_, errs := build(Descriptor(p).Spec, v.(schema.Section), p, subnet.Identities{})
		if len(errs) != 1 || errs[0].Error() != c.want {
			t.Errorf("%s: %v", c.section, errs)
		}
	}
}

// TestSeveralInOneAssociation: a client gets as many addresses and prefixes under one number as it names, and keeps them.
func TestSeveralInOneAssociation(t *testing.T) {
	b := newBench(t, basicConfig)
	const (
		na   = " na1:2001:db8:1::10(3000,4000):2001:db8:1::12(3000,4000)"
		pd   = " pd2:2001:db8:8000:700::/56(3000,4000):2001:db8:8000::/56(3000,4000)"
		asks = "na=1 2001:db8:1::10 2001:db8:1::12 2001:db8:1::99"
	)
	b.expect("ADVERTISE"+na+pd, packet6.Solicit, asks, "pd=2 2001:db8:8000:700::/56 ::/56")
	const has, prefixes = "na=1 2001:db8:1::10 2001:db8:1::12", "pd=2 2001:db8:8000:700::/56 2001:db8:8000::/56"
	b.exchange(packet6.Request, "server=", has, prefixes)
	if n := len(b.store.OfDUID(clientDUID)); n != 4 {
		t.Errorf("%d leases", n)
	}
	o := b.exchange(packet6.Renew, "server=", has+" 2001:db8:1::11", prefixes) // the third is free, and not given
	for _, want := range []string{"2001:db8:1::10(3000,4000)", "2001:db8:1::12(3000,4000)", "2001:db8:1::11(0,0)", "2001:db8:8000:700::/56(3000,4000)", "2001:db8:8000::/56(3000,4000)"} {
		if !strings.Contains(o.summary(), want) {
			t.Errorf("RENEW: no %s in %s", want, o.summary())
		}
	}
	b.expect("ADVERTISE na1:2001:db8:1::11(3000,4000)", packet6.Solicit, "client="+otherDUID, asks)
	b.expect("REPLY status=0 na1!0 pd2!0", packet6.Release, "server=", has, prefixes)
	for _, l := range b.store.OfDUID(clientDUID) {
		if l.State != lease.Reclaimed {
			t.Errorf("released: %+v", l)
		}
	}
}

// TestReckonedTimers: with calculate-tee-times T1 and T2 are shares of the preferred lifetime where they are not said, as Kea has it.
func TestReckonedTimers(t *testing.T) {
	b := newBench(t, `{"calculate-tee-times": true, "t1-percent": 0.4, "renew-timer": 100, "preferred-lifetime": 1000, "subnet6": [
		{"subnet": "2001:db8:1::/64", "pool": ["2001:db8:1::/80"]},
		{"subnet": "2001:db8:2::/64", "pool": ["2001:db8:2::/80"], "rebind-timer": 700},
		{"subnet": "2001:db8:3::/64", "pool": ["2001:db8:3::/80"], "calculate-tee-times": true, "t2-percent": 0.5},
		{"subnet": "2001:db8:4::/64", "pool": ["2001:db8:4::/80"], "calculate-tee-times": false, "rebind-timer": 900}]}`)
	for i, want := range []string{"100 800", "100 700", "400 500", "100 900"} {
		o := b.exchange(packet6.Solicit, "na=1", fmt.Sprintf("relay=2001:db8:%d::1 x", i+1))
		if ia := o.IAs()[0]; fmt.Sprint(ia.T1, ia.T2) != want {
			t.Errorf("subnet %d: %d %d, want %s", i+1, ia.T1, ia.T2, want)
		}
	}
}
