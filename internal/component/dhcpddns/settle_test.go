package dhcpddns

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"bundy/internal/dhcp/lease"
	"bundy/internal/dns/client"
	"bundy/internal/dns/tsig"
	"bundy/internal/dns/wire"
	"bundy/internal/naming/ncr"
	"bundy/internal/naming/publish/servertest"
	"bundy/internal/naming/reconcile"
)

// hold lets the name server keep all updates without answer until the function it gives is called; queries are answered.
func (s *site) hold() (free func()) {
	var held atomic.Bool
	held.Store(true)
	s.dns.Behave(func(int) servertest.Behaviour { return servertest.Behaviour{Hold: held.Load()} })
	s.exchange = func(ctx context.Context, at netip.AddrPort, msg []byte, key *tsig.Key) ([]byte, error) {
		if held.Load() && wire.Opcode(msg[2]>>3&15) == wire.OpcodeUpdate {
			s.dns.Handle(msg)
			return nil, os.ErrDeadlineExceeded
		}
		return client.Exchange(ctx, at, msg, key)
	}
	return func() { held.Store(false) }
}

// TestUpdateThatComesTooLate: a name server carries additions out after their lease has ended and their removal was
// answered. Kea leaves an orphan then.
func TestUpdateThatComesTooLate(t *testing.T) {
	s := newSite(t)
	free := s.hold()
	s.marks = true
	s.row(leaseOf("192.0.2.1", "a", "alpha.lab.example."))
	s.start()
	for s.c.counters.families[0].failures.Load() == 0 {
		s.dns.Updates()
	}
	free()
	s.row(tombstone("192.0.2.1"))
	for s.c.counters.families[0].removed.Load() == 0 {
		s.dns.Updates()
	}
	if n := s.dns.Release(true); n == 0 {
		t.Fatal("nothing was held back")
	}
	if len(s.published()) == 0 {
		t.Fatal("the late update did nothing")
	}
	s.later.Store(int64(reconcile.SettleTime + time.Second))
	s.call("reconcile")
	s.eventually()
	for s.c.counters.pending.Load()+s.c.counters.owned.Load() != 0 {
		s.dns.Updates()
	}
}

// TestRemovalThatComesTooLate is the other way round: the removal of a name is carried out when its client has come back.
func TestRemovalThatComesTooLate(t *testing.T) {
	s := newSite(t)
	s.row(leaseOf("192.0.2.1", "a", "alpha.lab.example."))
	s.start()
	want := both("alpha.lab.example.", "192.0.2.1")
	s.eventually(want...)
	s.stop()
	free := s.hold()
	s.row(tombstone("192.0.2.1"))
	s.start()
	for s.c.counters.families[0].failures.Load() == 0 {
		s.dns.Updates()
	}
	free()
	s.row(leaseOf("192.0.2.1", "a", "alpha.lab.example."))
	for s.c.counters.pending.Load() != 0 || s.c.counters.families[0].added.Load() == 0 {
		s.dns.Updates()
	}
	if s.dns.Release(false) == 0 || len(s.published()) == len(want) {
		t.Fatal("the late removal did nothing")
	}
	s.later.Store(int64(reconcile.SettleTime + time.Second))
	s.row(leaseOf("192.0.2.9", "z", "")) // something to wake up for
	s.eventually(want...)
}

func (s *site) call(command string) {
	s.t.Helper()
	if _, err := s.c.Call(context.Background(), command, nil); err != nil {
		s.t.Fatal(err)
	}
}

// TestRequestsOutliveAKill: what was received and not yet written into the state is found in the journal.
func TestRequestsOutliveAKill(t *testing.T) {
	s := newSite(t)
	j, _, err := ncr.OpenJournal(filepath.Join(s.dir, journalFile))
	if err != nil {
		t.Fatal(err)
	}
	add := request4(ncr.Add, "192.0.2.200", "one.lab.example.")
	gone := request4(ncr.Add, "192.0.2.201", "gone.lab.example.")
	remove := gone
	remove.Change = ncr.Remove
	for _, r := range []ncr.Request{add, gone, remove} {
		if err := j.Append(r.Append(nil, ncr.Kea)); err != nil {
			t.Fatal(err)
		}
	}
	j.Close()
	s.start()
	s.eventually(both("one.lab.example.", "192.0.2.200")...)
	s.stop()
	if info, err := os.Stat(filepath.Join(s.dir, journalFile)); err != nil || info.Size() != 0 {
		t.Errorf("the journal is not empty: %v %v", info.Size(), err)
	}
}

// TestModesOfRequests: what a foreign server says about conflicts counts for its names.
func TestModesOfRequests(t *testing.T) {
	s := newSite(t)
	s.start()
	byHand := wire.MustParseName("hand.lab.example.")
	s.dns.Add(t, wire.RR{Name: byHand, Type: wire.TypeA, Class: wire.ClassIN, TTL: 60, Data: []byte{203, 0, 113, 1}})
	hand := forward("hand.lab.example.", "203.0.113.1")
	s.send(request4(ncr.Add, "192.0.2.200", "hand.lab.example."))
	for s.c.counters.families[0].conflicts.Load() == 0 {
		s.dns.Updates()
	}
	s.send(request4(ncr.Remove, "192.0.2.200", "hand.lab.example.")) // or it takes the name when that is marked as its client's
	s.eventually(hand)
	for mode, marks := range map[ncr.Mode]int{ncr.NoCheckWithDHCID: 2, ncr.NoCheckWithoutDHCID: 0} {
		address := fmt.Sprintf("192.0.2.%d", 201+mode)
		r := request4(ncr.Add, address, "hand.lab.example.")
		r.Mode = mode
		s.send(r)
		s.eventually(append(both("hand.lab.example.", address), hand)...)
		s.marks = true
		if got := len(s.published()) - 3; got != marks {
			t.Errorf("%s: %d marks, want %d: %q", mode, got, marks, s.published())
		}
		s.marks = false
		r.Change = ncr.Remove
		s.send(r)
		s.eventually(hand)
		s.dns.Delete(t, wire.RR{Name: byHand, Type: wire.TypeDHCID, Class: wire.ClassIN, Data: r.DHCID})
	}
}

// TestDeadServerDoesNotHoldUpANewName: the old name of an address lies at a server that is down and was not yet asked, as
// its gate is shut; the new one goes elsewhere.
func TestDeadServerDoesNotHoldUpANewName(t *testing.T) {
	s := newSite(t)
	dead := netip.MustParseAddr("192.0.2.53")
	var down atomic.Bool
	s.exchange = func(ctx context.Context, at netip.AddrPort, msg []byte, key *tsig.Key) ([]byte, error) {
		if at.Addr() == dead {
			if down.Load() {
				return nil, os.ErrDeadlineExceeded
			}
			at = s.dns.Address()
		}
		return client.Exchange(ctx, at, msg, key)
	}
	list := s.doc[name]["forward_ddns"].(map[string]any)["ddns_domains"].([]any)
	other := map[string]any{"name": "old.lab.example", "dns_servers": []any{map[string]any{"ip_address": dead.String()}}}
	s.dns.AddZone(t, "old.lab.example.")
	s.doc[name]["forward_ddns"].(map[string]any)["ddns_domains"] = append(list, other)
	var rows []lease.Lease
	for i, a := range []string{"192.0.2.1", "192.0.2.2", "192.0.2.3"} {
		rows = append(rows, leaseOf(a, string(rune('a'+i)), string(rune('a'+i))+".old.lab.example."))
		s.row(rows[i])
	}
	s.start()
	for s.c.counters.families[0].added.Load() < 6 {
		s.dns.Updates()
	}
	down.Store(true)
	var want []string
	for _, l := range rows {
		l.Hostname = l.Hostname[:1] + ".lab.example."
		s.row(l)
		want = append(want, both(l.Hostname, l.Address.String())...)
	}
	s.eventually(want...)
}

// TestReplaceOwned: the client that asked last has the name, a renewal of the other changes nothing, and when the lease of
// the last ends the other has it again; what an operator made stays his.
func TestReplaceOwned(t *testing.T) {
	s := newSite(t)
	s.doc[name]["dynamic_dns"] = map[string]any{"conflict_policy": "replace-owned"}
	hand := wire.RR{Name: wire.MustParseName("hand.lab.example."), Type: wire.TypeA, Class: wire.ClassIN, TTL: 60, Data: []byte{203, 0, 113, 1}}
	s.dns.Add(t, hand)
	static := forward("hand.lab.example.", "203.0.113.1")
	first, second := leaseOf("192.0.2.1", "a", "pc.lab.example."), leaseOf("192.0.2.2", "b", "pc.lab.example.")
	s.row(first)
	s.start()
	s.eventually(append(both("pc.lab.example.", "192.0.2.1"), static)...)
	s.row(second)
	s.eventually(append(both("pc.lab.example.", "192.0.2.2"), static)...)
	first.Start = first.Start.Add(time.Second)
	s.row(first) // renewed
	s.row(leaseOf("192.0.2.3", "c", "hand.lab.example."))
	for s.c.counters.families[0].conflicts.Load() == 0 {
		s.dns.Updates()
	}
	s.eventually(append(both("pc.lab.example.", "192.0.2.2"), static)...)
	s.stop()
	s.start()
	s.row(leaseOf("192.0.2.4", "d", "other.lab.example."))
	s.eventually(append(append(both("pc.lab.example.", "192.0.2.2"), both("other.lab.example.", "192.0.2.4")...), static)...)
	s.row(tombstone("192.0.2.2"))
	s.eventually(append(append(both("pc.lab.example.", "192.0.2.1"), both("other.lab.example.", "192.0.2.4")...), static)...)
}

// TestRequestForANameElsewhereEndsTheOneBefore: an address that another server gives to a client with a name outside our
// domains does not keep the name that it had.
func TestRequestForANameElsewhereEndsTheOneBefore(t *testing.T) {
	s := newSite(t)
	s.start()
	s.marks = true
	s.send(request4(ncr.Add, "198.51.100.1", "one.lab.example."))
	for len(s.published()) != 2 {
		s.dns.Updates()
	}
	s.send(request4(ncr.Add, "198.51.100.1", "one.elsewhere.example."))
	s.eventually()
}

// TestRemovedSubnetHoldsNoName: by the policy replace-owned, a lease whose subnet was removed leaves its name to another.
func TestRemovedSubnetHoldsNoName(t *testing.T) {
	s := newSite(t)
	s.doc[name]["dynamic_dns"] = map[string]any{"conflict_policy": "replace-owned"}
	subnets := []any{map[string]any{"subnet": "192.0.2.0/25"}, map[string]any{"subnet": "192.0.2.128/25"}}
	s.doc[dhcp4Name]["subnet4"] = subnets
	s.row(leaseOf("192.0.2.1", "a", "pc.lab.example."))
	s.start()
	s.eventually(both("pc.lab.example.", "192.0.2.1")...)
	s.row(leaseOf("192.0.2.130", "b", "pc.lab.example."))
	s.eventually(both("pc.lab.example.", "192.0.2.130")...)
	s.doc[dhcp4Name]["subnet4"] = subnets[:1]
	s.apply()
	s.eventually(both("pc.lab.example.", "192.0.2.1")...)
	s.row(leaseOf("192.0.2.131", "c", "pc.lab.example."))
	s.call("reconcile")
	s.eventually(both("pc.lab.example.", "192.0.2.1")...)
	s.stop()
	s.start()
	s.row(leaseOf("192.0.2.2", "d", "other.lab.example."))
	s.eventually(append(both("other.lab.example.", "192.0.2.2"), both("pc.lab.example.", "192.0.2.1")...)...)
}

// TestMarkerGoesWithTheLastAddress: of two addresses of one client the first came when markers were configured and went
// first, and the second came without.
func TestMarkerGoesWithTheLastAddress(t *testing.T) {
	s := newSite(t)
	s.doc[name]["dynamic_dns"] = map[string]any{"marker": true}
	s.marks = true
	s.row(leaseOf("192.0.2.1", "a", "pc.lab.example."))
	s.start()
	for len(s.published()) != 6 { // with a DHCID and a TXT record for each direction
		s.dns.Updates()
	}
	s.doc[name]["dynamic_dns"] = map[string]any{"marker": false}
	s.apply()
	s.row(leaseOf("192.0.2.2", "a", "pc.lab.example."))
	for len(s.published()) != 9 {
		s.dns.Updates()
	}
	s.row(tombstone("192.0.2.1"))
	for len(s.published()) != 5 {
		s.dns.Updates()
	}
	s.row(tombstone("192.0.2.2"))
	s.eventually()
}
