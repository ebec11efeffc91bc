package policy

import (
	"encoding/json"
	"net/netip"
	"slices"
	"strings"

	"bundy/internal/dns/wire"
)

// Place is where an address lies in the configuration of a DHCP server.
type Place struct {
	Subnet    string // as 192.0.2.0/24; "" if no subnet has the address
	SubnetID  uint32 // 0 if the server numbers it
	Pool      string // as it is configured; "" outside of pools
	Group     string // the shared network
	Interface string
	Domain    wire.Name // option domain-name, of DHCPv6 the first of domain-search; "" for none
	locals    []Local   // what its levels say about names, outer first
}

// Networks is the subnets and pools of one DHCP server. It is immutable.
type Networks struct {
	pools, subnets []area // by first address
	domain         wire.Name
}

type area struct {
	Range
	place Place
}

// ReadNetworks reads the section of a DHCP server; item is subnet4 or subnet6. What is wrong in it is for its own check
// to say.
func ReadNetworks(section map[string]any, item string) *Networks {
	n := &Networks{domain: domainOption(section)}
	n.read(section, item, Place{})
	for _, network := range maps(section["shared-networks"]) {
		name, _ := network["name"].(string)
		n.read(network, item, Place{Group: name, Interface: text(network, "interface"), Domain: domainOption(network), locals: localOf(nil, network)})
	}
	for _, list := range [][]area{n.pools, n.subnets} {
		slices.SortFunc(list, func(a, b area) int { return a.First.Compare(b.First) })
	}
	return n
}

func (n *Networks) read(from map[string]any, item string, above Place) {
	for _, subnet := range maps(from[item]) {
		prefix, err := netip.ParsePrefix(text(subnet, "subnet"))
		if err != nil {
			continue
		}
		place := above
		place.Subnet = prefix.Masked().String()
		if id, ok := subnet["id"].(int64); ok && id > 0 {
			place.SubnetID = uint32(id)
		}
		if i := text(subnet, "interface"); i != "" {
			place.Interface = i
		}
		if d := domainOption(subnet); d != "" {
			place.Domain = d
		}
		place.locals = localOf(place.locals, subnet)
		n.subnets = append(n.subnets, area{RangeOf(prefix), place})
		list, _ := subnet["pool"].([]any)
		for _, one := range list {
			pool, _ := one.(string)
			n.pool(pool, place)
		}
		for _, pool := range maps(subnet["pools"]) {
			in := place
			if d := domainOption(pool); d != "" {
				in.Domain = d
			}
			n.pool(text(pool, "pool"), in)
		}
	}
}

func (n *Networks) pool(pool string, place Place) {
	r, err := ParseRange(pool)
	if err != nil {
		return
	}
	place.Pool = pool
	n.pools = append(n.pools, area{r, place})
}

// At finds the place of an address. The place outside of all subnets has no more than the domain of the server.
func (n *Networks) At(a netip.Addr) Place {
	for _, list := range [][]area{n.pools, n.subnets} {
		i, found := slices.BinarySearchFunc(list, a, func(r area, a netip.Addr) int { return r.First.Compare(a) })
		if !found {
			i--
		}
		if i >= 0 && list[i].Contains(a) {
			return list[i].place
		}
	}
	return Place{}
}

// domains gives all domains that the options name, each once.
func (n *Networks) domains() []wire.Name {
	var out []wire.Name
	add := func(d wire.Name) {
		if d != "" && !slices.Contains(out, d) {
			out = append(out, d)
		}
	}
	for _, list := range [][]area{n.pools, n.subnets} {
		for _, a := range list {
			add(a.place.Domain)
		}
	}
	add(n.domain)
	return out
}

// domainOption finds the domain that a level's options give its clients; "" if there is none that is a name.
func domainOption(level map[string]any) wire.Name {
	for _, o := range maps(level["option-data"]) {
		space, named := text(o, "space"), text(o, "name")
		code, _ := o["code"].(int64)
		four := (named == "domain-name" || named == "" && code == 15) && (space == "" || space == "dhcp4")
		six := (named == "domain-search" || named == "" && code == 24) && space == "dhcp6"
		if csv, given := o["csv-format"].(bool); !four && !six || given && !csv {
			continue
		}
		first, _, _ := strings.Cut(text(o, "data"), ",")
		if d, err := zoneName(strings.TrimSpace(first)); err == nil {
			return d
		}
	}
	return ""
}

// localOf adds what a level says about names to what those above it say.
func localOf(above []Local, level map[string]any) []Local {
	said := map[string]any{}
	for item, v := range level {
		if strings.HasPrefix(item, "ddns-") {
			said[item] = v
		}
	}
	if len(said) == 0 {
		return above
	}
	raw, err := json.Marshal(said)
	var l Local
	if err != nil || json.Unmarshal(raw, &l) != nil {
		return above
	}
	return append(slices.Clone(above), l)
}

func text(m map[string]any, item string) string {
	s, _ := m[item].(string)
	return s
}

// maps gives the maps of a list.
func maps(list any) []map[string]any {
	all, _ := list.([]any)
	out := make([]map[string]any, 0, len(all))
	for _, one := range all {
		if m, ok := one.(map[string]any); ok {
			out = append(out, m)
		}
	}
	return out
}
