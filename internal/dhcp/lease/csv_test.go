package lease

import (
	"errors"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"
)

func sample() Lease {
	return Lease{
		Address: netip.MustParseAddr("192.0.2.10"), HWType: 1, HWAddr: "\x02\x00\x00\x00\x00\x01", ClientID: "\x01\x02\x00\x00\x00\x00\x01",
		ValidLifetime: 3600, Start: time.Unix(1700000000, 0).UTC(), SubnetID: 7, FQDNForward: true, FQDNReverse: true,
		Hostname: "laptop.lab.example.", State: Active,
	}
}

func sample6(kind Kind) Lease {
	l := Lease{
		Address: netip.MustParseAddr("2001:db8::10"), Kind: kind, HWType: 1, HWSource: 4, HWAddr: "\x02\x00\x00\x00\x00\x01",
		DUID: "\x00\x03\x00\x01\x02\x00\x00\x00\x00\x01", IAID: 4000000000, ValidLifetime: 3600, Preferred: 1800,
		Start: time.Unix(1700000000, 0).UTC(), SubnetID: 7, FQDNForward: true, FQDNReverse: true, Hostname: "laptop.lab.example.",
	}
	if kind == PD {
		l.Address, l.PrefixLength = netip.MustParseAddr("2001:db8:100::"), 56
	}
	return l
}

func TestHeaders(t *testing.T) {
	for f, want := range map[Family]string{
		Family4: "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context",
		Family6: "address,duid,valid_lifetime,expire,subnet_id,pref_lifetime,lease_type,iaid,prefix_len,fqdn_fwd,fqdn_rev,hostname,hwaddr,state,user_context,hwtype,hwaddr_source",
	} {
		if got := f.Header(); got != want {
			t.Errorf("%v: %s", f, got)
		}
	}
}

func TestRow6RoundTrip(t *testing.T) {
	c, err := ParseHeader(Family6.Header())
	if err != nil || !c.Current() || c.Family() != Family6 {
		t.Fatal(err)
	}
	nobody, long := sample6(NA), sample6(TA)
	nobody.DUID, nobody.HWAddr, nobody.HWType, nobody.HWSource, nobody.State = "", "", 0, 0, Declined
	long.DUID = strings.Repeat("d", 130)
	for want, l := range map[string]Lease{
		"2001:db8::10,00:03:00:01:02:00:00:00:00:01,3600,1700003600,7,1800,0,4000000000,128,1,1,laptop.lab.example.,02:00:00:00:00:01,0,,1,4\n":  sample6(NA),
		"2001:db8:100::,00:03:00:01:02:00:00:00:00:01,3600,1700003600,7,1800,2,4000000000,56,1,1,laptop.lab.example.,02:00:00:00:00:01,0,,1,4\n": sample6(PD),
		"2001:db8::10,00:00:00,3600,1700003600,7,1800,0,4000000000,128,1,1,laptop.lab.example.,,1,,0,0\n":                                        nobody,
		"": long,
	} {
		row := string(AppendRow(nil, l))
		if want != "" && row != want {
			t.Errorf("got  %q\nwant %q", row, want)
		}
		got, err := c.Parse(strings.TrimSuffix(row, "\n"))
		if err != nil || !reflect.DeepEqual(got, l) {
			t.Errorf("%q\n got %+v, %v\nwant %+v", row, got, err, l)
		}
	}
}

// TestFilesOfOthers reads rows as each version of Kea wrote them.
func TestFilesOfOthers(t *testing.T) {
	first := "address,duid,valid_lifetime,expire,subnet_id,pref_lifetime,lease_type,iaid,prefix_len,fqdn_fwd,fqdn_rev,hostname"
	row := "2001:db8::10,00:03:00:01:02:00:00:00:00:01,3600,1700003600,7,1800,0,4000000000,128,1,1,laptop.lab.example."
	bare := sample6(NA)
	bare.HWAddr, bare.HWType, bare.HWSource = "", 0, 0
	known := sample6(NA)
	known.HWSource = 0
	for _, f := range []struct {
		header, row string
		want        Lease
	}{
		{first, row, bare},
		{first + ",hwaddr", row + ",02:00:00:00:00:01", known},
		{first + ",hwaddr,state", row + ",,0", bare},
		{first + ",hwaddr,state,user_context", row + ",,0,", bare},
		{Family6.Header(), row + ",02:00:00:00:00:01,0,,1,4", sample6(NA)},
		{Family6.Header() + ",pool_id", row + ",02:00:00:00:00:01,0,,1,4,9", sample6(NA)},
		{Family6.Header(), row, bare},
	} {
		c, err := ParseHeader(f.header)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := c.Parse(f.row); err != nil || !reflect.DeepEqual(got, f.want) {
			t.Errorf("%q: %+v, %v", f.row, got, err)
		}
	}
	c, _ := ParseHeader(Family4.Header())
	if l, err := c.Parse("192.0.2.1,,,3600,1700003600,7,0,0,,3,"); err != nil || l.State != Reclaimed {
		t.Errorf("a released lease: %+v, %v", l, err)
	}
	c, _ = ParseHeader(Family6.Header())
	for _, bad := range []string{
		"192.0.2.1,00:00:00,1,1,1,1,0,1,128,0,0,,,0,,0,0", "2001:db8::1,00:00:00,1,1,1,1,3,1,128,0,0,,,0,,0,0",
		"2001:db8::1,00:00:00,1,1,1,1,2,1,129,0,0,,,0,,0,0", "2001:db8::1,00:00:00,1,1,1,1,2,1,0,0,0,,,0,,0,0",
		"2001:db8::1%1,00:00:00,1,1,1,1,0,1,128,0,0,,,0,,0,0", "::ffff:192.0.2.1,00:00:00,1,1,1,1,0,1,128,0,0,,,0,,0,0",
	} {
		if l, err := c.Parse(bad); err == nil {
			t.Errorf("%q was taken as %+v", bad, l)
		}
	}
}

func TestRowRoundTrip(t *testing.T) {
	c, err := ParseHeader(Family4.Header())
	if err != nil || !c.Current() {
		t.Fatal(err)
	}
	infinite, hostile, gone := sample(), sample(), sample()
	infinite.ValidLifetime = Infinity
	hostile.Hostname, hostile.UserContext = "a,b&#x2cé\x00\n", `{"k": "v,w"}`
	gone.ValidLifetime, gone.ClientID, gone.HWAddr = 0, "", ""
	for _, l := range []Lease{sample(), infinite, hostile, gone} {
		row := string(AppendRow(nil, l))
		if strings.Count(row, "\n") != 1 || strings.Count(row, ",") != strings.Count(Family4.Header(), ",") {
			t.Errorf("row breaks the form: %q", row)
		}
		got, err := c.Parse(strings.TrimSuffix(row, "\n"))
		if err != nil || !reflect.DeepEqual(got, l) {
			t.Errorf("%q\n got %+v, %v\nwant %+v", row, got, err, l)
		}
	}
}

func TestOlderAndNewerFiles(t *testing.T) {
	for _, f := range []struct{ header, row string }{
		{"address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname", "192.0.2.10,02:00:00:00:00:01,01:02:00:00:00:00:01,3600,1700003600,7,1,true,laptop.lab.example."},
		{Family4.Header() + ",pool_id", "192.0.2.10,02:00:00:00:00:01,01:02:00:00:00:00:01,3600,1700003600,7,1,1,laptop.lab.example.,0,,3"},
		{Family4.Header(), "192.0.2.10,02:00:00:00:00:01,01:02:00:00:00:00:01,3600,1700003600,7,1,1,laptop.lab.example."},
	} {
		c, err := ParseHeader(f.header)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := c.Parse(f.row); err != nil || !reflect.DeepEqual(got, sample()) {
			t.Errorf("%q: %+v, %v", f.row, got, err)
		}
	}
	if _, err := ParseHeader("address,duid,valid_lifetime"); !errors.Is(err, ErrHeader) {
		t.Errorf("a file without all columns was taken: %v", err)
	}
}

func TestBadRows(t *testing.T) {
	c, _ := ParseHeader(Family4.Header())
	for _, row := range []string{"", "192.0.2.10", "2001:db8::1,,,1,1,1,0,0,,0,", "192.0.2.1,0,,1,1,1,0,0,,0,", "192.0.2.1,,,x,1,1,0,0,,0,", "192.0.2.1,,,1,1,1,2,0,,0,", "192.0.2.1,,,1,1,1,0,0,,0,,,", "192.0.2.1,,,4294967296,1,1,0,0,,0,"} {
		if l, err := c.Parse(row); err == nil {
			t.Errorf("%q was taken as %+v", row, l)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(Family4.Header(), string(AppendRow(nil, sample())))
	f.Add(Family6.Header(), string(AppendRow(nil, sample6(PD))))
	f.Add("hwaddr,hwaddr", "01,02")
	f.Fuzz(func(t *testing.T, header, row string) {
		c, err := ParseHeader(header)
		if err != nil {
			return
		}
		l, err := c.Parse(row)
		if err != nil {
			return
		}
		own, _ := ParseHeader(c.Family().Header())
		back, err := own.Parse(strings.TrimSuffix(string(AppendRow(nil, l)), "\n"))
		if err != nil || !reflect.DeepEqual(back, l) {
			t.Fatalf("%+v came back as %+v, %v", l, back, err)
		}
	})
}
