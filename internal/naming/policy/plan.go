package policy

import (
	"fmt"
	"net/netip"
	"slices"

	"bundy/internal/dns/wire"
)

// families is the number of address families.
const families = 2

func familyOf(a netip.Addr) int {
	if a.Unmap().Is4() {
		return 0
	}
	return 1
}

// Plan is the naming policy of all addresses. The DHCP-DDNS server and the DHCP servers make it of the same sections, so
// that clients are told the names that they get. It is immutable.
type Plan struct {
	enabled   bool
	rules     Rules
	overrides []override // smaller networks first
	protected Protected
	networks  [families]*Networks
	configs   [families]Config
	zones     []wire.Name // that the section adds to those of forward_ddns
}

type override struct {
	Range
	enabled bool
	rules   Rules
}

// maxOverrides bounds the overrides, which are gone through for each lease.
const maxOverrides = 1000

// ReadPlan makes a plan of the sections DhcpDdns, Dhcp4 and Dhcp6 as they stand in the configuration; each may be nil.
// The errors begin with the path of their item below DhcpDdns.
func ReadPlan(ddns, dhcp4, dhcp6 map[string]any) (*Plan, []error) {
	d, err := readSection(ddns)
	if err != nil {
		return nil, []error{fmt.Errorf("dynamic_dns: %w", err)}
	}
	p := &Plan{
		enabled:  d.Enabled,
		networks: [families]*Networks{ReadNetworks(dhcp4, "subnet4"), ReadNetworks(dhcp6, "subnet6")},
		configs:  [families]Config{readConfig(dhcp4), readConfig(dhcp6)},
	}
	forward, every := domains(ddns)
	var errs []error
	wrong := func(format string, args ...any) { errs = append(errs, fmt.Errorf("dynamic_dns/"+format, args...)) }
	domain, err := zoneName(d.Domain)
	if err != nil {
		wrong("domain: %w", err)
	}
	p.rules = Rules{Suffix: domain, Prefix: d.Prefix, TTL: uint32(d.TTL), any: every}
	p.rules.Origins, err = origins(d.Sources)
	if err != nil {
		wrong("hostname_source: %w", err)
	}
	if d.Enabled && len(d.Sources) == 0 {
		wrong("hostname_source: no source of names is left; set enabled to false instead")
	}
	if err := checkPrefix(d.Prefix); err != nil {
		wrong("generated_prefix: %w", err)
	}
	for i, text := range d.Forward {
		z, err := zoneName(text)
		switch {
		case text == "":
			wrong("forward_zones[%d]: must not be empty", i)
		case err != nil:
			wrong("forward_zones[%d]: %w", i, err)
		case slices.Contains(p.zones, z):
			wrong("forward_zones[%d]: %s is in the list already", i, z)
		default:
			p.zones = append(p.zones, z)
		}
	}
	var bad []error
	p.protected, bad = ParseProtected(d.Protected)
	for _, err := range bad {
		wrong("%w", err)
	}
	p.readOverrides(d, wrong)
	if d.Enabled && len(p.zones) == 0 && len(forward) == 0 && !every {
		p.zones = p.derived()
	}
	all := append(slices.Clone(forward), p.zones...)
	p.rules.zones = all
	for i := range p.overrides {
		p.overrides[i].rules.zones, p.overrides[i].rules.any = all, every
	}
	if len(errs) > 0 {
		return nil, errs
	}
	return p, nil
}

func (p *Plan) readOverrides(d Section, wrong func(string, ...any)) {
	if len(d.Overrides) > maxOverrides {
		wrong("overrides: %d of them, at most %d can be", len(d.Overrides), maxOverrides)
		return
	}
	for i, c := range d.Overrides {
		r, err := ParseRange(c.Network)
		if err != nil {
			wrong("overrides[%d]/network: %w", i, err)
			continue
		}
		if slices.ContainsFunc(p.overrides, func(o override) bool { return o.Range == r }) {
			wrong("overrides[%d]/network: %q is in the list already", i, c.Network)
		}
		o := override{Range: r, enabled: c.Enabled == nil || *c.Enabled, rules: p.rules}
		if c.Domain != "" {
			if o.rules.Suffix, err = zoneName(c.Domain); err != nil {
				wrong("overrides[%d]/domain: %w", i, err)
			}
			o.rules.fixed = true
		}
		if len(c.Sources) > 0 {
			if o.rules.Origins, err = origins(c.Sources); err != nil {
				wrong("overrides[%d]/hostname_source: %w", i, err)
			}
		}
		if c.TTL != 0 {
			o.rules.TTL = uint32(c.TTL)
		}
		if c.Prefix != "" {
			o.rules.Prefix = c.Prefix
			if err := checkPrefix(c.Prefix); err != nil {
				wrong("overrides[%d]/generated_prefix: %w", i, err)
			}
		}
		p.overrides = append(p.overrides, o)
	}
	slices.SortStableFunc(p.overrides, func(a, b override) int {
		switch {
		case a.within(b.Range):
			return -1
		case b.within(a.Range):
			return 1
		}
		return a.First.Compare(b.First)
	})
}

// derived gives the zones where none are configured: the domains that names are put into.
func (p *Plan) derived() []wire.Name {
	var out []wire.Name
	add := func(n wire.Name) {
		if n != "" && !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	add(p.rules.Suffix)
	for _, o := range p.overrides {
		add(o.rules.Suffix)
	}
	if len(out) > 0 {
		return out
	}
	for _, n := range p.networks {
		for _, d := range n.domains() {
			add(d)
		}
	}
	return out
}

// domains gives the domains of forward_ddns, and whether one takes every name.
func domains(ddns map[string]any) (names []wire.Name, every bool) {
	forward, _ := ddns["forward_ddns"].(map[string]any)
	for _, d := range maps(forward["ddns_domains"]) {
		if text(d, "name") == "*" {
			every = true
		} else if n, err := zoneName(text(d, "name")); err == nil && n != "" {
			names = append(names, n)
		}
	}
	return names, every
}

// origins reads the item hostname_source.
func origins(texts []string) ([]Origin, error) {
	var out []Origin
	for _, t := range texts {
		o := Origin(t)
		if slices.Contains(out, o) {
			return nil, fmt.Errorf("%s is in the list already", t)
		}
		out = append(out, o)
	}
	return out, nil
}

// checkPrefix tells what is wrong with the first part of generated names.
func checkPrefix(prefix string) error {
	labels, full := splitText(prefix)
	for _, l := range labels {
		if len(l) > maxLabel-1 || sanitise(l) != l {
			return fmt.Errorf("%q is not made of lower-case letters, digits and inner hyphens", prefix)
		}
	}
	if full {
		return fmt.Errorf("%q ends in a dot", prefix)
	}
	return nil
}

// readConfig reads the map dhcp-ddns of a DHCP server's section, with its defaults.
func readConfig(section map[string]any) Config {
	m, _ := section["dhcp-ddns"].(map[string]any)
	is := func(item string) bool {
		b, _ := m[item].(bool)
		return b
	}
	or := func(item, otherwise string) string {
		if s, ok := m[item].(string); ok {
			return s
		}
		return otherwise
	}
	c := Config{
		EnableUpdates: is("enable-updates"), OverrideNoUpdate: is("override-no-update"),
		OverrideClientUpdate: is("override-client-update"), ReplaceClientName: is("replace-client-name"),
		GeneratedPrefix: or("generated-prefix", "myhost"), Suffix: wire.Root,
	}
	if s, err := wire.ParseName(or("qualifying-suffix", "example.com")); err == nil {
		c.Suffix = s.Lower()
	}
	return c
}

// Enabled tells whether the section dynamic_dns names leases.
func (p *Plan) Enabled() bool { return p.enabled }

// Zones gives the forward zones that the section adds to those of forward_ddns.
func (p *Plan) Zones() []wire.Name { return p.zones }

// TTL gives the time to live that the section says for an address; 0 if it says none.
func (p *Plan) TTL(a netip.Addr) uint32 {
	if r := p.rulesAt(a); r != nil {
		return r.TTL
	}
	return 0
}

// rulesAt gives the rules of the section for an address, without the domain; nil if it names no leases there.
func (p *Plan) rulesAt(a netip.Addr) *Rules {
	if !p.enabled {
		return nil
	}
	for i := range p.overrides {
		switch o := &p.overrides[i]; {
		case o.Contains(a) && o.enabled:
			return &o.rules
		case o.Contains(a):
			return nil
		}
	}
	return &p.rules
}

// Pools gives the addresses of all pools.
func (p *Plan) Pools() (out []Range) {
	for _, n := range p.networks {
		for _, a := range n.pools {
			out = append(out, a.Range)
		}
	}
	return out
}

// Place finds where an address lies.
func (p *Plan) Place(a netip.Addr) Place { return p.networks[familyOf(a)].At(a) }

// Config gives the rules for the names of an address.
func (p *Plan) Config(a netip.Addr) Config {
	c := p.configs[familyOf(a)]
	for _, l := range p.networks[familyOf(a)].At(a).locals {
		if over, err := l.Over(c); err == nil { // else the server's own check refuses it
			c = over
		}
	}
	return p.Over(c, a)
}

// Over gives the rules for the names of an address where the server's own rules are c.
func (p *Plan) Over(c Config, a netip.Addr) Config {
	c.Protected = &p.protected
	if !p.enabled {
		return c
	}
	at := p.rulesAt(a)
	if c.EnableUpdates = at != nil; at == nil {
		return c
	}
	rules := *at
	if !rules.fixed {
		rules.Suffix = p.suffix(rules, c.Suffix, a)
	}
	c.Rules = &rules
	return c
}

// suffix finds the domain behind names at an address: the one that clients there are told, if it is one that we publish
// in, else that of the section, of the server's options, or its qualifying suffix.
func (p *Plan) suffix(r Rules, qualifying wire.Name, a netip.Addr) wire.Name {
	n := p.networks[familyOf(a)]
	for _, d := range []wire.Name{n.At(a).Domain, r.Suffix, n.domain, qualifying} {
		if d != "" && d != wire.Root && (d == r.Suffix || r.any || slices.ContainsFunc(r.zones, d.IsBelow)) {
			return d
		}
	}
	return ""
}
