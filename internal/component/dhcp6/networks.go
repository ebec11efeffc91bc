package dhcp6

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"bundy/internal/dhcp/duid"
	"bundy/internal/dhcp/option"
	"bundy/internal/dhcp/subnet"
)

// place is what a subnet takes from its network where it says nothing itself.
type place struct {
	Place
	options option.Set
	relays  []netip.Addr
	path    string
}

// subnets makes all subnets, those of shared networks behind the others.
func (b *builder) subnets(c Config, known subnet.Identities) (*subnet.List, subnet.Identities, bool) {
	var all []*subnet.Subnet
	var ids []uint32
	add := func(path string, in Subnet, above place, n *subnet.Network) {
		s := b.subnet(path, in, above)
		if s.Network = n; n != nil {
			n.Subnets = append(n.Subnets, s)
		}
		all, ids = append(all, s), append(ids, in.ID)
	}
	for i, in := range c.Subnets {
		add(fmt.Sprintf("subnet6[%d]", i), in, place{}, nil)
	}
	names := map[string]bool{}
	for i, in := range c.Networks {
		path := fmt.Sprintf("shared-networks[%d]", i)
		if in.Name == "" || names[in.Name] {
			b.fail(fmt.Errorf("name %q is empty or used twice", in.Name), "%s/name", path)
		}
		names[in.Name] = true
		above := place{Place: in.Place, options: b.options(path+"/", in.OptionData), relays: b.relays(path, in.Relay), path: path}
		b.limits(path, in.Place)
		if _, err := in.Local.Over(b.names); err != nil {
			b.fail(err, "%s", path)
		}
		network := &subnet.Network{Name: in.Name}
		for j, one := range in.Subnets {
			add(fmt.Sprintf("%s/subnet6[%d]", path, j), one, above, network)
		}
	}
	if len(b.errs) > 0 { // prefixes may be missing
		return nil, nil, false
	}
	prefixes := make([]netip.Prefix, len(all))
	for i, s := range all {
		prefixes[i] = s.Prefix
	}
	numbers, remembered, changed := known.Number(prefixes, ids)
	for i, s := range all {
		s.ID = numbers[i]
	}
	global := b.hosts("", c.Reservations, nil)
	list := subnet.NewList(all, global)
	wrong := list.Check()
	for _, i := range slices.Sorted(maps.Keys(wrong)) {
		b.fail(wrong[i], "%s", all[i].Path)
	}
	return list, remembered, changed
}

// limits checks what a place says about how it is found and who may use it.
func (b *builder) limits(path string, p Place) {
	if p.Interface != "" && p.InterfaceID != "" {
		b.fail(errors.New("interface and interface-id exclude one another"), "%s/interface-id", path)
	}
	b.limit(path, p.ClientClass, p.Classes, p.Required)
}

func (b *builder) limit(path, one string, classes, required []string) subnet.Limit {
	l := subnet.Limit{Classes: slices.Clone(classes), Required: required}
	if one != "" {
		l.Classes = append(l.Classes, one)
	}
	for _, name := range required {
		if !b.classes.Has(name) {
			b.fail(fmt.Errorf("class %q is not defined", name), "%s/require-client-classes", path)
		}
	}
	return l
}

func (b *builder) relays(path string, r Relay) []netip.Addr {
	var out []netip.Addr
	for i, text := range append([]string{r.Address}, r.Addresses...) {
		a, err := netip.ParseAddr(text)
		switch item := "ip-address"; {
		case text == "":
		case err != nil || !a.Is6() || a.Is4In6():
			if i > 0 {
				item = fmt.Sprintf("ip-addresses[%d]", i-1)
			}
			b.fail(fmt.Errorf("%q is not an IPv6 address", text), "%s/relay/%s", path, item)
		case !a.IsUnspecified():
			out = append(out, a)
		}
	}
	return out
}

// first gives the first value that is said.
func first[T any](preset T, values ...*T) T {
	for _, v := range values {
		if v != nil {
			return *v
		}
	}
	return preset
}

// lifetime reads a lifetime with its bounds. What says the lifetime itself also fixes the bounds of levels above.
func (b *builder) lifetime(path, item string, values, least, most []*uint32, preset uint32) subnet.Lifetime {
	l := subnet.Fixed(first(preset, values...))
	said := slices.IndexFunc(values, func(v *uint32) bool { return v != nil })
	if said < 0 {
		said = len(values)
	}
	l.Min = first(l.Default, least[:min(said+1, len(least))]...)
	l.Max = first(l.Default, most[:min(said+1, len(most))]...)
	if l.Min > l.Default || l.Default > l.Max {
		b.fail(fmt.Errorf("%d does not lie between the least (%d) and the greatest (%d)", l.Default, l.Min, l.Max), "%s/%s", path, item)
	}
	return l
}

func (b *builder) timers(path string, in, above Place) subnet.Timers {
	c := b.config
	t := subnet.Timers{
		Valid: b.lifetime(path, "valid-lifetime", []*uint32{in.Valid, above.Valid},
			[]*uint32{in.MinValid, above.MinValid, c.MinValid}, []*uint32{in.MaxValid, above.MaxValid, c.MaxValid}, c.Valid),
		Renew:  first(c.Renew, in.Renew, above.Renew),
		Rebind: first(c.Rebind, in.Rebind, above.Rebind),
	}
	said := []*uint32{in.Preferred, above.Preferred}
	t.Preferred = b.lifetime(path, "preferred-lifetime", said,
		[]*uint32{in.MinPreferred, above.MinPreferred, c.MinPreferred}, []*uint32{in.MaxPreferred, above.MaxPreferred, c.MaxPreferred}, c.Preferred)
	if first(c.CalculateTs, in.CalculateTs, above.CalculateTs) { // where they are not said
		global := in.CalculateTs == nil && above.CalculateTs == nil
		if in.Renew == nil && above.Renew == nil && !(global && b.renewSaid) {
			t.Renew = 0
		}
		if in.Rebind == nil && above.Rebind == nil && !(global && b.rebindSaid) {
			t.Rebind = 0
		}
		t.RenewShare, t.RebindShare = first(0.5, in.T1Share, above.T1Share, c.T1Share), first(0.8, in.T2Share, above.T2Share, c.T2Share)
		if t.RenewShare >= t.RebindShare {
			b.fail(fmt.Errorf("the share for T1 (%g) is not below the one for T2 (%g)", t.RenewShare, t.RebindShare), "%s/t1-percent", path)
		}
	}
	return t
}

func (b *builder) subnet(path string, in Subnet, above place) *subnet.Subnet {
	s := &subnet.Subnet{
		Path: path, Interface: in.Interface, InterfaceID: in.InterfaceID, Relays: append(b.relays(path, in.Relay), above.relays...),
		RapidCommit: first(b.config.RapidCommit, in.RapidCommit, above.RapidCommit),
		GlobalHosts: first(b.config.HostsGlobal, in.Global, above.Global), CacheThreshold: first(b.config.Cache, in.Cache, above.Cache),
	}
	if s.Interface == "" && s.InterfaceID == "" {
		s.Interface, s.InterfaceID = above.Interface, above.InterfaceID
	}
	b.limits(path, in.Place)
	s.Limit = b.limit(path, in.ClientClass, in.Classes, in.Required)
	if len(s.Limit.Classes) == 0 && above.path != "" {
		s.Limit.Classes = b.limit(above.path, above.ClientClass, above.Place.Classes, nil).Classes
	}
	s.Limit.Required = append(slices.Clone(above.Required), s.Limit.Required...)
	var err error
	if s.Prefix, err = subnet.ParsePrefix(in.Prefix, 128); err != nil {
		b.fail(err, "%s/subnet", path)
		return s
	}
	names, err := above.Local.Over(b.names)
	if err == nil { // else the network has told it
		if names, err = in.Local.Over(names); err != nil {
			b.fail(err, "%s", path)
		}
	}
	if names != b.names {
		b.local[s] = names
	}
	s.Timers = b.timers(path, in.Place, above.Place)
	s.Options = above.options.Override(b.options(path+"/", in.OptionData))
	if s.Wire, err = b.catalog.Wire(b.global.Override(s.Options)); err != nil {
		b.fail(err, "%s/option-data", path)
	}
	var hosts []Reservation
	if first(b.config.HostsHere, in.InSubnet, above.InSubnet) {
		hosts = in.Reservations
	}
	s.Hosts = b.hosts(path+"/", hosts, s)
	b.pools(path, in, s)
	return s
}

func (b *builder) pools(path string, in Subnet, s *subnet.Subnet) {
	var at []string // the item that each pool stands in
	add := func(item string, p *subnet.Pool, l Limit) {
		p.ID, p.Limit = l.ID, b.limit(item, l.ClientClass, l.Classes, l.Required)
		p.Options = b.options(item+"/", l.OptionData)
		var err error
		if p.Wire, err = b.catalog.Wire(b.global.Override(s.Options).Override(p.Options)); err != nil {
			b.fail(err, "%s/option-data", item)
		}
		s.Pools, at = append(s.Pools, p), append(at, item)
	}
	addresses := func(item, text string, l Limit) {
		r, err := subnet.ParseRange(text)
		if err == nil && !r.First.Is6() {
			err = fmt.Errorf("pool %q holds no IPv6 addresses", text)
		}
		if err != nil {
			b.fail(err, "%s", item)
			return
		}
		add(item, &subnet.Pool{Range: r, Length: 128}, l)
	}
	for i, text := range in.Pools {
		addresses(fmt.Sprintf("%s/pool[%d]", path, i), text, Limit{})
	}
	for i, p := range in.Detailed {
		addresses(fmt.Sprintf("%s/pools[%d]", path, i), p.Range, p.Limit)
	}
	for i, p := range in.PDPools {
		item := fmt.Sprintf("%s/pd-pools[%d]", path, i)
		if pool, err := prefixPool(p); err != nil {
			b.fail(err, "%s", item)
		} else {
			add(item, pool, p.Limit)
		}
	}
	wrong := s.CheckPools()
	for _, j := range slices.Sorted(maps.Keys(wrong)) {
		b.fail(wrong[j], "%s", at[j])
	}
}

func prefixPool(p PDPool) (*subnet.Pool, error) {
	a, err := netip.ParseAddr(p.Prefix)
	if err != nil || !a.Is6() || a.Is4In6() || a.Zone() != "" {
		return nil, fmt.Errorf("prefix %q is not an IPv6 address", p.Prefix)
	}
	whole := netip.PrefixFrom(a, p.Length)
	switch {
	case whole.Masked() != whole:
		return nil, fmt.Errorf("bits of prefix %s behind its length are set", whole)
	case p.Delegated < p.Length:
		return nil, fmt.Errorf("delegated-len %d is shorter than prefix-len %d", p.Delegated, p.Length)
	}
	out := &subnet.Pool{Range: subnet.RangeOf(whole), Length: uint8(p.Delegated), Delegates: true}
	if p.Excluded == "" || p.Excluded == "::" && p.ExcludedLength == 0 {
		return out, nil
	}
	a, err = netip.ParseAddr(p.Excluded)
	if err != nil || !a.Is6() || a.Zone() != "" || p.ExcludedLength <= p.Delegated {
		return nil, fmt.Errorf("excluded-prefix %q of length %d is not an IPv6 prefix longer than delegated-len %d", p.Excluded, p.ExcludedLength, p.Delegated)
	}
	out.Excluded = netip.PrefixFrom(a, p.ExcludedLength).Masked()
	return out, nil
}

// hosts reads reservations. Addresses must lie in the subnet s, if there is one.
func (b *builder) hosts(at string, list []Reservation, s *subnet.Subnet) *subnet.Hosts {
	var all []*subnet.Host
	var index []int
	for i, r := range list {
		item := fmt.Sprintf("%sreservations[%d]", at, i)
		h := &subnet.Host{HostName: r.HostName, Classes: r.Classes, Options: b.options(item+"/", r.OptionData)}
		var err error
		if h.Identifier, err = identifierOf(r); err != nil {
			b.fail(err, "%s", item)
			continue
		}
		for j, text := range r.Addresses {
			a, err := netip.ParseAddr(text)
			if err != nil || !a.Is6() || a.Zone() != "" || s != nil && !s.Contains(a) {
				b.fail(fmt.Errorf("%q is no address of the subnet", text), "%s/ip-addresses[%d]", item, j)
				continue
			}
			h.Addresses = append(h.Addresses, a)
		}
		for j, text := range r.Prefixes {
			p, err := netip.ParsePrefix(text)
			if err != nil || !p.Addr().Is6() || p.Masked() != p {
				b.fail(fmt.Errorf("%q is not a prefix with length", text), "%s/prefixes[%d]", item, j)
				continue
			}
			h.Prefixes = append(h.Prefixes, p)
		}
		all, index = append(all, h), append(index, i)
	}
	hosts, wrong := subnet.NewHosts(all)
	for _, i := range slices.Sorted(maps.Keys(wrong)) {
		b.fail(wrong[i], "%sreservations[%d]", at, index[i])
	}
	return hosts
}

func identifierOf(r Reservation) (subnet.Identifier, error) {
	var found []subnet.Identifier
	for _, one := range []struct {
		kind  subnet.IdentifierKind
		text  string
		parse func(string) (string, error)
	}{{subnet.ByDUID, r.DUID, duid.ParseHex}, {subnet.ByHWAddr, r.HWAddress, duid.ParseHex}, {subnet.ByFlexID, r.FlexID, subnet.ParseIdentifier}} {
		if one.text == "" {
			continue
		}
		value, err := one.parse(one.text)
		if err != nil {
			return subnet.Identifier{}, fmt.Errorf("%s: %w", one.kind, err)
		}
		found = append(found, subnet.Identifier{Kind: one.kind, Value: value})
	}
	if len(found) != 1 {
		return subnet.Identifier{}, errors.New("a reservation needs one of duid, hw-address and flex-id")
	}
	return found[0], nil
}
