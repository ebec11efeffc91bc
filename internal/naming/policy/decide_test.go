package policy

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"bundy/internal/dns/wire"
)

var here = Client{Address: netip.MustParseAddr("192.0.2.7"), HWAddr: "\x02\x00\x5e\x10\x00\x01"}

func config() Config {
	return Config{EnableUpdates: true, GeneratedPrefix: "myhost", Suffix: wire.MustParseName("lab.example.org.")}
}

const generatedName = "myhost-192-0-2-7.lab.example.org."

func TestFlagsFollowTheTable(t *testing.T) {
	type flags struct{ n, s, o bool }
	for _, c := range []struct {
		name                          string
		n, s                          bool
		disable, noUpdate, overClient bool
		want                          flags
		forward, reverse              bool
	}{
		{name: "client delegation", want: flags{}, reverse: true},
		{name: "client delegation overridden", overClient: true, want: flags{s: true, o: true}, forward: true, reverse: true},
		{name: "server does both", s: true, want: flags{s: true}, forward: true, reverse: true},
		{name: "server does both, all overrides", s: true, overClient: true, noUpdate: true, want: flags{s: true}, forward: true, reverse: true},
		{name: "no updates", n: true, want: flags{n: true}},
		{name: "no updates overridden", n: true, noUpdate: true, want: flags{s: true, o: true}, forward: true, reverse: true},
		{name: "disabled, S", s: true, disable: true, want: flags{n: true, o: true}},
		{name: "disabled, none", disable: true, want: flags{n: true}},
		{name: "disabled, N", n: true, disable: true, want: flags{n: true}},
	} {
		cfg := config()
		cfg.EnableUpdates, cfg.OverrideNoUpdate, cfg.OverrideClientUpdate = !c.disable, c.noUpdate, c.overClient
		d := Decide(cfg, here, Said{&FQDN{N: c.n, S: c.s, Labels: []string{"pc"}}, "other"})
		if got := (flags{d.N, d.S, d.O}); got != c.want || d.Forward != c.forward || d.Reverse != c.reverse {
			t.Errorf("%s: reply N,S,O %v forward %v reverse %v, want %v %v %v", c.name, got, d.Forward, d.Reverse, c.want,
				c.forward, c.reverse)
		}
		if want := c.forward || c.reverse; (d.Name != "") != want {
			t.Errorf("%s: name %q", c.name, d.Name)
		}
	}
}

func TestNames(t *testing.T) {
	long := strings.Repeat("a", 70)
	for _, c := range []struct {
		labels []string
		full   bool
		want   string
	}{
		{[]string{"PC"}, false, "pc.lab.example.org."},
		{[]string{"pc", "sub"}, false, "pc.sub.lab.example.org."},
		{[]string{"pc", "lab", "example", "org"}, true, "pc.lab.example.org."},
		{[]string{"pc", "corp", "net"}, true, "pc.corp.net."},
		{nil, false, generatedName},
		{nil, true, generatedName},
		{[]string{"o'brien's pc"}, false, "o-brien-s-pc.lab.example.org."},
		{[]string{"\xff\x00\xfe"}, false, generatedName},
		{[]string{"---"}, false, generatedName},
		{[]string{"*"}, false, generatedName},
		{[]string{"a", "", "b"}, false, generatedName},
		{[]string{"a", "\x01\x02", "b"}, false, generatedName},
		{[]string{"WPAD"}, false, generatedName},
		{[]string{"isatap"}, false, generatedName},
		{[]string{"localhost"}, false, generatedName},
		{[]string{"wpad", "corp", "net"}, true, generatedName},
		{[]string{"lab", "example", "org"}, true, generatedName},
		{[]string{"org"}, true, generatedName},
		{[]string{"pc", "test"}, true, generatedName},
		{[]string{"printer", "local"}, true, generatedName},
		{[]string{"www", "example", "com"}, true, generatedName},
		{[]string{"1", "2", "0", "192", "in-addr", "arpa"}, true, generatedName},
		{[]string{long}, false, long[:63] + ".lab.example.org."},
		{[]string{long, long, long, long}, true, generatedName},
		{strings.Split(strings.Repeat("a.", 127)+"a", "."), true, generatedName},
	} {
		d := Decide(config(), here, Said{&FQDN{S: true, Labels: c.labels, Full: c.full}, ""})
		if got := d.LeaseHostname(); got != c.want {
			t.Errorf("labels %q full %v: %s, want %s", c.labels, c.full, got, c.want)
		}
	}
}

func TestHostName(t *testing.T) {
	for _, c := range []struct{ in, name, reply string }{
		{"foo", "foo.lab.example.org.", "foo.lab.example.org"},
		{"foo.corp.net", "foo.corp.net.", "foo.corp.net"},
		{"foo.corp.net.", "foo.corp.net.", "foo.corp.net"},
		{"foo\x00", "foo.lab.example.org.", "foo.lab.example.org"},
		{".", generatedName, strings.TrimSuffix(generatedName, ".")},
		{"\xe2\x98\x83", "xn--n3h.lab.example.org.", "xn--n3h.lab.example.org"},
		{"\xe2\x98", generatedName, strings.TrimSuffix(generatedName, ".")},
		{"", "", ""},
		{"\x00", "", ""},
	} {
		d := Decide(config(), here, Said{nil, c.in})
		if d.LeaseHostname() != c.name || d.ReplyHostName != c.reply {
			t.Errorf("host name %q: %q reply %q, want %q reply %q", c.in, d.LeaseHostname(), d.ReplyHostName, c.name, c.reply)
		}
		if c.name != "" && !(d.Forward && d.Reverse && d.Source == FromHostName) {
			t.Errorf("host name %q: %+v", c.in, d)
		}
	}
	off := config()
	off.EnableUpdates = false
	if d := Decide(off, here, Said{nil, "foo"}); d.Source != NoSource {
		t.Errorf("updates off: %+v", d)
	}
}

func TestGeneratedNames(t *testing.T) {
	cfg := config()
	cfg.ReplaceClientName = true
	for _, c := range []struct{ prefix, suffix, want string }{
		{"myhost", "example.com", "myhost-192-0-2-7.example.com."},
		{"another.host", "example.com", "another.host-192-0-2-7.example.com."},
		{"", "example.com", "192-0-2-7.example.com."},
		{"x", ".", "x-192-0-2-7."},
		{strings.Repeat("p", 60), "example.com", "192-0-2-7.example.com."},
		{"***", "example.com", "192-0-2-7.example.com."},
		{"x", strings.Repeat("abcdefg.", 31), ""},
	} {
		cfg.GeneratedPrefix, cfg.Suffix = c.prefix, wire.MustParseName(c.suffix)
		d := Decide(cfg, here, Said{&FQDN{S: true, Labels: []string{"pc"}}, ""})
		if got := d.LeaseHostname(); got != c.want {
			t.Errorf("prefix %q suffix %q: %q, want %q", c.prefix, c.suffix, got, c.want)
		}
		if c.want == "" && (d.Forward || d.Reverse || !d.N) {
			t.Errorf("no room for a name, but %+v", d)
		}
	}
	cfg.GeneratedPrefix, cfg.Suffix = "myhost", wire.MustParseName("example.com")
	if d := Decide(cfg, Client{Address: netip.MustParseAddr("2001:db8::1")}, Said{&FQDN{S: true}, ""}); d.LeaseHostname() != "myhost-2001-db8--1.example.com." {
		t.Errorf("IPv6: %s", d.LeaseHostname())
	}
}

func TestParseFQDNAndReply(t *testing.T) {
	f, err := ParseFQDN([]byte("\x05\x00\x00\x02pc\x03lab\x07example\x03org\x00"))
	if err != nil || !f.S || !f.E || !f.Full || len(f.Labels) != 4 {
		t.Fatalf("wire form: %+v %v", f, err)
	}
	if d := Decide(config(), here, Said{f, ""}); string(d.ReplyFQDN) != "\x05\xff\xff\x02pc\x03lab\x07example\x03org\x00" {
		t.Errorf("reply %q", d.ReplyFQDN)
	}
	f, err = ParseFQDN([]byte("\x00\x00\x00pc"))
	if err != nil || f.E || f.Full || len(f.Labels) != 1 {
		t.Fatalf("text form: %+v %v", f, err)
	}
	if d := Decide(config(), here, Said{f, ""}); string(d.ReplyFQDN) != "\x00\xff\xffpc.lab.example.org." {
		t.Errorf("reply %q", d.ReplyFQDN)
	}
	for name, bad := range map[string]string{
		"short": "\x01\x00", "N and S": "\x09\x00\x00pc", "compressed": "\x05\x00\x00\xc0\x00", "over the end": "\x05\x00\x00\x05pc",
		"goes on": "\x05\x00\x00\x02pc\x00\x00", "too long": "\x05\x00\x00" + strings.Repeat("\x01a", 130),
	} {
		if f, err := ParseFQDN([]byte(bad)); !errors.Is(err, ErrFQDN) {
			t.Errorf("%s: %+v, %v", name, f, err)
		}
	}
}

// FuzzDecide feeds both options with anything. Whatever comes in, a name that comes out is a host name below no
// forbidden place that DNS can carry, and nothing panics.
func FuzzDecide(f *testing.F) {
	f.Add([]byte("\x05\x00\x00\x02pc\x03lab\x00"), "pc")
	f.Add([]byte("\x00\x00\x00----"), "***") // empty after sanitising: the class of CVE-2025-11232
	f.Fuzz(func(t *testing.T, option []byte, hostName string) {
		fqdn, err := ParseFQDN(option)
		if err != nil {
			fqdn = nil
		}
		d := Decide(config(), here, Said{fqdn, hostName})
		if d.Name == "" {
			if d.Forward || d.Reverse {
				t.Fatalf("updates without a name: %+v", d)
			}
			return
		}
		again, err := wire.ParseName(d.LeaseHostname())
		if err != nil || again != d.Name || len(d.Name) > wire.MaxName {
			t.Fatalf("%q: %v", d.Name, err)
		}
		for n := d.Name; n != wire.Root; n = n.Parent() {
			if l := n.Label(); strings.Trim(l, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" || strings.Trim(l, "-") != l {
				t.Fatalf("label %q of %s is no host name", l, d.Name)
			}
		}
		if config().Suffix.IsBelow(d.Name) || d.Name.Label() == "wpad" {
			t.Fatalf("forbidden name %s", d.Name)
		}
	})
}
