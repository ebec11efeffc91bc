package dhcp4

import (
	"fmt"
	"maps"
	"net/netip"
	"path/filepath"
	"slices"
	"time"

	"bundy/internal/dhcp/netif"
	"bundy/internal/dhcp/option"
	"bundy/internal/dhcp/subnet"
	"bundy/internal/dns/wire"
	"bundy/internal/naming/policy"
	"bundy/internal/suite/paths"
	"bundy/internal/suite/schema"
)

// settings is a configuration made ready. It is immutable.
type settings struct {
	interfaces    []string
	ports         netif.Ports
	subnets       *subnet.List
	echoClientID  bool
	authoritative bool
	probation     uint32
	reclaim       reclaiming
	database      database
	names         policy.Config
	requests      netip.AddrPort // where name change requests go; invalid when updates are off
}

type reclaiming struct {
	wait, flush, hold, maxTime time.Duration
	maxLeases, warnCycles      int
}

// database says which leases the server uses. Equal values are the same ones.
type database struct {
	path     string
	volatile bool
}

// leaseFileName is the guide's name of the default lease file.
const leaseFileName = "kea-leases4.csv"

// maxReclaim stands for the item max-reclaim-leases of 0.
const maxReclaim = 100000

// builder turns the section into settings and collects all that is wrong with it.
type builder struct {
	errs    []error
	catalog *option.Catalog
}

func (b *builder) fail(err error, format string, args ...any) {
	b.errs = append(b.errs, fmt.Errorf("Dhcp4/"+format+": %w", append(args, err)...))
}

// build makes settings of a section. The errors begin with the path of the item.
func build(spec *schema.Module, section schema.Section, p paths.Paths) (*settings, []error) {
	var c Config
	if err := schema.Decode(spec, section, &c); err != nil {
		return nil, []error{err}
	}
	b := &builder{}
	s := &settings{
		interfaces:    c.Interfaces,
		ports:         netif.Ports{Server: c.ServerPort, Client: c.ClientPort},
		echoClientID:  c.EchoClientID,
		authoritative: c.Authoritative,
		probation:     c.Probation,
		reclaim:       reclaimingOf(c.Reclaim),
		database:      b.database(c.Database, p),
	}
	if len(c.Hooks) > 0 {
		b.fail(fmt.Errorf("hook library %q cannot be loaded: this server has no hooks", c.Hooks[0]), "hooks-libraries[0]")
	}
	for i, name := range c.Interfaces {
		if slices.Contains(c.Interfaces[:i], name) {
			b.fail(fmt.Errorf("interface %q is named twice", name), "interfaces[%d]", i)
		}
	}
	b.definitions(c.OptionDefs)
	global := b.options("", c.OptionData)
	next := b.address(c.NextServer, "next-server")
	s.subnets = b.subnets(c, global, next)
	s.names, s.requests = b.nameUpdates(c.NameUpdates)
	if len(b.errs) > 0 {
		return nil, b.errs
	}
	return s, nil
}

func reclaimingOf(c Reclaim) reclaiming {
	r := reclaiming{
		wait:       time.Duration(c.Wait) * time.Second,
		flush:      time.Duration(c.Flush) * time.Second,
		hold:       time.Duration(c.Hold) * time.Second,
		maxTime:    time.Duration(c.MaxTime) * time.Millisecond,
		maxLeases:  c.MaxLeases,
		warnCycles: c.WarnCycles,
	}
	if r.maxLeases == 0 {
		r.maxLeases = maxReclaim
	}
	return r
}

func (b *builder) database(c Database, p paths.Paths) database {
	if c.Type != "" && c.Type != "memfile" {
		b.fail(fmt.Errorf("lease database of type %q is not available; use memfile", c.Type), "lease-database/type")
	}
	path := c.Name
	if path == "" {
		path = filepath.Join(p.State, leaseFileName)
	} else if !filepath.IsAbs(path) { // others follow the file; they run elsewhere
		b.fail(fmt.Errorf("lease file %q is not an absolute path", path), "lease-database/name")
	}
	return database{path: path, volatile: !c.Persist}
}

func (b *builder) definitions(defs []OptionDef) {
	custom := make([]option.Definition, len(defs))
	for i, d := range defs {
		inner := d.Encapsulate
		if inner == "" {
			inner = d.Encapsulates
		}
		code := uint16(d.Code)
		if d.Code < 1 || d.Code > 254 {
			b.fail(fmt.Errorf("option code %d is not in 1 to 254", d.Code), "option-def[%d]/code", i)
			code = 0
		}
		custom[i] = option.Definition{
			Space: d.Space, Name: d.Name, Code: code, Type: option.Type(d.Type), Array: d.Array,
			Fields: option.ParseTypes(d.RecordTypes), Encapsulates: inner,
		}
	}
	catalog, wrong := option.NewCatalog(option.Family4, custom)
	for _, i := range slices.Sorted(maps.Keys(wrong)) {
		if custom[i].Code != 0 {
			b.fail(wrong[i], "option-def[%d]", i)
		}
	}
	b.catalog = catalog
}

func (b *builder) options(at string, data []OptionData) option.Set {
	var values []option.Value
	for i, d := range data {
		v, err := b.catalog.Encode(option.Setting{Name: d.Name, Code: d.Code, Data: d.Data, CSV: d.CSV, Space: d.Space})
		if err != nil {
			b.fail(err, "%soption-data[%d]", at, i)
			continue
		}
		values = append(values, v)
	}
	return option.NewSet(values...)
}

// address reads an optional IPv4 address; the invalid address when it is empty.
func (b *builder) address(text, format string, args ...any) netip.Addr {
	if text == "" {
		return netip.Addr{}
	}
	a, err := netip.ParseAddr(text)
	if err != nil || !a.Is4() {
		b.fail(fmt.Errorf("%q is not an IPv4 address", text), format, args...)
		return netip.Addr{}
	}
	return a
}

func (b *builder) subnets(c Config, global option.Set, next netip.Addr) *subnet.List {
	ids := make([]uint32, len(c.Subnets))
	for i, s := range c.Subnets {
		ids[i] = s.ID
	}
	all := make([]*subnet.Subnet, len(ids))
	prefixes := make([]netip.Prefix, len(ids))
	for i := range all {
		all[i] = b.subnet(i, c, global, next)
		prefixes[i] = all[i].Prefix
	}
	numbers, _, _ := subnet.Identities(nil).Number(prefixes, ids)
	for i, s := range all {
		s.ID = numbers[i]
	}
	list := subnet.NewList(all, nil)
	if len(b.errs) == 0 { // else prefixes may be missing
		wrong := list.Check()
		for _, i := range slices.Sorted(maps.Keys(wrong)) {
			b.fail(wrong[i], "subnet4[%d]", i)
		}
	}
	return list
}

func (b *builder) subnet(i int, c Config, global option.Set, next netip.Addr) *subnet.Subnet {
	in := c.Subnets[i]
	s := &subnet.Subnet{
		Path:   fmt.Sprintf("subnet4[%d]", i),
		Timers: subnet.Timers{Renew: c.Renew, Rebind: c.Rebind, Valid: subnet.Fixed(c.Valid)},
		Boot:   subnet.Boot{NextServer: next},
	}
	if in.ClientClass != "" {
		s.Limit.Classes = []string{in.ClientClass}
	}
	if a := b.address(in.Relay.Address, "subnet4[%d]/relay/ip-address", i); a.IsValid() && !a.IsUnspecified() {
		s.Relays = []netip.Addr{a}
	}
	if in.Renew != nil {
		s.Timers.Renew = *in.Renew
	}
	if in.Rebind != nil {
		s.Timers.Rebind = *in.Rebind
	}
	if in.Valid != nil {
		s.Timers.Valid = subnet.Fixed(*in.Valid)
	}
	if a := b.address(in.NextServer, "subnet4[%d]/next-server", i); a.IsValid() {
		s.Boot.NextServer = a
	}
	var err error
	if s.Prefix, err = subnet.ParsePrefix(in.Prefix, 32); err != nil {
		b.fail(err, "subnet4[%d]/subnet", i)
		return s
	}
	good := true
	for j, text := range in.Pools {
		r, err := subnet.ParseRange(text)
		if err != nil {
			b.fail(err, "subnet4[%d]/pool[%d]", i, j)
			good = false
			continue
		}
		s.Pools = append(s.Pools, &subnet.Pool{Range: r, Length: 32})
	}
	if good {
		wrong := s.CheckPools()
		for _, j := range slices.Sorted(maps.Keys(wrong)) {
			b.fail(wrong[j], "subnet4[%d]/pool[%d]", i, j)
		}
	}
	at := fmt.Sprintf("subnet4[%d]/", i)
	s.Options = b.options(at, in.OptionData)
	if s.Wire, err = b.catalog.Wire(global.Override(s.Options)); err != nil {
		b.fail(err, "%soption-data", at)
	}
	return s
}

func (b *builder) nameUpdates(c NameUpdates) (policy.Config, netip.AddrPort) {
	names := policy.Config{
		EnableUpdates: c.Enable, OverrideNoUpdate: c.OverrideNoUpdate, OverrideClientUpdate: c.OverrideClientUpdate,
		ReplaceClientName: c.ReplaceClientName, GeneratedPrefix: c.GeneratedPrefix, Suffix: wire.Root,
	}
	if c.QualifyingSuffix != "" {
		suffix, err := wire.ParseName(c.QualifyingSuffix)
		if err != nil {
			b.fail(err, "dhcp-ddns/qualifying-suffix")
		}
		names.Suffix = suffix
	}
	ip, err := netip.ParseAddr(c.ServerIP)
	if err != nil {
		b.fail(fmt.Errorf("%q is not an IP address", c.ServerIP), "dhcp-ddns/server-ip")
		return names, netip.AddrPort{}
	}
	if !c.Enable {
		return names, netip.AddrPort{}
	}
	return names, netip.AddrPortFrom(ip, c.ServerPort)
}
