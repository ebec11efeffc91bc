package dhcp4

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"bundy/internal/dhcp/class"
	"bundy/internal/dhcp/option"
	"bundy/internal/dhcp/subnet"
	"bundy/internal/naming/policy"
	"bundy/internal/suite/schema"
)

// level is what holds at one level of the configuration: the global one, a network, a subnet.
type level struct {
	timers        subnet.Timers
	boot          subnet.Boot
	options       option.Set // without the global ones
	relays        []netip.Addr
	iface         string
	matchID       bool
	authoritative bool
	cache         float64
	hostsGlobal   bool
	hostsHere     bool
	names         policy.Config
}

// networks makes the subnets of the configuration, those of shared networks behind the others.
func (b *builder) networks(c Config, section schema.Section, s *settings, known subnet.Identities) {
	top := level{
		timers: subnet.Timers{Renew: c.Renew, Rebind: c.Rebind}, boot: b.boot("", c.Boot), matchID: c.MatchID,
		authoritative: c.Authoritative, cache: c.Cache, hostsGlobal: c.HostsGlobal, hostsHere: c.HostsHere, names: b.names,
	}
	top.timers.Valid = b.lifetime("", Lifetimes{&c.Valid, c.MinValid, c.MaxValid}, subnet.Lifetime{})
	if c.Tees {
		top.timers.RenewShare, top.timers.RebindShare = c.T1Percent, c.T2Percent
		if _, said := section["renew-timer"]; !said { // the default does not stand in the way
			top.timers.Renew = 0
		}
		if _, said := section["rebind-timer"]; !said {
			top.timers.Rebind = 0
		}
	}
	var all []*subnet.Subnet
	var given []uint32
	var prefixes []netip.Prefix
	add := func(at string, in Subnet, above level, n *subnet.Network) {
		made := b.subnet(at, in, above, s)
		if made.Network = n; n != nil {
			n.Subnets = append(n.Subnets, made)
		}
		all, given, prefixes = append(all, made), append(given, in.ID), append(prefixes, made.Prefix)
	}
	for i, in := range c.Subnets {
		add(fmt.Sprintf("subnet4[%d]", i), in, top, nil)
	}
	names := map[string]bool{}
	for i, in := range c.Networks {
		at := fmt.Sprintf("shared-networks[%d]", i)
		if in.Name == "" || names[in.Name] {
			b.fail(fmt.Errorf("the network needs a name of its own, not %q", in.Name), "%s/name", at)
		}
		names[in.Name] = true
		n := &subnet.Network{Name: in.Name, Limit: b.limit(at+"/", in.Limit)}
		inside := b.below(at+"/", top, in.Scope)
		for j, sub := range in.Subnets {
			add(fmt.Sprintf("%s/subnet4[%d]", at, j), sub, inside, n)
		}
	}
	var ids []uint32
	ids, s.identities, s.renumbered = known.Number(prefixes, given)
	for i := range all {
		all[i].ID = ids[i]
	}
	s.subnets = subnet.NewList(all, b.hosts("", c.Hosts, nil))
	if len(b.errs) == 0 { // else prefixes may be missing
		wrong := s.subnets.Check()
		for _, i := range slices.Sorted(maps.Keys(wrong)) {
			b.fail(wrong[i], "%s", all[i].Path)
		}
	}
}

// below gives what holds at the next lower level.
func (b *builder) below(at string, above level, in Scope) level {
	l := above
	if in.Tees != nil && !*in.Tees {
		l.timers.RenewShare, l.timers.RebindShare = 0, 0
	}
	over(&l.timers.Renew, in.Renew)
	over(&l.timers.Rebind, in.Rebind)
	over(&l.timers.RenewShare, in.T1Percent)
	over(&l.timers.RebindShare, in.T2Percent)
	if in.Tees != nil && *in.Tees { // those of the levels above do not stand in the way
		if in.Renew == nil {
			l.timers.Renew = 0
		}
		if in.Rebind == nil {
			l.timers.Rebind = 0
		}
		if l.timers.RenewShare == 0 {
			l.timers.RenewShare = defaultT1
		}
		if l.timers.RebindShare == 0 {
			l.timers.RebindShare = defaultT2
		}
	}
	l.timers.Valid = b.lifetime(at, in.Lifetimes, above.timers.Valid)
	l.boot = b.boot(at, in.Boot).Or(above.boot)
	l.options = above.options.Override(b.options(at, in.OptionData))
	if relays := b.relays(at, in.Relay); len(relays) > 0 {
		l.relays = relays
	}
	if in.Interface != "" {
		l.iface = in.Interface
	}
	over(&l.matchID, in.MatchID)
	over(&l.authoritative, in.Authority)
	over(&l.cache, in.Cache)
	over(&l.hostsGlobal, in.HostsGlobal)
	over(&l.hostsHere, in.HostsHere)
	var err error
	if l.names, err = in.Local.Over(above.names); err != nil {
		b.fail(err, "%s", strings.TrimSuffix(at, "/"))
	}
	return l
}

// Shares of the lease time for T1 and T2 (RFC 2131 section 4.4.5).
const (
	defaultT1 = 0.5
	defaultT2 = 0.875
)

func over[T any](target *T, value *T) {
	if value != nil {
		*target = *value
	}
}

func (b *builder) subnet(at string, in Subnet, above level, set *settings) *subnet.Subnet {
	l := b.below(at+"/", above, in.Scope)
	s := &subnet.Subnet{
		Path: at, Limit: b.limit(at+"/", in.Limit), Relays: l.relays, Interface: l.iface,
		Timers: l.timers, Boot: l.boot, Options: l.options,
		IgnoreClientIDs: !l.matchID, Authoritative: l.authoritative, CacheThreshold: l.cache, GlobalHosts: l.hostsGlobal,
	}
	var err error
	if s.Prefix, err = subnet.ParsePrefix(in.Prefix, 32); err != nil {
		b.fail(err, "%s/subnet", at)
		return s
	}
	if l.names != b.names {
		b.local[s] = l.names
	}
	s.Wire = b.wire(at, set.global.Override(s.Options))
	paths := make([]string, 0, len(in.PoolTexts)+len(in.Pools))
	add := func(path string, p Pool) {
		made := &subnet.Pool{Length: 32, ID: p.ID, Limit: b.limit(path+"/", p.Limit), Options: b.options(path+"/", p.OptionData), Wire: s.Wire}
		if made.Range, err = subnet.ParseRange(p.Range); err != nil {
			b.fail(err, "%s", path)
			return
		}
		if made.Options.Len() > 0 {
			made.Wire = b.wire(path, set.global.Override(s.Options).Override(made.Options))
		}
		s.Pools, paths = append(s.Pools, made), append(paths, path)
	}
	for i, text := range in.PoolTexts {
		add(fmt.Sprintf("%s/pool[%d]", at, i), Pool{Range: text})
	}
	for i, p := range in.Pools {
		add(fmt.Sprintf("%s/pools[%d]", at, i), p)
	}
	wrong := s.CheckPools()
	for _, i := range slices.Sorted(maps.Keys(wrong)) {
		b.fail(wrong[i], "%s", paths[i])
	}
	if l.hostsHere {
		s.Hosts = b.hosts(at+"/", in.Hosts, s)
	}
	return s
}

func (b *builder) wire(at string, s option.Set) option.Wire {
	w, err := b.catalog.Wire(s)
	if err != nil {
		b.fail(err, "%s/option-data", at)
	}
	return w
}

// lifetime reads the lease time of a level.
func (b *builder) lifetime(at string, in Lifetimes, above subnet.Lifetime) subnet.Lifetime {
	l := above
	if in.Valid != nil {
		l = subnet.Fixed(*in.Valid)
	}
	over(&l.Min, in.MinValid)
	over(&l.Max, in.MaxValid)
	if l.Default < l.Min || l.Default > l.Max {
		b.fail(fmt.Errorf("the lease time %d is not in %d to %d", l.Default, l.Min, l.Max), "%svalid-lifetime", at)
	}
	return l
}

func (b *builder) boot(at string, in Boot) subnet.Boot {
	for _, field := range []struct {
		name, text string
		room       int
	}{{"server-hostname", in.ServerName, maxServerName}, {"boot-file-name", in.FileName, maxFileName}} {
		if len(field.text) > field.room {
			b.fail(fmt.Errorf("%q has more than %d octets", field.text, field.room), "%s%s", at, field.name)
		}
	}
	return subnet.Boot{NextServer: b.address(in.NextServer, "%snext-server", at), ServerName: in.ServerName, FileName: in.FileName}
}

// Room in the fields sname and file, with the zero octet that ends them (RFC 2131 section 2).
const (
	maxServerName = 63
	maxFileName   = 127
)

func (b *builder) relays(at string, in Relay) []netip.Addr {
	var out []netip.Addr
	if a := b.address(in.Address, "%srelay/ip-address", at); a.IsValid() && !a.IsUnspecified() {
		out = append(out, a)
	}
	for i, text := range in.Addresses {
		if a := b.address(text, "%srelay/ip-addresses[%d]", at, i); a.IsValid() && !slices.Contains(out, a) {
			out = append(out, a)
		}
	}
	return out
}

// limit reads who may use something. Only classes that are only looked at on demand must be defined: others may be those
// of vendors, without their prefix.
func (b *builder) limit(at string, in Limit) subnet.Limit {
	l := subnet.Limit{Classes: slices.Clone(in.Classes), Required: in.Required}
	if in.Class != "" {
		l.Classes = append(l.Classes, in.Class)
	}
	for i, name := range in.Required {
		if !b.classes.Has(name) {
			b.fail(fmt.Errorf("class %q is not defined", name), "%srequire-client-classes[%d]", at, i)
		}
	}
	return l
}

// told is what the clients of a class are told.
type told struct {
	valid   subnet.Lifetime // no Default: not said
	boot    subnet.Boot
	options option.Set
}

// classOptions reads the options of a class, which may define some of them for itself alone.
func (b *builder) classOptions(at string, in Class) option.Set {
	if len(in.OptionDefs) == 0 {
		return b.options(at, in.OptionData)
	}
	custom := b.defined(at, in.OptionDefs)
	catalog, wrong := b.catalog.Within(custom)
	b.misdefined(at, custom, wrong)
	all := b.catalog
	b.catalog = catalog
	set := b.options(at, in.OptionData)
	b.catalog = all
	var codes []uint16
	for _, d := range custom {
		if d.Space == option.Family4.Main() {
			codes = append(codes, d.Code)
		}
	}
	set, err := catalog.Whole(set, codes)
	if err != nil {
		b.fail(err, "%soption-data", at)
	}
	return set
}

func (b *builder) classDefinitions(c Config, s *settings) {
	definitions := make([]class.Definition, len(c.Classes))
	s.told = map[string]told{}
	for i, in := range c.Classes {
		at := fmt.Sprintf("client-classes[%d]/", i)
		definitions[i] = class.Definition{Name: in.Name, Test: in.Test, Required: in.Required}
		t := told{boot: b.boot(at, in.Boot), options: b.classOptions(at, in)}
		if in.Valid != nil {
			t.valid = b.lifetime(at, in.Lifetimes, t.valid)
		}
		if t.valid.Default != 0 || t.boot != (subnet.Boot{}) || t.options.Len() > 0 {
			s.told[in.Name] = t
		}
	}
	var wrong map[int]error
	s.classes, wrong = class.NewClasses(option.Family4, b.catalog, definitions)
	b.classes = s.classes
	for _, i := range slices.Sorted(maps.Keys(wrong)) {
		b.fail(wrong[i], "client-classes[%d]", i)
	}
}
