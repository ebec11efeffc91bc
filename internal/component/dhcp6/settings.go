package dhcp6

import (
	"fmt"
	"maps"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

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
	serverPort   uint16
	clientPort   uint16
	subnets      *subnet.List
	identities   subnet.Identities // the numbers of the subnets, to be remembered
	numbered     bool              // there are new ones among them
	catalog      *option.Catalog
	global       option.Set  // options for all
	wire         option.Wire // the same, ready
	classes      *class.Classes
	told         map[string]told // by class
	identifiers  []subnet.IdentifierKind
	flexID       *class.Expression // nil: none
	supplied     []uint16          // codes of options that relay agents may supply
	registration bool
	reconfigure  bool
	probation    uint32
	reclaim      ledger.Rules
	database     database
	names        policy.Config
	plan         *policy.Plan                     // of the section dynamic_dns; nil: names holds alone
	local        map[*subnet.Subnet]policy.Config // of those subnets where other rules hold
	requests     netip.AddrPort                   // where name change requests go; invalid when updates are off
}

// database says which leases the server uses. Equal values are the same ones.
type database struct {
	path     string
	volatile bool
}

// Names of files in the state directory.
const (
	leaseFileName    = "kea-leases6.csv"
	identityFileName = "subnet-ids6.json"
	serverIDFileName = "bundy-dhcp6-serverid"
	secretFileName   = "reconfigure-secret6"
)

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
	global  option.Set
	config  *Config

	renewSaid, rebindSaid bool // in the section, not by default
}

func (b *builder) fail(err error, format string, args ...any) {
	b.errs = append(b.errs, fmt.Errorf("Dhcp6/"+format+": %w", append(args, err)...))
}

// build makes settings of a section. known is the numbers that subnets had before. The errors begin with the path of
// the item.
func build(spec *schema.Module, section schema.Section, p paths.Paths, known subnet.Identities) (*settings, []error) {
	var c Config
	if err := schema.Decode(spec, section, &c); err != nil {
		return nil, []error{err}
	}
	b := &builder{config: &c}
	_, b.renewSaid = section["renew-timer"]
	_, b.rebindSaid = section["rebind-timer"]
	s := &settings{
		interfaces:   b.interfaces(c.Interfaces),
		serverPort:   c.ServerPort,
		clientPort:   c.ClientPort,
		registration: c.Registration,
		reconfigure:  c.Reconfigure,
		probation:    c.Probation,
		reclaim:      ledger.RulesOf(c.Reclaim),
		database:     b.database(c.Database, p),
	}
	if len(c.Hooks) > 0 {
		b.fail(fmt.Errorf("hook library %q cannot be loaded: this server has no hooks", c.Hooks[0]), "hooks-libraries[0]")
	}
	b.definitions(c.OptionDefs)
	s.catalog = b.catalog
	b.global = b.options("", c.OptionData)
	s.global = b.global
	s.names, s.requests = b.nameUpdates(c.NameUpdates)
	b.names, s.local = s.names, map[*subnet.Subnet]policy.Config{}
	b.local = s.local
	var err error
	if s.wire, err = b.catalog.Wire(s.global); err != nil {
		b.fail(err, "option-data")
	}
	s.classes, s.told = b.clientClasses(c.Classes)
	b.identification(c, s)
	s.supplied = b.supplied(c.Supplied)
	s.subnets, s.identities, s.numbered = b.subnets(c, known)
	if len(b.errs) > 0 {
		return nil, b.errs
	}
	return s, nil
}

// interfaces reads names, "*" and "name/address". An interface has one address besides at most.
func (b *builder) interfaces(texts []string) []netif.Choice {
	var out []netif.Choice
	unicast := map[string]bool{}
	for i, text := range texts {
		if slices.Contains(texts[:i], text) {
			b.fail(fmt.Errorf("interface %q is named twice", text), "interfaces[%d]", i)
			continue
		}
		name, address, has := strings.Cut(text, "/")
		c := netif.Choice{Name: name}
		if has {
			var err error
			c.Address, err = netip.ParseAddr(address)
			switch {
			case err != nil || !c.Address.Is6() || c.Address.Is4In6() || c.Address.IsMulticast() || c.Address.IsUnspecified() || c.Address.IsLinkLocalUnicast():
				b.fail(fmt.Errorf("%q is no IPv6 address that could be served besides", address), "interfaces[%d]", i)
			case name == "" || name == "*":
				b.fail(fmt.Errorf("%q names no interface for the address", text), "interfaces[%d]", i)
			case unicast[name]:
				b.fail(fmt.Errorf("interface %q has another address already", name), "interfaces[%d]", i)
			}
			unicast[name] = true
		}
		out = append(out, c)
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
	custom := make([]option.Definition, len(defs))
	for i, d := range defs {
		inner := d.Encapsulate
		if inner == "" {
			inner = d.Encapsulates
		}
		code := d.Code
		if code < 1 || code > option.Family6.MaxCode() {
			b.fail(fmt.Errorf("option code %d is not in 1 to %d", code, option.Family6.MaxCode()), "option-def[%d]/code", i)
			code = 0
		}
		custom[i] = option.Definition{
			Space: d.Space, Name: d.Name, Code: uint16(code), Type: option.Type(d.Type), Array: d.Array,
			Fields: option.ParseTypes(d.RecordTypes), Encapsulates: inner,
		}
	}
	catalog, wrong := option.NewCatalog(option.Family6, custom)
	for _, i := range slices.Sorted(maps.Keys(wrong)) {
		if custom[i].Code != 0 {
			b.fail(wrong[i], "option-def[%d]", i)
		}
	}
	b.catalog = catalog
}

// options reads option-data; at is the path before it.
func (b *builder) options(at string, data []OptionData) option.Set {
	var values []option.Value
	for i, d := range data {
		use := option.Asked
		switch {
		case d.Always && d.Never:
			b.fail(fmt.Errorf("option %q is always and never to be sent", d.Name), "%soption-data[%d]/never-send", at, i)
		case d.Always:
			use = option.Always
		case d.Never:
			use = option.Never
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

// told is what the clients of a class are told.
type told struct {
	options          option.Set
	valid, preferred *subnet.Lifetime // nil: what their subnet says
}

func (b *builder) clientClasses(list []Class) (*class.Classes, map[string]told) {
	definitions := make([]class.Definition, len(list))
	all := map[string]told{}
	for i, c := range list {
		definitions[i] = class.Definition{Name: c.Name, Test: c.Test, Required: c.Required}
		path := fmt.Sprintf("client-classes[%d]", i)
		t := told{options: b.options(path+"/", c.OptionData)}
		if c.Valid != nil {
			l := b.lifetime(path, "valid-lifetime", []*uint32{c.Valid}, []*uint32{c.MinValid}, []*uint32{c.MaxValid}, 0)
			t.valid = &l
		}
		if c.Preferred != nil {
			l := b.lifetime(path, "preferred-lifetime", []*uint32{c.Preferred}, []*uint32{c.MinPreferred}, []*uint32{c.MaxPreferred}, 0)
			t.preferred = &l
		}
		if t.options.Len() > 0 || t.valid != nil || t.preferred != nil {
			all[c.Name] = t
		}
	}
	classes, wrong := class.NewClasses(option.Family6, b.catalog, definitions)
	for _, i := range slices.Sorted(maps.Keys(wrong)) {
		b.fail(wrong[i], "client-classes[%d]", i)
	}
	b.classes = classes
	return classes, all
}

// identification reads by what reservations are looked up.
func (b *builder) identification(c Config, s *settings) {
	for i, name := range c.Identifiers {
		k, err := subnet.ParseIdentifierKind(name)
		if err == nil && (k == subnet.ByCircuitID || k == subnet.ByClientID) {
			err = fmt.Errorf("%q is not known in DHCPv6: duid, hw-address or flex-id", name)
		}
		if err != nil {
			b.fail(err, "host-reservation-identifiers[%d]", i)
		}
		s.identifiers = append(s.identifiers, k)
	}
	if c.FlexID != "" {
		var err error
		if s.flexID, err = class.CompileText(option.Family6, b.catalog, c.FlexID); err != nil {
			b.fail(err, "identifier-expression")
		}
	}
}

// supplied reads which options relay agents may supply.
func (b *builder) supplied(names []string) []uint16 {
	var out []uint16
	for i, name := range names {
		code, err := strconv.ParseUint(name, 10, 16)
		if d := b.catalog.ByName("dhcp6", name); d != nil {
			code, err = uint64(d.Code), nil
		}
		if err != nil || serverOwned(uint16(code)) || code == 0 {
			b.fail(fmt.Errorf("%q is no option that a relay agent could supply", name), "relay-supplied-options[%d]", i)
			continue
		}
		out = append(out, uint16(code))
	}
	return out
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
