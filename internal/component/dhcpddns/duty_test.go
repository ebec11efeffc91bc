package dhcpddns

import (
	"context"
	"net/netip"
	"slices"
	"testing"
	"time"

	"bundy/internal/dhcp/redundancy"
)

// pair makes two nodes of the group lan, which follow the same leases and publish to the same name server.
func pair(t *testing.T) (first, second *site) {
	first, second = newSite(t), newSite(t)
	first.doc[redundancy.Module] = map[string]any{"groups": []any{map[string]any{"name": "lan", "subnets": []any{"192.0.2.0/25"}}}}
	second.dns, second.doc = first.dns, first.doc
	return first, second
}

// TestBackupTakesOver: a backup sends nothing; when it becomes master it removes what the other node left of leases that
// have ended meanwhile, adds what is missing, and touches nothing else.
func TestBackupTakesOver(t *testing.T) {
	first, second := pair(t)
	leases := func(rows func(s *site)) { rows(first); rows(second) }
	leases(func(s *site) {
		s.row(leaseOf("192.0.2.1", "a", "alpha.lab.example."))
		s.row(leaseOf("192.0.2.2", "b", "beta.lab.example."))
	})
	first.start()
	second.start()
	second.bus.become(redundancy.Backup)
	first.bus.become(redundancy.Master)
	alpha, beta := both("alpha.lab.example.", "192.0.2.1"), both("beta.lab.example.", "192.0.2.2")
	first.eventually(append(slices.Clone(alpha), beta...)...)
	first.stop() // it dies, and leaves everything

	second.row(tombstone("192.0.2.1"))
	second.row(leaseOf("192.0.2.3", "c", "gamma.lab.example."))
	second.settle("192.0.2.1", false)
	second.settle("192.0.2.3", true)
	if got := second.published(); len(got) != 4 {
		t.Errorf("a backup changed DNS: %q", got)
	}
	second.bus.become(redundancy.Master)
	gamma := both("gamma.lab.example.", "192.0.2.3")
	second.eventually(append(slices.Clone(beta), gamma...)...)

	// A backup again, it leaves what it made.
	second.bus.become(redundancy.Backup)
	second.row(tombstone("192.0.2.2"))
	second.row(tombstone("192.0.2.3"))
	second.settle("192.0.2.2", false)
	second.settle("192.0.2.3", false)
	if got := second.published(); len(got) != 4 {
		t.Errorf("a backup changed DNS: %q", got)
	}
	second.bus.become(redundancy.Master)
	second.eventually()
}

// settle waits until the component has written down that an address has a lease, or has none any more.
func (s *site) settle(address string, leased bool) {
	s.t.Helper()
	s.ask(func(e *engine) bool {
		a := netip.MustParseAddr(address)
		if _, ok := e.leaseOf(a); ok != leased || e.dirty.len() > 0 {
			return false
		}
		records := e.store.At(a)
		return len(records) == 2 && records[0].State.Leaving() != leased && records[1].State.Leaving() != leased
	})
}

// TestBackupForgets: what a backup would have removed long ago does not pile up.
func TestBackupForgets(t *testing.T) {
	_, s := pair(t)
	s.row(leaseOf("192.0.2.1", "a", "alpha.lab.example."))
	s.start()
	s.settle("192.0.2.1", true)
	s.row(tombstone("192.0.2.1"))
	s.settle("192.0.2.1", false)
	s.ask(func(e *engine) bool {
		e.forgetOthers(e.c.now().Add(2 * othersKept))
		for range e.store.All() {
			return false
		}
		return true
	})
	if got := s.published(); len(got) != 0 {
		t.Errorf("a backup changed DNS: %q", got)
	}
}

// ask waits until ok holds in the engine's goroutine.
func (s *site) ask(ok func(e *engine) bool) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	ticker := time.NewTicker(2 * time.Millisecond)
	defer ticker.Stop()
	for {
		answer := make(chan bool, 1)
		select {
		case s.c.asks <- func(e *engine) { answer <- ok(e) }:
		case <-ctx.Done():
			s.t.Fatal("the engine does not come to what is waited for")
		}
		if <-answer {
			return
		}
		<-ticker.C
	}
}

// TestInterfaceOf: the interface of an address is the one that its subnet names, the smallest of several, else the one
// of this machine in its network, known from the start on.
func TestInterfaceOf(t *testing.T) {
	s := newSite(t)
	s.doc[redundancy.Module] = map[string]any{"groups": []any{map[string]any{"name": "lan", "interfaces": []any{"lo", "eth1"}}}}
	s.doc[dhcp4Name]["subnet4"] = []any{map[string]any{"subnet": "192.0.2.0/24", "interface": "eth0"}, map[string]any{"subnet": "192.0.2.0/25", "interface": "eth1"}}
	s.start()
	for address, want := range map[string]string{"192.0.2.1": "eth1", "192.0.2.200": "eth0", "127.0.0.9": "lo", "198.51.100.1": ""} {
		s.ask(func(e *engine) bool { return e.interfaceOf(netip.MustParseAddr(address)) == want })
		duty := want == "eth0" || want == "" // nobody has said that this node is master
		s.ask(func(e *engine) bool { return e.onDuty(netip.MustParseAddr(address)) == duty })
	}
}
