package dhcp4

import (
	"slices"
	"strings"

	"bundy/internal/dhcp/option"
	"bundy/internal/dhcp/subnet"
)

// scope is what the options of a client depend on. Clients of equal scopes are told the same.
type scope struct {
	subnet  *subnet.Subnet
	pool    *subnet.Pool
	host    *subnet.Host
	classes string // those that say something, the most important first
}

// maxMerged bounds the sets of options that are kept ready. When there are more they are made anew, in some
// microseconds.
const maxMerged = 4096

// tell finds the configured options for the client: global ones under those of its classes (the first class wins), of the
// network, the subnet, the pool and the reservation, as Kea orders them. pool is nil when the address lies in none.
func (s *server) tell(x *exchange, pool *subnet.Pool) {
	var required []string
	if pool != nil {
		required = pool.Limit.Required
	}
	required = slices.Concat(x.subnet.Network.Limit.Required, x.subnet.Limit.Required, required)
	if len(required) > 0 {
		x.classes = x.set.classes.Additional(s.evaluator, x, x.classes, required)
	}
	at := scope{subnet: x.subnet, pool: pool}
	if x.host != nil && x.host.Options.Len() > 0 {
		at.host = x.host
	}
	var speaking []string
	for _, name := range x.classes {
		if x.set.told[name].options.Len() > 0 {
			speaking = append(speaking, name)
		}
	}
	at.classes = strings.Join(speaking, "\x00")
	switch {
	case at.host == nil && at.classes == "" && pool != nil:
		x.told = pool.Wire
	case at.host == nil && at.classes == "":
		x.told = x.subnet.Wire
	default:
		x.told = s.merge(x.set, at, speaking)
	}
}

func (s *server) merge(set *settings, at scope, classes []string) option.Wire {
	if w, ok := s.merged[at]; ok {
		return w
	}
	options := set.global
	for _, name := range slices.Backward(classes) {
		options = options.Override(set.told[name].options)
	}
	options = options.Override(at.subnet.Options)
	if at.pool != nil {
		options = options.Override(at.pool.Options)
	}
	if at.host != nil {
		options = options.Override(at.host.Options)
	}
	w, err := set.catalog.Wire(options)
	if err != nil { // each level fits, and all of them together do not
		s.mergeFailed.Do(func() { s.log.Log(msgOptionsTooLong, at.subnet.Prefix, err) })
		w = at.subnet.Wire
	}
	if len(s.merged) >= maxMerged {
		clear(s.merged)
	}
	s.merged[at] = w
	return w
}

// boot gives the fields of the boot server: as the reservation says, then the classes, then the subnet and those above.
func (x *exchange) boot() subnet.Boot {
	var b subnet.Boot
	if x.host != nil {
		b = x.host.Boot
	}
	for _, name := range x.classes {
		b = b.Or(x.set.told[name].boot)
	}
	return b.Or(x.subnet.Boot)
}
