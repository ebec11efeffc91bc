package dhcpddns

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"bundy/internal/dns/wire"
	"bundy/internal/naming/dhcid"
	"bundy/internal/naming/owned"
	"bundy/internal/naming/publish"
	"bundy/internal/naming/publish/servertest"
	"bundy/internal/suite/module"
	"bundy/internal/suite/paths"
	"bundy/internal/suite/schema"
)

// crashDir is the environment variable by which the child process of TestKill learns its state directory.
const crashDir = "DHCPDDNS_CRASH_DIR"

// TestKill kills the component again and again while leases come, change and go. Whatever the moment: in the end DNS
// says what the leases say, no name is left behind, and what an operator put there is untouched.
func TestKill(t *testing.T) {
	if dir := os.Getenv(crashDir); dir != "" {
		child(t, dir)
		return
	}
	s := newSite(t)
	text, err := json.Marshal(s.doc)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.dir, "doc.json"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	static := []wire.RR{
		{Name: wire.MustParseName("h3.lab.example."), Type: wire.TypeTXT, Class: wire.ClassIN, TTL: 60, Data: []byte("\x04mine")},
		{Name: wire.MustParseName("9.2.0.192.in-addr.arpa."), Type: wire.TypePTR, Class: wire.ClassIN, TTL: 60, Data: []byte("\x04mine\x00")},
	}
	s.dns.Add(t, static...)
	random := rand.New(rand.NewPCG(1, 2))
	address := func() string { return fmt.Sprintf("192.0.2.%d", 1+random.IntN(10)) }
	for range 8 {
		kill := s.startChild()
		updates := s.dns.Updates() + random.IntN(60)
		for range 20 {
			if random.IntN(3) == 0 {
				s.row(tombstone(address()))
				continue
			}
			client := string(rune('a' + random.IntN(5)))
			s.row(leaseOf(address(), client, fmt.Sprintf("h%d.lab.example.", random.IntN(6))))
		}
		for end := time.After(200 * time.Millisecond); s.dns.Updates() < updates; {
			select {
			case <-end: // there is less to do than that
				updates = 0
			default:
			}
		}
		kill()
	}
	for host := 1; host <= 10; host++ {
		s.row(tombstone(fmt.Sprintf("192.0.2.%d", host)))
	}
	last := leaseOf("192.0.2.20", "z", "last.lab.example.")
	s.row(last)
	defer s.startChild()()
	want := both(last.Hostname, "192.0.2.20")
	for _, k := range []owned.Kind{owned.Forward, owned.Reverse} {
		owner := publish.Owner(owned.Key{Kind: k, Address: last.Address, Name: wire.MustParseName(last.Hostname)}, "")
		mark := dhcid.Of(last).RDATA(wire.MustParseName(last.Hostname))
		want = append(want, servertest.Text(wire.RR{Name: owner, Type: wire.TypeDHCID, Data: mark}))
	}
	for _, rr := range static {
		want = append(want, servertest.Text(rr))
	}
	s.marks = true
	s.eventually(want...)
}

// startChild runs the component in a process of its own, and returns what kills it.
func (s *site) startChild() (kill func()) {
	s.t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestKill$")
	cmd.Env = append(os.Environ(), crashDir+"="+s.dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		s.t.Fatalf("child says %q: %v", line, err)
	}
	return func() {
		if err := cmd.Process.Kill(); err != nil {
			s.t.Error(err)
		}
		cmd.Wait() // killed: its status says nothing
	}
}

func child(t *testing.T, dir string) {
	text, err := os.ReadFile(filepath.Join(dir, "doc.json"))
	if err != nil {
		t.Fatal(err)
	}
	doc := schema.Document(parse(t, string(text)))
	c, err := Descriptor(paths.Below(dir)).New(doc, module.Deps{
		Bus: &eventBus{}, Sockets: plainSockets{make(chan netip.AddrPort, 1)}, Paths: paths.Below(dir),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Run(context.Background(), func() { os.Stdout.WriteString("ready\n") }); err != nil {
		t.Fatal(err)
	}
}
