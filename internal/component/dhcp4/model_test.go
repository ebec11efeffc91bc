package dhcp4

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"bundy/internal/dhcp/lease"
	"bundy/internal/dhcp/lease/leasetest"
	"bundy/internal/dhcp/ledger"
	"bundy/internal/dhcp/memfile"
	"bundy/internal/dhcp/modeltest"
	"bundy/internal/dhcp/packet4"
	"bundy/internal/dhcp/subnet"
	"bundy/internal/naming/ncr"
)

// modelConfigs: all pools; another reservation; fewer pools; other pools; another subnet on the link; no subnet but one that
// nobody is in.
var modelConfigs = []string{
	modelConfig(`{"subnet": "192.0.2.0/24", "id": 1, "pool": ["192.0.2.10 - 192.0.2.14"], "reservations": [{"hw-address": "02:00:00:00:00:01", "ip-address": "192.0.2.11"}, {"hw-address": "02:00:00:00:00:02", "ip-address": "192.0.2.77"}]}`),
	modelConfig(`{"subnet": "192.0.2.0/24", "id": 1, "pool": ["192.0.2.10 - 192.0.2.14"], "reservations": [{"hw-address": "02:00:00:00:00:03", "ip-address": "192.0.2.11"}]}`),
	modelConfig(`{"subnet": "192.0.2.0/24", "id": 1, "pool": ["192.0.2.12 - 192.0.2.13"]}`),
	modelConfig(`{"subnet": "192.0.2.0/24", "id": 1, "pool": ["192.0.2.11 - 192.0.2.12", "192.0.2.20 - 192.0.2.21"]}`),
	modelConfig(`{"subnet": "198.51.100.0/24", "id": 2, "pool": ["198.51.100.10 - 198.51.100.12"]}`),
	modelConfig(`{"subnet": "10.0.0.0/24", "id": 3, "pool": ["10.0.0.10 - 10.0.0.12"]}`),
}

func modelConfig(subnet string) string {
	return `{"subnet4": [` + subnet + `], "valid-lifetime": 3600, "decline-probation-period": 1000,
		"expired-leases-processing": {"max-reclaim-leases": 3, "max-reclaim-time": 0, "hold-reclaimed-time": 600},
		"dhcp-ddns": {"enable-updates": true, "qualifying-suffix": "lab.test"}}`
}

// TestModel holds the whole server against a model.
func TestModel(t *testing.T) {
	sets := make([]*settings, len(modelConfigs))
	for i, c := range modelConfigs {
		sets[i] = settingsOf(t, c)
	}
	modeltest.Run(t, modeltest.Maker{
		Family: lease.Family4, Clients: 9, Configs: len(sets), MaxReclaim: 3,
		Open: func(path string, disk *leasetest.Disk) (lease.Store, error) {
			return memfile.Open(path, memfile.Options{Open: func(path string, flag int) (memfile.File, error) { return disk.Open(path, flag) }})
		},
		Start: func(t testing.TB, store lease.Store, config int, now time.Time) modeltest.Server {
			m := &modelServer{sets: sets, bench: benchWith(t, sets[config], store), failures: map[uint32]uint64{}}
			m.clock, m.faulty = now, true
			m.refuse = func(id uint32) { m.failures[id]++ }
			return m
		},
	})
}

// modelServer is a server for modeltest.
type modelServer struct {
	*bench
	sets     []*settings
	failures map[uint32]uint64
}

func (m *modelServer) Owns(client int, l lease.Lease) bool { return l.HWAddr == mac(client) }
func (m *modelServer) Subnets() *subnet.List               { return m.set.subnets }
func (m *modelServer) Ledger() *ledger.Ledger              { return m.server.Ledger }
func (m *modelServer) SetClock(now time.Time)              { m.clock = now }
func (m *modelServer) Use(config int)                      { m.use(m.sets[config]) }
func (m *modelServer) Refused(subnet uint32) uint64        { return m.failures[subnet] }

func mac(client int) string { return string([]byte{2, 0, 0, 0, byte(client >> 8), byte(client)}) }

func (m *modelServer) Reserved(client int) []netip.Prefix {
	for _, s := range m.set.subnets.All() {
		if h := s.Host([]subnet.Identifier{{Kind: subnet.ByHWAddr, Value: mac(client)}}); h != nil {
			return []netip.Prefix{netip.PrefixFrom(h.Addresses[0], 32)}
		}
	}
	return nil
}

func (m *modelServer) Changes() []modeltest.Change {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []modeltest.Change
	for _, r := range m.names {
		out = append(out, modeltest.Change{Add: r.Change == ncr.Add, Name: r.Name.String(), Address: r.Address})
	}
	m.names = nil
	return out
}

// Send implements modeltest.Server.
func (m *modelServer) Send(client int, v modeltest.Verb, held []netip.Prefix) modeltest.Answer {
	parts := []string{fmt.Sprintf("mac=%x", mac(client))}
	if client%3 == 0 {
		parts = append(parts, fmt.Sprintf("id=client%d", client))
	}
	if client%2 == 0 {
		parts = append(parts, fmt.Sprintf("host=pc%d", client))
	}
	address := ""
	if len(held) > 0 {
		address = held[0].Addr().String()
	}
	ask := func(kind packet4.Type, more ...string) *outgoing {
		return m.exchange(kind, append(append([]string{}, parts...), more...)...)
	}
	var got *outgoing
	switch v {
	case modeltest.Look, modeltest.Obtain:
		before := m.stats.allocFailed.Load()
		offer := ask(packet4.Discover)
		none := m.stats.allocFailed.Load() > before
		if none && offer != nil {
			m.Error("an offer, and nothing was free")
		}
		if offer == nil || v == modeltest.Look {
			return modeltest.Answer{None: none}
		}
		id, _ := offer.Addr(packet4.OptServerID)
		got = ask(packet4.Request, "want="+offer.YIAddr.String(), "server="+id.String())
	case modeltest.Renew:
		got = ask(packet4.Request, "ciaddr="+address, "to=192.0.2.1")
	case modeltest.Rebind:
		got = ask(packet4.Request, "ciaddr="+address)
	case modeltest.Reboot:
		got = ask(packet4.Request, "want="+address)
	case modeltest.Release:
		ask(packet4.Release, "ciaddr="+address)
	case modeltest.Decline:
		ask(packet4.Decline, "want="+address, "server=192.0.2.1")
	}
	switch {
	case got == nil:
		return modeltest.Answer{}
	case got.Type() == packet4.NAK:
		return modeltest.Answer{Refused: true}
	}
	return modeltest.Answer{Granted: []modeltest.Grant{granted(got)}}
}

// Hurl implements modeltest.Server.
func (m *modelServer) Hurl(client int, held []netip.Prefix) {
	parts := []string{fmt.Sprintf("mac=%x", mac(client)), "ciaddr=" + held[0].Addr().String()}
	if client%3 == 0 {
		parts = append(parts, fmt.Sprintf("id=client%d", client))
	}
	request := message(m, packet4.Request, parts...)
	data, _ := request.Append(nil, 1472)
	m.serve(m.packet(data))
}

// Heard implements modeltest.Server.
func (m *modelServer) Heard() map[int][]modeltest.Grant {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := map[int][]modeltest.Grant{}
	for _, o := range m.sent {
		if o.Type() == packet4.ACK {
			client := int(o.CHAddr[4])<<8 | int(o.CHAddr[5])
			out[client] = append(out[client], granted(&o))
		}
	}
	m.sent = nil
	return out
}

func granted(o *outgoing) modeltest.Grant {
	valid, _ := o.Get(packet4.OptLeaseTime)
	return modeltest.Grant{Prefix: netip.PrefixFrom(o.YIAddr, 32), Valid: time.Duration(binary.BigEndian.Uint32(valid)) * time.Second}
}
