package publish_test

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"bundy/internal/dns/client"
	"bundy/internal/dns/tsig"
	"bundy/internal/dns/wire"
	"bundy/internal/naming/owned"
	"bundy/internal/naming/publish"
	"bundy/internal/naming/reconcile"
)

const namedConf = `
options { directory "%[1]s"; listen-on port %[2]d { 127.0.0.1; }; listen-on-v6 { none; }; pid-file "%[1]s/pid";
	session-keyfile "%[1]s/session.key"; recursion no; dnssec-validation no; notify no; };
controls { };
key dhcp.key { algorithm hmac-sha256; secret "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"; };
zone "lab.example" { type primary; file "lab"; allow-update { key dhcp.key; }; allow-transfer { key dhcp.key; }; };
zone "2.0.192.in-addr.arpa" { type primary; file "rev"; allow-update { key dhcp.key; }; };
`

const namedZone = "@ 60 IN SOA ns.elsewhere.net. root.elsewhere.net. 1 3600 900 86400 60\n@ 60 IN NS ns.elsewhere.net.\n"

// startNamed runs BIND on loopback with two zones, or skips the test.
func startNamed(t *testing.T) netip.AddrPort {
	t.Helper()
	named, err := exec.LookPath("named")
	if err != nil {
		if named = "/usr/sbin/named"; exec.Command(named, "-v").Run() != nil {
			t.Skip("named (package bind9) is not installed")
		}
	}
	probe, err := net.ListenPacket("udp", "127.0.0.1:0") // named cannot choose a port itself
	if err != nil {
		t.Fatal(err)
	}
	address := probe.LocalAddr().(*net.UDPAddr).AddrPort()
	probe.Close()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"named.conf": fmt.Sprintf(namedConf, dir, address.Port()), "lab": namedZone + "static 60 IN A 203.0.113.1\nalias 60 IN CNAME static\n*.w 60 IN TXT wild\n" + bulk(),
		"rev": namedZone + "77 60 IN PTR static.lab.example.\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(named, "-g", "-n", "1", "-c", filepath.Join(dir, "named.conf"))
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Skipf("named does not start: %v", err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait() // killed: its status says nothing
		log.Close()
		if t.Failed() {
			text, _ := os.ReadFile(log.Name())
			t.Logf("log of named:\n%s", text)
		}
	})
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if _, err := ask(ctx, address, wire.MustParseName("lab.example."), wire.TypeSOA); err == nil {
			return address
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal("named does not answer")
		}
	}
}

// ask gives the data of the answers that name and type fit.
func ask(ctx context.Context, server netip.AddrPort, name wire.Name, typ wire.Type) ([]string, error) {
	query := wire.Message{Question: []wire.Question{{Name: name, Type: typ, Class: wire.ClassIN}}}
	msg, err := query.Pack()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	reply, err := client.Exchange(ctx, server, msg, nil)
	if err != nil {
		return nil, err
	}
	m, err := wire.ParseMessage(reply)
	if err != nil {
		return nil, err
	}
	out := []string{}
	for _, rr := range m.Answer {
		if rr.Type == typ && rr.Name.Equal(name) {
			out = append(out, string(rr.Data))
		}
	}
	return out, nil
}

// TestWithForeignServers checks that other implementations understand the same by our updates: the life of a name, and
// that names of others are left alone.
func TestWithForeignServers(t *testing.T) {
	for name, start := range map[string]func(*testing.T) netip.AddrPort{"named": startNamed, "knotd": startKnot, "pdns": startPowerDNS} {
		t.Run(name, func(t *testing.T) { withForeign(t, start(t), name) })
	}
}

func withForeign(t *testing.T, address netip.AddrPort, server string) {
	key, err := tsig.ParseKey("dhcp.key:c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0:hmac-sha256")
	if err != nil {
		t.Fatal(err)
	}
	p := &publish.Publisher{}
	do := func(r owned.Record, want reconcile.Outcome) {
		t.Helper()
		d := publish.Domain{Zone: r.Zone, Key: &key, Servers: []publish.Server{{Address: address.Addr(), Port: address.Port()}}}
		if result := p.Do(context.Background(), d, r)[0]; result.Outcome != want {
			t.Errorf("%s %s %s: %+v, want outcome %d", r.State, r.Kind, r.Name, result, want)
		}
	}
	has := func(name string, typ wire.Type, want ...string) {
		t.Helper()
		got, err := ask(context.Background(), address, wire.MustParseName(name), typ)
		if err != nil || len(got) != len(want) {
			t.Errorf("%s %s: %q %v, want %q", name, typ, got, err, want)
			return
		}
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("%s %s: %q, want %q", name, typ, got, want)
			}
		}
	}
	for range 2 {
		do(record(owned.Forward, pc, first, ours, owned.Adding), reconcile.Done)
		do(record(owned.Reverse, pc, first, ours, owned.Adding), reconcile.Done)
	}
	has("pc.lab.example.", wire.TypeA, string(first.AsSlice()))
	has("pc.lab.example.", wire.TypeDHCID, string(ours.RDATA(pc)))
	has("10.2.0.192.in-addr.arpa.", wire.TypePTR, string(pc))
	do(record(owned.Forward, pc, second, others, owned.Adding), reconcile.Taken)
	do(record(owned.Forward, pc, first, others, owned.Removing), reconcile.Done) // not theirs: nothing happens
	has("pc.lab.example.", wire.TypeA, string(first.AsSlice()))

	for _, c := range []string{"static.lab.example.", "alias.lab.example.", "lab.example."} {
		do(record(owned.Forward, wire.MustParseName(c), first, ours, owned.Adding), reconcile.Taken)
		do(record(owned.Forward, wire.MustParseName(c), first, ours, owned.Removing), reconcile.Done)
	}
	has("static.lab.example.", wire.TypeA, "\xcb\x00\x71\x01")
	has("alias.lab.example.", wire.TypeCNAME, string(wire.MustParseName("static.lab.example.")))
	do(record(owned.Reverse, pc, netip.MustParseAddr("192.0.2.77"), ours, owned.Adding), reconcile.Taken)
	do(record(owned.Reverse, pc, netip.MustParseAddr("192.0.2.77"), ours, owned.Removing), reconcile.Done)
	has("77.2.0.192.in-addr.arpa.", wire.TypePTR, string(wire.MustParseName("static.lab.example.")))
	wild := wire.MustParseName("x.w.lab.example.")
	do(record(owned.Forward, wild, first, ours, owned.Adding), reconcile.Done)
	do(record(owned.Forward, wild, first, ours, owned.Removing), reconcile.Done)
	has("y.w.lab.example.", wire.TypeTXT, "\x04wild")

	// Several records in one message, of which one cannot be added.
	d := publish.Domain{Zone: wire.MustParseName(forwardZone), Key: &key, Servers: []publish.Server{{Address: address.Addr(), Port: address.Port()}}}
	var many []owned.Record
	for i := range 40 {
		many = append(many, record(owned.Forward, wire.MustParseName(fmt.Sprintf("h%d.lab.example.", i)), netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}), ours, owned.Adding))
	}
	many[7].Key.Name = wire.MustParseName("static.lab.example.")
	for range 2 {
		for i, result := range p.Do(context.Background(), d, many...) {
			if (result.Outcome == reconcile.Done) != (i != 7) {
				t.Errorf("%s: record %d of many: %+v", server, i, result)
			}
		}
	}
	has("h39.lab.example.", wire.TypeA, "\xc0\x00\x02\x27")
	readForeign(t, address, server, key, len(many))
	for i := range many {
		many[i].State = owned.Removing
	}
	for i, result := range p.Do(context.Background(), d, many...) {
		if result.Outcome != reconcile.Done {
			t.Errorf("%s: removal %d of many: %+v", server, i, result)
		}
	}
	has("h39.lab.example.", wire.TypeA)
	has("static.lab.example.", wire.TypeA, "\xcb\x00\x71\x01")

	for range 2 {
		do(record(owned.Forward, pc, first, ours, owned.Removing), reconcile.Done)
		do(record(owned.Reverse, pc, first, ours, owned.Removing), reconcile.Done)
	}
	has("pc.lab.example.", wire.TypeA)
	has("pc.lab.example.", wire.TypeDHCID)
	has("10.2.0.192.in-addr.arpa.", wire.TypePTR)
}
