package leasecmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"bundy/internal/dhcp/lease"
	"bundy/internal/dhcp/memfile"
	"bundy/internal/dhcp/subnet"
)

// server is a DHCP server without clients.
type server struct {
	*Desk
	store lease.Store
}

// serve does the tasks until the test ends.
func (s server) serve(stop chan struct{}) {
	for {
		select {
		case <-stop:
			return
		case task := <-s.Tasks():
			task.Do(func(l lease.Lease, done func(error)) {
				if l.ValidLifetime == 0 {
					s.store.Delete(l.Address, done)
				} else {
					s.store.Put(l, done)
				}
			})
		}
	}
}

func newServer(t *testing.T, f lease.Family) server {
	t.Helper()
	store, err := memfile.Open("", memfile.Options{Volatile: true, Family: f})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	pool := func(text string, length uint8, delegates bool) *subnet.Pool {
		r, err := subnet.ParseRange(text)
		if err != nil {
			t.Fatal(err)
		}
		return &subnet.Pool{Range: r, Length: length, Delegates: delegates}
	}
	hosts, _ := subnet.NewHosts(nil)
	one := &subnet.Subnet{ID: 1, Prefix: netip.MustParsePrefix("192.0.2.0/24"), Hosts: hosts, Pools: []*subnet.Pool{pool("192.0.2.10 - 192.0.2.19", 32, false)}}
	two := &subnet.Subnet{ID: 2, Prefix: netip.MustParsePrefix("198.51.100.0/24"), Hosts: hosts}
	if f == lease.Family6 {
		one.Prefix, two.Prefix = netip.MustParsePrefix("2001:db8::/64"), netip.MustParsePrefix("2001:db8:1::/64")
		one.Pools = []*subnet.Pool{pool("2001:db8:: - 2001:db8::ffff:ffff:ffff:ffff", 128, false), pool("2001:db8:ff00:: - 2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", 56, true)}
	}
	one.Timers.Valid, two.Timers.Valid = subnet.Fixed(3600), subnet.Fixed(7200)
	one.Timers.Preferred = subnet.Fixed(1800)
	stop := make(chan struct{})
	s := server{NewDesk(f, stop), store}
	if _, err := s.Run(t.Context(), cmdStats, nil); !errors.Is(err, ErrStopped) {
		t.Errorf("before the server runs: %v", err)
	}
	s.Use(store, subnet.NewList([]*subnet.Subnet{one, two}, hosts))
	s.Refuse(1)
	var running sync.WaitGroup
	running.Go(func() { s.serve(stop) })
	t.Cleanup(func() {
		close(stop)
		running.Wait()
		if err := s.Change(context.Background(), nil); !errors.Is(err, ErrStopped) {
			t.Errorf("after the server ended: %v", err)
		}
	})
	return s
}

// run runs a command with arguments in JSON and gives the result in JSON, without the times.
func (s server) run(t *testing.T, command, args string) string {
	t.Helper()
	var given map[string]json.RawMessage
	if err := json.Unmarshal([]byte(args), &given); err != nil {
		t.Fatal(err)
	}
	if command == cmdList && given["limit"] == nil {
		given["limit"] = json.RawMessage("100")
	}
	result, err := s.Run(t.Context(), command, given)
	if err != nil {
		return err.Error()
	}
	text, err := json.Marshal(result)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestCommands4(t *testing.T) {
	s := newServer(t, lease.Family4)
	for _, c := range []struct{ command, args, want string }{
		{"lease", `{"address":"192.0.2.10"}`, "lease: there is no lease of 192.0.2.10"},
		{"lease_add", `{"address":"192.0.2.10","hw_address":"02:00:00:00:00:01","hostname":"One.Lab.Example","fqdn_fwd":true}`, `"subnet_id":1,"hw_address":"02:00:00:00:00:01","valid_lifetime":3600`},
		{"lease", `{"address":"192.0.2.10"}`, `"hostname":"one.lab.example.","fqdn_fwd":true,"fqdn_rev":false,"state":"active"`},
		{"lease_add", `{"address":"192.0.2.10","hw_address":"02:00:00:00:00:02"}`, "lease_add: the address has an active lease: 192.0.2.10"},
		{"lease_add", `{"address":"192.0.2.11"}`, "a hw_address or a client_id must tell"},
		{"lease_add", `{"address":"203.0.113.1","hw_address":"02"}`, "203.0.113.1 belongs to no subnet"},
		{"lease_add", `{"address":"192.0.2.12","subnet_id":2,"hw_address":"02"}`, "does not belong to subnet 2, 198.51.100.0/24"},
		{"lease_add", `{"address":"192.0.2.12","subnet_id":9,"hw_address":"02"}`, "subnet 9 is not configured"},
		{"lease_add", `{"address":"2001:db8::1","hw_address":"02"}`, "is no address of DHCPv4"},
		{"lease_add", `{"address":"192.0.2.12","hw_address":"0g"}`, `hw_address: "0g" is not`},
		{"lease_add", `{"address":"192.0.2.12","hw_address":"02","fqdn_rev":true}`, "need a hostname"},
		{"lease_add", `{"address":"192.0.2.12","hw_address":"02","user_context":"{"}`, "is not JSON"},
		{"lease_add", `{"address":"198.51.100.7","client_id":"01:02","valid_lifetime":4294967295}`, `"expire":"never"`},
		{"leases", `{}`, `{"leases":[{"address":"192.0.2.10"`},
		{"leases", `{"limit":1}`, `"more":true`},
		{"leases", `{"after":"192.0.2.10"}`, `{"leases":[{"address":"198.51.100.7"`},
		{"leases", `{"subnet":"198.51.100.0/24"}`, `{"leases":[{"address":"198.51.100.7"`},
		{"leases", `{"subnet":"198.51.101.0/24"}`, "is not configured"},
		{"leases", `{"hostname":"ONE.lab.example"}`, `{"leases":[{"address":"192.0.2.10"`},
		{"leases", `{"client_id":"0102"}`, `{"leases":[{"address":"198.51.100.7"`},
		{"leases", `{"state":"declined"}`, `{"leases":[],"more":false}`},
		{"leases", `{"state":"gone"}`, `"gone" is none of`},
		{"lease_update", `{"address":"192.0.2.10","hostname":"two.lab.example"}`, `"hw_address":"02:00:00:00:00:01","valid_lifetime":3600`},
		{"leases", `{"hostname":"two.lab.example."}`, `"fqdn_fwd":true`},
		{"lease_update", `{"address":"192.0.2.11","hostname":"x"}`, "there is no lease of 192.0.2.11"},
		{"lease_stats", `{}`, `[{"subnet_id":1,"subnet":"192.0.2.0/24","total_addresses":10,"assigned_addresses":1,"declined_addresses":0,"reclaimed_leases":0,"allocation_failures":1},{"subnet_id":2,"subnet":"198.51.100.0/24","total_addresses":0,"assigned_addresses":1`},
		{"lease_stats", `{"subnet_id":2}`, `{"subnet_id":2`},
		{"lease_stats", `{"subnet_id":3}`, "subnet 3 is not configured"},
		{"lease_wipe", `{}`, "either a subnet or all=true"},
		{"lease_wipe", `{"subnet_id":2,"all":true}`, "either a subnet or all=true"},
		{"lease_wipe", `{"subnet_id":2}`, `{"deleted":1}`},
		{"leases", `{}`, `"more":false`},
		{"lease_del", `{"address":"192.0.2.10"}`, `"address":"192.0.2.10"`},
		{"lease_del", `{"address":"192.0.2.10"}`, "there is no lease of 192.0.2.10"},
		{"leases", `{}`, `{"leases":[],"more":false}`},
		{"shutdown", `{}`, `"shutdown": no command about leases`},
	} {
		if got := s.run(t, c.command, c.args); !strings.Contains(got, c.want) {
			t.Errorf("%s %s:\n got %s\nwant %s", c.command, c.args, got, c.want)
		}
	}
}

func TestCommands6(t *testing.T) {
	s := newServer(t, lease.Family6)
	for _, c := range []struct{ command, args, want string }{
		{"lease_add", `{"address":"2001:db8::1","duid":"00:03:00:01:02","iaid":7}`, `{"address":"2001:db8::1","type":"IA_NA","subnet_id":1,"duid":"00:03:00:01:02","iaid":7,"valid_lifetime":3600,"preferred_lifetime":1800`},
		{"lease_add", `{"address":"2001:db8:ff00:100::","duid":"00:03:00:01:02"}`, `"type":"IA_PD","prefix_len":56`},
		{"lease_add", `{"address":"2001:db8:ff00:101::","duid":"00:03:00:01:02"}`, `is not the first one of a prefix of length 56`},
		{"lease_add", `{"address":"2001:db8::2"}`, `a duid must tell`},
		{"lease_add", `{"address":"2001:db8::2","duid":"0102","type":"IA_XX"}`, `"IA_XX" is none of`},
		{"leases", `{"type":"IA_PD"}`, `{"leases":[{"address":"2001:db8:ff00:100::"`},
		{"leases", `{"duid":"0003000102"}`, `{"leases":[{"address":"2001:db8::1"`},
		{"lease_stats", `{"subnet_id":1}`, fmt.Sprintf(`"total_addresses":%d,"assigned_addresses":1,"declined_addresses":0,"reclaimed_leases":0,"total_pds":65536,"assigned_pds":1,"registered_addresses":0`, int64(1<<63-1))},
		{"lease_wipe", `{"all":true}`, `{"deleted":2}`},
	} {
		if got := s.run(t, c.command, c.args); !strings.Contains(got, c.want) {
			t.Errorf("%s %s:\n got %s\nwant %s", c.command, c.args, got, c.want)
		}
	}
}

func TestWipeGoesOnInBatches(t *testing.T) {
	s := newServer(t, lease.Family4)
	for i := range 2*wipeBatch + 7 {
		s.store.Put(lease.Lease{Address: netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), HWAddr: "m", SubnetID: 5, ValidLifetime: 60, Start: time.Now()}, nil)
	}
	if got := s.run(t, "lease_wipe", `{"subnet_id":5}`); got != fmt.Sprintf(`{"deleted":%d}`, 2*wipeBatch+7) {
		t.Error(got)
	}
}

func TestUnknownCommand(t *testing.T) {
	if _, err := newServer(t, lease.Family4).Run(t.Context(), "x", nil); !errors.Is(err, ErrCommand) {
		t.Error(err)
	}
}
