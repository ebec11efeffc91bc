package dhcp6

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"bundy/internal/dhcp/allocate"
	"bundy/internal/dhcp/lease"
	"bundy/internal/dhcp/lease/leasetest"
	"bundy/internal/dhcp/ledger"
	"bundy/internal/dhcp/memfile"
	"bundy/internal/dhcp/modeltest"
	"bundy/internal/dhcp/packet6"
	"bundy/internal/dhcp/subnet"
	"bundy/internal/naming/ncr"
)

// modelLinks are where clients may be, as relay agents tell: the link-address and the interface-id. The first is the
// server's own.
func modelLinks() []string { return []string{"", "2001:db8:3::1", ":: port4"} }

const modelClients = 16

// modelConfig is a configuration with a name.
type modelConfig struct {
	*settings
	text string
}

func (c modelConfig) String() string { return c.text }

// makeModelConfig makes a random configuration, or the one with everything.
func makeModelConfig(t testing.TB, random *rand.Rand) any {
	draw := func(n int) int {
		if random == nil {
			return n - 1
		}
		return random.IntN(n)
	}
	const places = 4 // the first two may share the server's own link
	var hosts [places][]string
	taken := map[string]bool{}
	for client := 0; client < modelClients; client += 2 { // two of them are one host
		at := draw(4 * places)
		if random == nil {
			at = client / 4
		}
		if at >= places || random == nil && client%4 == 2 {
			continue
		}
		var parts []string
		if a := fmt.Sprintf("2001:db8:%d::%x", at+1, []int{0x10, 0x11, 0x12, 0x70 + client}[draw(4)]); draw(3) > 0 && !taken[a] {
			parts, taken[a] = append(parts, fmt.Sprintf(`"ip-addresses": [%q]`, a)), true
		}
		if p := fmt.Sprintf("2001:db8:%d:%s::/56", 8000+at+1, []string{"200", "100"}[draw(2)]); draw(3) > 0 && !taken[p] {
			parts, taken[p] = append(parts, fmt.Sprintf(`"prefixes": [%q]`, p)), true
		}
		if len(parts) > 0 {
			hosts[at] = append(hosts[at], fmt.Sprintf(`{"duid": "%x", %s}`, host(client), strings.Join(parts, ", ")))
		}
	}
	var subnets []string
	for i := range places {
		where := []string{`"interface": "eth0"`, `"interface": "eth0"`, `"comment": "by its address"`, `"interface-id": "port4"`}[i]
		net := fmt.Sprintf("2001:db8:%d::", i+1)
		pools := [][]string{{}, {"10 - X13"}, {"11 - X12"}, {"10 - X10", "20 - X21"}, {"10 - X13", "20 - X21"}}[draw(5)]
		text := strings.ReplaceAll(`"X`+strings.Join(pools, `", "X`)+`"`, "X", net)
		if len(pools) == 0 {
			text = ""
		}
		prefixes := ""
		if draw(4) > 0 {
			prefixes = fmt.Sprintf(`{"prefix": "2001:db8:%d::", "prefix-len": 54, "delegated-len": 56}`, 8000+i+1)
		}
		subnets = append(subnets, fmt.Sprintf(`{"subnet": "%s/64", "id": %d, %s, "pool": [%s], "pd-pools": [%s], "reservations": [%s], "rapid-commit": true}`,
			net, i+1, where, text, prefixes, strings.Join(hosts[i][:], ", ")))
	}
	network := ""
	if draw(3) > 0 {
		network, subnets = fmt.Sprintf(`{"name": "floor", "interface": "eth0", "subnet6": [%s]}`, strings.Join(subnets[:2], ", ")), subnets[2:]
	}
	if draw(3) == 0 {
		subnets = slices.Delete(subnets, 0, 1)
	}
	text := fmt.Sprintf(`{"subnet6": [%s], "shared-networks": [%s], "cache-threshold": %v, "valid-lifetime": 3600, "preferred-lifetime": 3000, "decline-probation-period": 1000,
		"expired-leases-processing": {"max-reclaim-leases": 3, "max-reclaim-time": 0, "hold-reclaimed-time": 600},
		"dhcp-ddns": {"enable-updates": true, "qualifying-suffix": "lab.test"}}`, strings.Join(subnets, ", "), network, []float64{0.5, 0}[draw(2)])
	return modelConfig{settingsOf(t, text), text}
}

// TestModel holds the whole server against a model.
func TestModel(t *testing.T) {
	modeltest.Run(t, modeltest.Maker{
		Family: lease.Family6, Clients: modelClients, Links: len(modelLinks()), Config: makeModelConfig, MaxReclaim: 3,
		Open: func(path string, disk *leasetest.Disk) (lease.Store, error) {
			return memfile.Open(path, memfile.Options{
				Family: lease.Family6, CompactAt: 40, Open: func(path string, flag int) (memfile.File, error) { return disk.Open(path, flag) },
			})
		},
		Start: func(t testing.TB, store lease.Store, config any, now time.Time) modeltest.Server {
			m := &modelServer{bench: benchWith(t, config.(modelConfig).settings, store), failures: map[uint32]uint64{}}
			m.clock, m.faulty = now, true
			m.refuse = func(id uint32) { m.failures[id]++ }
			return m
		},
	})
}

// modelServer is a server for modeltest. Of its clients, two are one host: one asks for an address, the other for a prefix.
type modelServer struct {
	*bench
	failures map[uint32]uint64
}

func host(client int) string { return fmt.Sprintf("client%d", client/2) }

// Kind implements modeltest.Server.
func (m *modelServer) Kind(client int) lease.Kind { return kind(client) }

// Identity implements modeltest.Server.
func (m *modelServer) Identity(client int) subnet.Identifier {
	return subnet.Identifier{Kind: subnet.ByDUID, Value: host(client)}
}

// Owner implements modeltest.Server.
func (m *modelServer) Owner(client int) map[string]any {
	return map[string]any{"duid": fmt.Sprintf("%x", host(client)), "iaid": 1}
}

// Link implements modeltest.Server.
func (m *modelServer) Link(link int) []*subnet.Subnet {
	w := subnet.Where{Interface: m.link.Name, Local: m.link.Addrs}
	if text := modelLinks()[link]; text != "" {
		a, id, _ := strings.Cut(text, " ")
		w = subnet.Where{Relay: addr(a), InterfaceID: id}
	}
	s, err := m.set.subnets.Select(w, nil)
	if err != nil {
		return nil
	}
	return s.Network.Subnets
}

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
func (m *modelServer) Use(config any)               { m.use(config.(modelConfig).settings) }
func (m *modelServer) Refused(subnet uint32) uint64 { return m.failures[subnet] }

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
func (m *modelServer) Send(client, link int, v modeltest.Verb, held, wish []netip.Prefix) modeltest.Answer {
	with := func(what []netip.Prefix) string { return association(client, what) }
	parts := append([]string{"client=" + host(client)}, via(link)...)
	served := m.Link(link) != nil
	wish = slices.DeleteFunc(slices.Clone(wish), func(p netip.Prefix) bool { return p.IsSingleIP() == (kind(client) == lease.PD) })
	if client%4 == 0 {
		parts = append(parts, fmt.Sprintf("fqdn=\x01\x04pc%02d", client))
	}
	ask := func(kind packet6.Type, more ...string) *outgoing {
		return m.exchange(kind, append(append([]string{}, parts...), more...)...)
	}
	var got *outgoing
	switch v {
	case modeltest.Look:
		return modeltest.Answer{None: m.none(served, ask(packet6.Solicit, with(wish)))}
	case modeltest.Obtain:
		offer := ask(packet6.Solicit, with(wish))
		if offer == nil || m.none(served, offer) {
			return modeltest.Answer{None: m.none(served, offer)}
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
	out := modeltest.Answer{None: m.none(served, got)}
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
func (m *modelServer) Hurl(client, link int, held []netip.Prefix) {
	request := message(m, packet6.Rebind, "client="+host(client), association(client, held))
	m.serve(m.packet(request, via(link)...))
}

// via is the relay agent of a link, as bench.packet takes it.
func via(link int) []string {
	if relay := modelLinks()[link]; relay != "" {
		return []string{"relay=" + relay}
	}
	return nil
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

// none tells whether an answer says that nothing is free, where the client's link is served.
func (m *modelServer) none(served bool, o *outgoing) bool {
	if o == nil || !served {
		return false
	}
	for _, ia := range o.IAs() {
		if ia.Status != nil && (ia.Status.Code == packet6.NoAddrsAvail || ia.Status.Code == packet6.NoPrefixAvail) {
			return true
		}
	}
	return false
}
