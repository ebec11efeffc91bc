package dhcid

import (
	"encoding/base64"
	"testing"

	"bundy/internal/dhcp/lease"
	"bundy/internal/dns/wire"
)

// TestExamplesOfTheRFC checks the examples of RFC 4701 section 3.6.
func TestExamplesOfTheRFC(t *testing.T) {
	for _, c := range []struct {
		id         Identifier
		name, want string
	}{
		{DUID("\x00\x01\x00\x06\x41\x2d\xf1\x66\x01\x02\x03\x04\x05\x06"), "chi6.example.com", "AAIBY2/AuCccgoJbsaxcQc9TUapptP69lOjxfNuVAA2kjEA="},
		{ClientID("\x01\x07\x08\x09\x0a\x0b\x0c"), "chi.example.com", "AAEBOSD+XR3Os/0LozeXVqcNc7FwCfQdWL3b/NaiUDlW2No="},
		{HWAddr(1, "\x01\x02\x03\x04\x05\x06"), "client.example.com", "AAABxLmlskllE0MVjd57zHcWmEH3pCQ6VytcKD//7es/deY="},
	} {
		got := c.id.RDATA(wire.MustParseName(c.name))
		if text := base64.StdEncoding.EncodeToString(got); text != c.want || len(got) != Size {
			t.Errorf("%s: %s, want %s", c.name, text, c.want)
		}
	}
}

func TestIdentifiers(t *testing.T) {
	name := wire.MustParseName("Host.Example.COM")
	duid := "\x00\x03\x00\x01\x01\x02\x03\x04\x05\x06"
	if a, b := ClientID("\xff\x00\x00\x00\x01"+duid), DUID(duid); string(a.RDATA(name)) != string(b.RDATA(name)) {
		t.Error("a client identifier of RFC 4361 and its DUID differ")
	}
	if ClientID("\xff\x00\x00\x00\x01").kind != typeClientID {
		t.Error("255 without a DUID behind it was taken as a DUID")
	}
	if string(DUID(duid).RDATA(name)) != string(DUID(duid).RDATA(name.Lower())) {
		t.Error("the case of the name changes the digest")
	}
	l := lease.Lease{HWAddr: "\x01\x02\x03\x04\x05\x06"}
	if Of(l) != HWAddr(1, l.HWAddr) {
		t.Error("a lease without client identifier is not known by its hardware address")
	}
	l.Kind, l.DUID = lease.NA, duid
	if Of(l) != DUID(duid) {
		t.Error("a lease of DHCPv6 is not known by its DUID")
	}
	if Of(lease.Lease{}).RDATA(name) != nil || Of(lease.Lease{Kind: lease.NA}).RDATA(name) != nil {
		t.Error("a lease without identity got a DHCID")
	}
}
