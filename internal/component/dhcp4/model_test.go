package dhcp4

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
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

// modelPlace is a subnet of the model: its prefix as far as the last octet.
type modelPlace struct {
	id    int
	net   string
	relay string // whose clients belong there
}

// modelPlaces: the first two may share the server's own link.
func modelPlaces() []modelPlace {
	return []modelPlace{
		{id: 1, net: "192.0.2."}, {id: 2, net: "198.51.100."}, {id: 3, net: "203.0.113."}, {id: 4, net: "10.8.0.", relay: "10.0.0.7"},
	}
}

// modelRelays are the relays of the links; the first link has none.
func modelRelays() []string { return []string{"", "203.0.113.1", "10.0.0.7"} }

const modelClients = 12

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
	places := modelPlaces()
	hosts := make([][]string, len(places))
	taken := map[string]bool{}
	for client := range modelClients {
		at := draw(6 * len(places))
		if random == nil {
			at = client / 2 // clients of several links, here and elsewhere
		}
		if at >= len(places) || random == nil && client%2 == 1 {
			continue
		}
		a := places[at].net + fmt.Sprint([]int{10, 11, 12, 70 + client}[draw(4)])
		if !taken[a] {
			hosts[at] = append(hosts[at], fmt.Sprintf(`{"hw-address": "%x", "ip-address": %q}`, mac(client), a))
			taken[a] = true
		}
	}
	var subnets []string
	for i, p := range places {
		pools := [][]string{{}, {"10 - X13"}, {"11 - X12"}, {"10 - X10", "20 - X21"}, {"10 - X13", "20 - X21"}}[draw(5)]
		text := strings.ReplaceAll(`"X`+strings.Join(pools, `", "X`)+`"`, "X", p.net)
		if len(pools) == 0 {
			text = ""
		}
		subnets = append(subnets, fmt.Sprintf(`{"subnet": "%s0/24", "id": %d, "pool": [%s], "reservations": [%s], "relay": {"ip-address": "%s"}}`,
			p.net, p.id, text, strings.Join(hosts[i], ", "), cmp.Or(p.relay, "0.0.0.0")))
	}
	network := ""
	if draw(3) > 0 {
		network, subnets = fmt.Sprintf(`{"name": "floor", "subnet4": [%s]}`, strings.Join(subnets[:2], ", ")), subnets[2:]
	}
	if draw(3) == 0 {
		subnets = slices.Delete(subnets, 0, 1)
	}
	text := fmt.Sprintf(`{"subnet4": [%s], "shared-networks": [%s], "cache-threshold": %v, "authoritative": %v, "valid-lifetime": 3600, "decline-probation-period": 1000,
		"expired-leases-processing": {"max-reclaim-leases": 3, "max-reclaim-time": 0, "hold-reclaimed-time": 600},
		"dhcp-ddns": {"enable-updates": true, "qualifying-suffix": "lab.test"}}`,
		strings.Join(subnets, ", "), network, []float64{0.5, 0}[draw(2)], draw(2) == 0)
	return modelConfig{settingsOf(t, text), text}
}

// TestModel holds the whole server against a model.
func TestModel(t *testing.T) {
	modeltest.Run(t, modeltest.Maker{
		Family: lease.Family4, Clients: modelClients, Links: len(modelRelays()), Config: makeModelConfig, MaxReclaim: 3,
		Open: func(path string, disk *leasetest.Disk) (lease.Store, error) {
			return memfile.Open(path, memfile.Options{
				CompactAt: 40, Open: func(path string, flag int) (memfile.File, error) { return disk.Open(path, flag) },
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

// modelServer is a server for modeltest.
type modelServer struct {
	*bench
	failures map[uint32]uint64
}

func (m *modelServer) Owns(client int, l lease.Lease) bool { return l.HWAddr == mac(client) }
func (m *modelServer) Kind(int) lease.Kind                 { return lease.V4 }
func (m *modelServer) Subnets() *subnet.List               { return m.set.subnets }
func (m *modelServer) Ledger() *ledger.Ledger              { return m.server.Ledger }
func (m *modelServer) SetClock(now time.Time)              { m.clock = now }
func (m *modelServer) Use(config any)                      { m.use(config.(modelConfig).settings) }
func (m *modelServer) Refused(subnet uint32) uint64        { return m.failures[subnet] }

func (m *modelServer) Identity(client int) subnet.Identifier {
	return subnet.Identifier{Kind: subnet.ByHWAddr, Value: mac(client)}
}

func (m *modelServer) Owner(client int) map[string]any {
	out := map[string]any{"hw_address": fmt.Sprintf("%x", mac(client))}
	if client%3 == 0 {
		out["client_id"] = fmt.Sprintf("%x", fmt.Sprintf("client%d", client))
	}
	return out
}

// Link implements modeltest.Server.
func (m *modelServer) Link(link int) []*subnet.Subnet {
	w := subnet.Where{Interface: m.link.Name, Local: m.link.Addrs}
	if relay := modelRelays()[link]; relay != "" {
		w.Relay = addr(relay)
	}
	s, err := m.set.subnets.Select(w, nil)
	if err != nil {
		return nil
	}
	return s.Network.Subnets
}

func mac(client int) string { return string([]byte{2, 0, 0, 0, byte(client >> 8), byte(client)}) }

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
	parts := []string{fmt.Sprintf("mac=%x", mac(client))}
	if relay := modelRelays()[link]; relay != "" && v != modeltest.Renew && v != modeltest.Release { // these go through no relay
		parts = append(parts, "giaddr="+relay, "to=192.0.2.1")
	}
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
		var wanted []string
		if len(wish) > 0 {
			wanted = []string{"want=" + wish[0].Addr().String()}
		}
		offer := ask(packet4.Discover, wanted...)
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
		ask(packet4.Release, "ciaddr="+address, "to=192.0.2.1")
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
func (m *modelServer) Hurl(client, link int, held []netip.Prefix) {
	parts := []string{fmt.Sprintf("mac=%x", mac(client)), "ciaddr=" + held[0].Addr().String()}
	if relay := modelRelays()[link]; relay != "" {
		parts = append(parts, "giaddr="+relay)
	}
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
