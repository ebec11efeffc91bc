package dhcpddns

import (
	"net"
	"net/netip"
	"time"

	"bundy/internal/naming/owned"
	"bundy/internal/suite/schema"
)

// othersKept is how long what a backup would have removed is remembered after the lease's end: the master has had that
// time to remove it. When it could not, it still knows.
const othersKept = 7 * 24 * time.Hour

// onDuty tells whether names of an address are this node's to change. A backup follows the leases, and writes down what
// it would do as if it had begun to, for so may the master have: when it takes over, it removes what the other one left
// and nothing else. But it sends nothing.
func (e *engine) onDuty(a netip.Addr) bool {
	d := e.c.node.Duties()
	return d.Empty() || d.Serves(a, e.interfaceOf(a))
}

// dutyChanged lets the engine look at what is this node's. It is called by another goroutine.
func (e *engine) dutyChanged() {
	select {
	case e.duty <- struct{}{}:
	default: // it has not come to look yet
	}
}

// takeDuty compares everything, so that what became this node's is done at once, and lets the zones be read for what another
// node made meanwhile. When the state cannot be written it is done later.
func (e *engine) takeDuty() {
	e.links = localLinks()
	next := e.c.node.Duties()
	if e.dutyDue = !e.holdAnew(next); e.dutyDue {
		return
	}
	gained := next.Gained(e.duties)
	e.duties = next
	if gained {
		e.rebuildSoon()
	}
	e.c.deps.Log.Log(msgDuty, e.compareAll())
}

// forgetOthers forgets what a backup would have removed long ago.
func (e *engine) forgetOthers(now time.Time) {
	if e.c.node.Duties().Empty() {
		return
	}
	var changes []owned.Change
	for r := range e.store.All() {
		if r.State == owned.Removing && !r.Expires.IsZero() && now.Sub(r.Expires) > othersKept && !e.onDuty(r.Address) {
			changes = append(changes, owned.Delete(r.Key))
			if len(changes) == roundAddresses { // the rest has time
				break
			}
		}
	}
	e.write(changes)
}

// link is a network that an interface of this machine is in.
type link struct {
	prefix netip.Prefix
	name   string
}

// localLinks gives the networks of this machine's interfaces: a group may be told by an interface. An interface that
// cannot be read is none.
func localLinks() []link {
	var links []link
	interfaces, _ := net.Interfaces()
	for _, i := range interfaces {
		addresses, _ := i.Addrs()
		for _, a := range addresses {
			if p, err := netip.ParsePrefix(a.String()); err == nil {
				links = append(links, link{p.Masked(), i.Name})
			}
		}
	}
	return links
}

// interfaceOf gives the interface that the client of an address is behind: the one that its subnet names, else the one in
// its network, of several the smallest; "" if neither is known.
func (e *engine) interfaceOf(a netip.Addr) string { return interfaceOf(a, e.settings.links, e.links) }

func interfaceOf(a netip.Addr, lists ...[]link) string {
	for _, links := range lists {
		best := link{}
		for _, l := range links {
			if l.prefix.Contains(a) && (best.name == "" || l.prefix.Bits() > best.prefix.Bits()) {
				best = l
			}
		}
		if best.name != "" {
			return best.name
		}
	}
	return ""
}

// linksOf gives the subnets of a DHCP server's section that name their interface.
func linksOf(s schema.Section, item string) []link {
	var links []link
	add := func(s map[string]any) {
		list, _ := s[item].([]any)
		for _, one := range list {
			subnet, _ := one.(map[string]any)
			text, _ := subnet["subnet"].(string)
			name, _ := subnet["interface"].(string)
			if prefix, err := netip.ParsePrefix(text); err == nil && name != "" {
				links = append(links, link{prefix.Masked(), name})
			}
		}
	}
	add(s)
	networks, _ := s["shared-networks"].([]any)
	for _, n := range networks {
		network, _ := n.(map[string]any)
		add(network)
	}
	return links
}
