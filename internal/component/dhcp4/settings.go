package dhcp4

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"path/filepath"
	"slices"
	"time"

	"bundy/internal/dhcp/class"
	"bundy/internal/dhcp/ledger"
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
	interfaces   []netif.Choice
	ports        netif.Ports
	subnets      *subnet.List
	identities   subnet.Identities // the numbers of subnets, to be remembered
	renumbered   bool              // that memory is not on disk yet
	catalog      *option.Catalog
	global       option.Set
	classes      *class.Classes
	told         map[string]told // by class: what its clients are told
	identifiers  []subnet.IdentifierKind
	flexID       *class.Expression // nil: none
	echoClientID bool
	probation    uint32
	ping         pinging
	reclaim      ledger.Rules
	database     database
	names        policy.Config
	plan         *policy.Plan                     // of the section dynamic_dns; nil: names holds alone
	local        map[*subnet.Subnet]policy.Config // of those subnets where other rules hold
	requests     netip.AddrPort                   // where name change requests go; invalid when updates are off
}

// pinging is the map ping-check. Disabled it has no timeout.
type pinging struct{ timeout, clear time.Duration }

// database says which leases the server uses. Equal values are the same ones.
type database struct {
	path     string
	volatile bool
}

// identitiesName is the file in the state directory that remembers the numbers of subnets.
const identitiesName = "subnet-ids4.json"

// leaseFileName is the guide's name of the default lease file.
const leaseFileName = "kea-leases4.csv"

// naming gives the rules for names of clients of a subnet, which may be nil.
func (s *settings) naming(sub *subnet.Subnet) policy.Config {
	if len(s.local) > 0 {
		if c, ok := s.local[sub]; ok {
			return c
		}
	}
	return s.names
}

// builder turns the section into settings and collects all that is wrong with it.
type builder struct {
	errs    []error
	catalog *option.Catalog
	classes *class.Classes
	names   policy.Config
	local   map[*subnet.Subnet]policy.Config
}

func (b *builder) fail(err error, format string, args ...any) {
	b.errs = append(b.errs, fmt.Errorf("Dhcp4/"+format+": %w", append(args, err)...))
}

// build makes settings of a section. known are the numbers that subnets had before. The errors begin with the path of
// the item.
func build(spec *schema.Module, section schema.Section, p paths.Paths, known subnet.Identities) (*settings, []error) {
	var c Config
	if err := schema.Decode(spec, section, &c); err != nil {
		return nil, []error{err}
	}
	b := &builder{}
	s := &settings{
		ports:        netif.Ports{Server: c.ServerPort, Client: c.ClientPort},
		echoClientID: c.EchoClientID,
		probation:    c.Probation,
		reclaim:      ledger.RulesOf(c.Reclaim),
		database:     b.database(c.Database, p),
	}
	if c.Ping.Enable {
		s.ping = pinging{time.Duration(c.Ping.Timeout) * time.Millisecond, time.Duration(c.Ping.Clear) * time.Second}
	}
	if len(c.Hooks) > 0 {
		b.fail(fmt.Errorf("hook library %q cannot be loaded: this server has no hooks", c.Hooks[0]), "hooks-libraries[0]")
	}
	s.interfaces = b.interfaces(c.Interfaces)
	b.definitions(c.OptionDefs)
	s.catalog = b.catalog
	s.global = b.options("", c.OptionData)
	s.names, s.requests = b.nameUpdates(c.NameUpdates)
	b.names, s.local = s.names, map[*subnet.Subnet]policy.Config{}
	b.local = s.local
	b.classDefinitions(c, s)
	b.identification(c, s)
	b.networks(c, section, s, known)
	if len(b.errs) > 0 {
		return nil, b.errs
	}
	return s, nil
}

func (b *builder) interfaces(names []string) []netif.Choice {
	var out []netif.Choice
	for i, name := range names {
		if slices.Contains(names[:i], name) {
			b.fail(fmt.Errorf("interface %q is named twice", name), "interfaces[%d]", i)
		}
		choice, err := netif.ParseChoice(name)
		if err != nil || choice.Address.Is6() {
			b.fail(cmp.Or(err, fmt.Errorf("%q names no IPv4 address", name)), "interfaces[%d]", i)
		}
		out = append(out, choice)
	}
	return out
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
	custom := b.defined("", defs)
	catalog, wrong := option.NewCatalog(option.Family4, custom)
	b.misdefined("", custom, wrong)
	b.catalog = catalog
}

// defined reads option-def; at is the path before it.
func (b *builder) defined(at string, defs []OptionDef) []option.Definition {
	custom := make([]option.Definition, len(defs))
	for i, d := range defs {
		inner := d.Encapsulate
		if inner == "" {
			inner = d.Encapsulates
		}
		code := uint16(d.Code)
		if d.Code < 1 || d.Code > 254 {
			b.fail(fmt.Errorf("option code %d is not in 1 to 254", d.Code), "%soption-def[%d]/code", at, i)
			code = 0
		}
		custom[i] = option.Definition{
			Space: d.Space, Name: d.Name, Code: code, Type: option.Type(d.Type), Array: d.Array,
			Fields: option.ParseTypes(d.RecordTypes), Encapsulates: inner,
		}
	}
	return custom
}

// misdefined tells of definitions that a catalog refused, but for those whose code was.
func (b *builder) misdefined(at string, custom []option.Definition, wrong map[int]error) {
	for _, i := range slices.Sorted(maps.Keys(wrong)) {
		if custom[i].Code != 0 {
			b.fail(wrong[i], "%soption-def[%d]", at, i)
		}
	}
}

func (b *builder) options(at string, data []OptionData) option.Set {
	var values []option.Value
	for i, d := range data {
		use := option.Asked
		switch {
		case d.Never:
			use = option.Never
		case d.Always:
			use = option.Always
		}
		v, err := b.catalog.Encode(option.Setting{Name: d.Name, Code: d.Code, Data: d.Data, CSV: d.CSV, Space: d.Space, Use: use})
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
