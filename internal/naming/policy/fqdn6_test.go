package policy

import (
	"errors"
	"net/netip"
	"testing"
)

func TestFQDN6(t *testing.T) {
	a := netip.MustParseAddr("2001:db8::1")
	for _, c := range []struct{ sent, reply, name string }{
		{"\x01\x02pc", "\x01\x02pc\x03lab\x07example\x03org\x00", "pc.lab.example.org."},
		{"\x00\x02pc", "\x00\x02pc\x03lab\x07example\x03org\x00", "pc.lab.example.org."},
		{"\x04\x02pc", "\x04\x02pc\x03lab\x07example\x03org\x00", ""},
		{"\x01", "\x01\x12myhost-2001-db8--1\x03lab\x07example\x03org\x00", "myhost-2001-db8--1.lab.example.org."},
		{"\x01\x02pc\x03net\x00", "\x01\x02pc\x03net\x00", "pc.net."},
	} {
		f, err := ParseFQDN6([]byte(c.sent))
		if err != nil {
			t.Errorf("%q: %v", c.sent, err)
			continue
		}
		d := Decide(config(), Client{Address: a}, Said{FQDN: f})
		if got := string(d.ReplyFQDN6()); got != c.reply || d.LeaseHostname() != c.name {
			t.Errorf("%q: reply %q name %s", c.sent, got, d.LeaseHostname())
		}
	}
	for _, bad := range []string{"", "\x05\x02pc", "\x01\x05pc", "\x01\xc0\x00"} {
		if f, err := ParseFQDN6([]byte(bad)); !errors.Is(err, ErrFQDN) {
			t.Errorf("%q: %+v %v", bad, f, err)
		}
	}
	if (Decision{}).ReplyFQDN6() != nil {
		t.Error("a reply to nothing")
	}
}
