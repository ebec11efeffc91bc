package dhcp6

import (
	"testing"

	"bundy/internal/dhcp/packet6"
	"bundy/internal/dhcp/redundancy"
)

// TestBackupIsSilent: another node serves the group's clients; those of no group are this one's.
func TestBackupIsSilent(t *testing.T) {
	groups, errs := redundancy.New(redundancy.Config{Groups: []redundancy.GroupConfig{
		{Name: "lan", Subnets: []string{"2001:db8:1::/64"}}, {Name: "lab", Interfaces: []string{"eth7"}}}})
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	b := newBench(t, basicConfig)
	var duties *redundancy.Duties
	b.duties = func() *redundancy.Duties { return duties }
	ask := func() *outgoing { return b.exchange(packet6.Solicit, "na=7") }
	duties = redundancy.NewDuties(groups, map[string]redundancy.Role{"lab": redundancy.Master})
	if got := ask(); got != nil {
		t.Errorf("a backup answers %v", got)
	}
	if got := b.exchange(packet6.Release, "server=", "na=7 2001:db8:1::10"); got != nil {
		t.Errorf("a backup answers %v", got)
	}
	duties = redundancy.NewDuties(groups, map[string]redundancy.Role{"lan": redundancy.Master})
	if got := ask(); got == nil {
		t.Error("the master is silent")
	}
	duties = redundancy.NewDuties(nil, nil)
	if got := ask(); got == nil {
		t.Error("without groups nobody is served")
	}
}
