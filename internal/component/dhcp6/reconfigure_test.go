package dhcp6

import (
	"crypto/hmac"
	"crypto/md5"
	"encoding/binary"
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"bundy/internal/dhcp/lease"
	"bundy/internal/dhcp/netif"
	"bundy/internal/dhcp/packet6"
	"bundy/internal/dhcp/reconfigure"
)

// authentication is what a client reads in the option 11 of a message (RFC 9915 sections 20.4 and 21.11).
type authentication struct {
	replay uint64
	kind   byte
	value  [16]byte
}

func authOf(t *testing.T, m packet6.Message) (a authentication, ok bool) {
	t.Helper()
	data, ok := m.Options.Get(packet6.OptAuth)
	if !ok {
		return a, false
	}
	if len(data) != 28 || data[0] != 3 || data[1] != 1 || data[2] != 0 {
		t.Fatalf("authentication option %x", data)
	}
	return authentication{binary.BigEndian.Uint64(data[3:]), data[11], [16]byte(data[12:])}, true
}

// authentic tells, as a client does, whether a RECONFIGURE is signed with a key.
func authentic(t *testing.T, m packet6.Message, key [16]byte) bool {
	t.Helper()
	a, ok := authOf(t, m)
	data, _ := m.Options.Get(packet6.OptAuth)
	clear(data[12:])
	mac := hmac.New(md5.New, key[:])
	mac.Write(m.Append(nil))
	return ok && a.kind == 2 && hmac.Equal(mac.Sum(nil), a.value[:])
}

func callBench(t *testing.T) *bench {
	b := newBench(t, basicConfig)
	secret, err := reconfigure.LoadSecret(filepath.Join(t.TempDir(), "secret"))
	if err != nil {
		t.Fatal(err)
	}
	b.caller.secret = secret
	b.caller.link = func(name string) *netif.Link6 {
		if name != b.link.Name {
			return nil
		}
		return b.link
	}
	b.caller.transmit = func(l *netif.Link6, payload []byte, to netip.AddrPort) error {
		b.transmit(nil, 0, l, payload, to)
		return nil
	}
	return b
}

// called makes the calls that are due and gives the first, nil for none.
func (b *bench) called() *outgoing {
	b.sent = nil
	b.caller.send(b.clock)
	if len(b.sent) == 0 {
		return nil
	}
	return &b.sent[0]
}

func TestReconfigure(t *testing.T) {
	for _, c := range []struct {
		name  string
		parts []string
		to    string
		relay int
	}{
		{"direct", nil, "[fe80::1]:546", 0},
		{"behind two relay agents", []string{"relay=2001:db8:1::1 a", "relay=:: b"}, "[2001:db8:ffff::1]:547", 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := callBench(t)
			send := func(kind packet6.Type, parts ...string) *outgoing {
				return b.exchange(kind, append(parts, c.parts...)...)
			}
			o := send(packet6.Solicit, "na=7", "20=")
			if _, has := authOf(t, o.Message); has || !o.Options.Has(packet6.OptReconfAccept) {
				t.Errorf("ADVERTISE with a key, or without acceptance: %+v", o.Options)
			}
			key, has := authOf(t, send(packet6.Request, "server=", "na=7", "pd=8", "20=").Message)
			if !has || key.kind != 1 || key.value == [16]byte{} {
				t.Fatalf("key %+v", key)
			}
			send(packet6.Request, "server=", "na=9", "client="+otherDUID) // accepts no calls
			leases := b.store.Find(lease.Filter{}, addr("::"), 10)
			if told, unable := b.caller.call(leases, packet6.Renew, b.clock); told != 1 || unable != 1 {
				t.Errorf("told %d, unable %d", told, unable)
			}
			replay := key.replay
			for i, wait := range []time.Duration{0, 2 * time.Second, 4 * time.Second} {
				b.clock = b.clock.Add(wait - 1)
				if wait > 0 && b.called() != nil {
					t.Errorf("call %d too early", i)
				}
				b.clock = b.clock.Add(1)
				o := b.called()
				if o == nil || o.Type != packet6.Reconfigure || o.ID != 0 || o.to.String() != c.to || o.relays != c.relay {
					t.Fatalf("call %d: %+v", i, o)
				}
				for code, want := range map[uint16]string{packet6.OptClientID: clientDUID, packet6.OptServerID: serverDUID, packet6.OptReconfMessage: "\x05"} {
					if data, _ := o.Options.Get(code); string(data) != want {
						t.Errorf("option %d: %x", code, data)
					}
				}
				a, _ := authOf(t, o.Message)
				if a.replay <= replay || !authentic(t, o.Message, key.value) || authentic(t, o.Message, [16]byte{}) {
					t.Errorf("call %d: replay %d after %d, or a bad signature", i, a.replay, replay)
				}
				replay = a.replay
			}
			if o := send(packet6.Renew, "server=", "na=7 2001:db8:1::10", "20="); o.IAs()[0].Status != nil {
				t.Errorf("RENEW: %s", o.summary())
			} else if _, has := authOf(t, o.Message); has {
				t.Error("a key in the answer to RENEW")
			}
			b.clock = b.clock.Add(time.Hour)
			if o := b.called(); o != nil || b.stats.reconfigured.Load() != 1 {
				t.Errorf("called again: %+v", o)
			}
		})
	}
}

func TestReconfigureIsRefused(t *testing.T) {
	b := callBench(t)
	for _, c := range []struct {
		name  string
		kind  packet6.Type
		parts []string
	}{
		{"the client says nothing", packet6.Request, []string{"server=", "na=7"}},
		{"it is turned off", packet6.Request, []string{"server=", "na=7", "20="}},
		{"there is no secret", packet6.Request, []string{"server=", "na=7", "20="}},
	} {
		switch c.name {
		case "it is turned off":
			b.set.reconfigure = false
		case "there is no secret":
			b.set.reconfigure, b.caller.secret = true, nil
		}
		o := b.exchange(c.kind, c.parts...)
		if o.Options.Has(packet6.OptReconfAccept) || o.Options.Has(packet6.OptAuth) {
			t.Errorf("%s: %+v", c.name, o.Options)
		}
	}
	if told, unable := b.caller.call(b.store.Find(lease.Filter{}, addr("::"), 10), packet6.Renew, b.clock); told != 0 || unable != 1 {
		t.Errorf("told %d, unable %d", told, unable)
	}
}

// TestContactFollowsTheClient: a client that renews elsewhere is called there, one that takes its lease anew without
// accepting is not called any more; and what others noted in the lease stays.
func TestContactFollowsTheClient(t *testing.T) {
	b := callBench(t)
	at := func() string {
		l, _ := b.store.Get(addr("2001:db8:1::10"))
		c, _ := reconfigure.Noted(l.UserContext)
		return c.To.String()
	}
	b.exchange(packet6.Request, "server=", "na=7", "20=")
	l, _ := b.store.Get(addr("2001:db8:1::10"))
	l.UserContext = `{"comment":"attic",` + l.UserContext[1:]
	b.store.Put(l, nil)
	b.exchange(packet6.Renew, "server=", "na=7 2001:db8:1::10", "20=", "from=fe80::77")
	if at() != "[fe80::77]:546" {
		t.Errorf("contact %s", at())
	}
	b.exchange(packet6.Renew, "server=", "na=7 2001:db8:1::10", "from=fe80::78")
	if at() != "[fe80::77]:546" {
		t.Errorf("contact %s after a RENEW that does not say it again", at())
	}
	b.exchange(packet6.Request, "server=", "na=7 2001:db8:1::10")
	if l, _ := b.store.Get(addr("2001:db8:1::10")); l.UserContext != `{"comment":"attic"}` {
		t.Errorf("user context %s", l.UserContext)
	}
}

// TestVisitorsAreCalled: clients that only ask for information can be called, too, and not too many are remembered.
func TestVisitorsAreCalled(t *testing.T) {
	b := callBench(t)
	key, has := authOf(t, b.exchange(packet6.InformationRequest, "20=").Message)
	if !has {
		t.Fatal("no key")
	}
	told, _ := b.caller.call([]lease.Lease{{DUID: clientDUID, State: lease.Reclaimed}}, packet6.InformationRequest, b.clock)
	if o := b.called(); told != 1 || o == nil || !authentic(t, o.Message, key.value) {
		t.Errorf("told %d, %+v", told, o)
	}
	for i := range maxVisitors {
		b.exchange(packet6.InformationRequest, "20=", "client=\x00\x02"+string(binary.BigEndian.AppendUint32(nil, uint32(i))))
	}
	if _, known := b.caller.visitors[clientDUID]; known || len(b.caller.visitors) != maxVisitors || len(b.caller.arrivals) != maxVisitors {
		t.Errorf("%d visitors", len(b.caller.visitors))
	}
}
