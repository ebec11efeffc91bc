package dhcp6

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"bundy/internal/dhcp/allocate"
	"bundy/internal/dhcp/lease"
	"bundy/internal/dhcp/lease/leasetest"
	"bundy/internal/dhcp/ledger"
	"bundy/internal/dhcp/memfile"
	"bundy/internal/dhcp/modeltest"
	"bundy/internal/dhcp/netif"
	"bundy/internal/dhcp/packet6"
	"bundy/internal/dhcp/subnet"
	"bundy/internal/naming/ncr"
)

const (
	modelPrefixes = `"pd-pools": [{"prefix": "2001:db8:8000::", "prefix-len": 54, "delegated-len": 56}]`
	modelLink     = `"subnet": "2001:db8:1::/64", "id": 1, "interface": "eth0", `
)

// modelConfigs: all pools; another reservation; fewer pools; other pools; another subnet on the link; no subnet but one that
// nobody is in.
var modelConfigs = []string{
	modelConfig(modelLink + modelPrefixes + `, "pool": ["2001:db8:1::10 - 2001:db8:1::14"], "reservations": [
		{"duid": "636c69656e7431", "ip-addresses": ["2001:db8:1::11"], "prefixes": ["2001:db8:8000:100::/56"]}, {"duid": "636c69656e7432", "ip-addresses": ["2001:db8:1::77"], "prefixes": ["2001:db8:9000::/48"]}]`),
	modelConfig(modelLink + modelPrefixes + `, "pool": ["2001:db8:1::10 - 2001:db8:1::14"], "reservations": [{"duid": "636c69656e7433", "ip-addresses": ["2001:db8:1::11"]}]`),
	modelConfig(modelLink + `"pool": ["2001:db8:1::12 - 2001:db8:1::13"]`),
	modelConfig(modelLink + modelPrefixes + `, "pool": ["2001:db8:1::11 - 2001:db8:1::12", "2001:db8:1::20 - 2001:db8:1::21"]`),
	modelConfig(`"subnet": "2001:db8:2::/64", "id": 2, "interface": "eth0", "pool": ["2001:db8:2::10 - 2001:db8:2::12"]`),
	modelConfig(`"subnet": "2001:db8:3::/64", "id": 3, "interface": "eth1", "pool": ["2001:db8:3::10 - 2001:db8:3::12"]`),
}

func modelConfig(subnet string) string {
	return `{"subnet6": [{` + subnet + `, "rapid-commit": true}], "valid-lifetime": 3600, "preferred-lifetime": 3000, "decline-probation-period": 1000,
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
		Family: lease.Family6, Clients: 16, Configs: len(sets), MaxReclaim: 3,
		Open: func(path string, disk *leasetest.Disk) (lease.Store, error) {
			return memfile.Open(path, memfile.Options{
				Family: lease.Family6, Open: func(path string, flag int) (memfile.File, error) { return disk.Open(path, flag) },
			})
		},
		Start: func(t testing.TB, store lease.Store, config int, now time.Time) modeltest.Server {
			m := &modelServer{sets: sets, bench: benchWith(t, sets[config], store), failures: map[uint32]uint64{}}
			m.clock, m.faulty = now, true
			m.refuse = func(id uint32) { m.failures[id]++ }
			return m
		},
	})
}

// modelServer is a server for modeltest. Of its clients, two are one host: one asks for an address, the other for a prefix.
type modelServer struct {
	*bench
	sets     []*settings
	failures map[uint32]uint64
}

func host(client int) string { return fmt.Sprintf("client%d", client/2) }

func kind(client int) lease.Kind {
	if client%2 == 1 {
		return lease.PD
	}
	return lease.NA
}

func (m *modelServer) Owns(client int, l lease.Lease) bool {
	return allocate.Client{DUID: host(client), Kind: kind(client), IAID: 1}.Owns(l)
}
func (m *modelServer) Subnets() *subnet.List        { return m.set.subnets }
func (m *modelServer) Ledger() *ledger.Ledger       { return m.server.Ledger }
func (m *modelServer) SetClock(now time.Time)       { m.clock = now }
func (m *modelServer) Use(config int)               { m.use(m.sets[config]) }
func (m *modelServer) Refused(subnet uint32) uint64 { return m.failures[subnet] }

func (m *modelServer) Reserved(client int) []netip.Prefix {
	for _, s := range m.set.subnets.All() {
		h := s.Host([]subnet.Identifier{{Kind: subnet.ByDUID, Value: host(client)}})
		switch {
		case h == nil:
		case kind(client) == lease.PD:
			return h.Prefixes
		default:
			return []netip.Prefix{netip.PrefixFrom(h.Addresses[0], 128)}
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
	with := func(what []netip.Prefix) string { return association(client, what) }
	parts := []string{"client=" + host(client)}
	if client%4 == 0 {
		parts = append(parts, fmt.Sprintf("fqdn=\x01\x04pc%02d", client))
	}
	ask := func(kind packet6.Type, more ...string) *outgoing {
		return m.exchange(kind, append(append([]string{}, parts...), more...)...)
	}
	var got *outgoing
	switch v {
	case modeltest.Look:
		return modeltest.Answer{None: m.none(ask(packet6.Solicit, with(nil)))}
	case modeltest.Obtain:
		offer := ask(packet6.Solicit, with(nil))
		if offer == nil || m.none(offer) {
			return modeltest.Answer{None: m.none(offer)}
		}
		var offered []netip.Prefix
		for _, ia := range offer.IAs() {
			for _, l := range ia.Leases {
				offered = append(offered, l.Prefix)
			}
		}
		got = ask(packet6.Request, "server=", with(offered))
	case modeltest.Renew:
		got = ask(packet6.Renew, "server=", with(held))
	case modeltest.Rebind:
		got = ask(packet6.Rebind, with(held))
	case modeltest.Reboot:
		got = ask(packet6.Solicit, "rapid", with(nil))
	case modeltest.Release:
		ask(packet6.Release, "server=", with(held))
	case modeltest.Decline:
		ask(packet6.Decline, "server=", with(held))
	}
	if got == nil {
		return modeltest.Answer{}
	}
	out := modeltest.Answer{None: m.none(got)}
	for _, ia := range got.IAs() {
		out.Refused = out.Refused || ia.Status != nil || slices.ContainsFunc(ia.Leases, func(l packet6.Lease) bool { return l.Valid == 0 })
	}
	out.Granted = granted(got)
	return out
}

// association is the one of a client in its messages, with what it names.
func association(client int, what []netip.Prefix) string {
	text := "na=1"
	if kind(client) == lease.PD {
		text = "pd=1"
	}
	for _, p := range what {
		if kind(client) == lease.PD {
			text += " " + p.String()
		} else {
			text += " " + p.Addr().String()
		}
	}
	return text
}

func granted(o *outgoing) []modeltest.Grant {
	var out []modeltest.Grant
	for _, ia := range o.IAs() {
		for _, l := range ia.Leases {
			if l.Valid > 0 {
				out = append(out, modeltest.Grant{Prefix: l.Prefix, Valid: time.Duration(l.Valid) * time.Second})
			}
		}
	}
	return out
}

// Hurl implements modeltest.Server.
func (m *modelServer) Hurl(client int, held []netip.Prefix) {
	request := message(m, packet6.Rebind, "client="+host(client), association(client, held))
	m.serve(netif.Packet6{
		Data: request.Append(nil), Link: m.link, Source: netip.MustParseAddrPort("[fe80::1]:546"), Destination: addr("ff02::1:2"),
	})
}

// Heard implements modeltest.Server.
func (m *modelServer) Heard() map[int][]modeltest.Grant {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := map[int][]modeltest.Grant{}
	for _, o := range m.sent {
		client := 0
		id, _ := o.Options.Get(packet6.OptClientID)
		if _, err := fmt.Sscanf(string(id), "client%d", &client); err != nil {
			m.Error(err)
		}
		client *= 2
		if ias := o.IAs(); len(ias) > 0 && ias[0].Code == packet6.OptIAPD {
			client++
		}
		out[client] = append(out[client], granted(&o)...)
	}
	m.sent = nil
	return out
}

// none tells whether an answer says that nothing is free, though the client's link is served.
func (m *modelServer) none(o *outgoing) bool {
	if o == nil || m.set == m.sets[len(m.sets)-1] {
		return false
	}
	for _, ia := range o.IAs() {
		if ia.Status != nil && (ia.Status.Code == packet6.NoAddrsAvail || ia.Status.Code == packet6.NoPrefixAvail) {
			return true
		}
	}
	return false
}
