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

func TestRowRoundTrip(t *testing.T) {
	c, err := ParseHeader(Header)
	if err != nil || !c.Current() {
		t.Fatal(err)
	}
	infinite, hostile, gone := sample(), sample(), sample()
	infinite.ValidLifetime = Infinity
	hostile.Hostname, hostile.UserContext = "a,b&#x2cé\x00\n", `{"k": "v,w"}`
	gone.ValidLifetime, gone.ClientID, gone.HWAddr = 0, "", ""
	for _, l := range []Lease{sample(), infinite, hostile, gone} {
		row := string(AppendRow(nil, l))
		if strings.Count(row, "\n") != 1 || strings.Count(row, ",") != strings.Count(Header, ",") {
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
		{Header + ",pool_id", "192.0.2.10,02:00:00:00:00:01,01:02:00:00:00:00:01,3600,1700003600,7,1,1,laptop.lab.example.,0,,3"},
		{Header, "192.0.2.10,02:00:00:00:00:01,01:02:00:00:00:00:01,3600,1700003600,7,1,1,laptop.lab.example."},
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
		t.Errorf("a v6 file was taken: %v", err)
	}
}

func TestBadRows(t *testing.T) {
	c, _ := ParseHeader(Header)
	for _, row := range []string{"", "192.0.2.10", "2001:db8::1,,,1,1,1,0,0,,0,", "192.0.2.1,0,,1,1,1,0,0,,0,", "192.0.2.1,,,x,1,1,0,0,,0,", "192.0.2.1,,,1,1,1,2,0,,0,", "192.0.2.1,,,1,1,1,0,0,,0,,,", "192.0.2.1,,,4294967296,1,1,0,0,,0,"} {
		if l, err := c.Parse(row); err == nil {
			t.Errorf("%q was taken as %+v", row, l)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(Header, string(AppendRow(nil, sample())))
	f.Fuzz(func(t *testing.T, header, row string) {
		c, err := ParseHeader(header)
		if err != nil {
			return
		}
		l, err := c.Parse(row)
		if err != nil {
			return
		}
		own, _ := ParseHeader(Header)
		back, err := own.Parse(strings.TrimSuffix(string(AppendRow(nil, l)), "\n"))
		if err != nil || !reflect.DeepEqual(back, l) {
			t.Fatalf("%+v came back as %+v, %v", l, back, err)
		}
	})
}
