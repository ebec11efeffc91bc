package dhcp6

import (
	"net/netip"
	"strings"

	"bundy/internal/dhcp/subnet"
	"bundy/internal/naming/policy"
)

// name decides on the client's name, by the first address that it gets and its subnet: all of them have the same one.
func (x *exchange) name(a netip.Addr, s *subnet.Subnet) {
	if x.named {
		return
	}
	x.named = true
	sent := x.fqdn
	if x.host != nil && x.host.HostName != "" {
		sent = reserved(x.host.HostName, sent)
	}
	x.names = policy.Decide(x.set.naming(s), a, sent, "")
}

// reserved puts the name that is reserved for a client in the place of the one that it says. A client that says none
// gets it all the same, as if it had asked for it.
func reserved(name string, sent *policy.FQDN) *policy.FQDN {
	out := policy.FQDN{S: true, E: true}
	if sent != nil {
		out = *sent
	}
	name, full := strings.CutSuffix(name, ".")
	out.Labels = strings.Split(name, ".")
	out.Full = full || len(out.Labels) > 1
	return &out
}
