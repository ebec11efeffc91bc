package dhcpddns

import (
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"
	"time"

	"bundy/internal/dhcp/redundancy"
	"bundy/internal/dns/tsig"
	"bundy/internal/dns/wire"
	"bundy/internal/naming/owned"
	"bundy/internal/naming/policy"
	"bundy/internal/naming/publish"
	"bundy/internal/suite/paths"
	"bundy/internal/suite/schema"
)

// settings is a configuration as the engine uses it. It is immutable.
type settings struct {
	listen  netip.AddrPort
	allow   []netip.Prefix
	ttl     uint32        // 0: by the lease
	verify  time.Duration // between two looks at all records in DNS; 0 never
	rescan  time.Duration // between two readings of whole lease files
	catalog publish.Catalog

	plan     *policy.Plan // which names leases have
	conflict owned.Rules  // what to do about a name that is in DNS already
	marker   bool         // put a TXT record beside each name
	owner    string       // that it names; see owned.Marker

	groups *redundancy.Groups // which say what is this node's to publish
	links  []link             // subnets whose interface is configured

	longest [families]uint32 // lifetime of a lease of our servers, in seconds

	files []leaseFile // of our own DHCPv4 and DHCPv6 servers, then of others
}

// families is the number of address families; familyOf numbers them.
const families = 2

func familyOf(a netip.Addr) int {
	if a.Unmap().Is4() {
		return 0
	}
	return 1
}

// leaseFile is the lease file of a server, and the networks that it serves. Of the addresses in them the file alone says
// which names they have. The path is empty if the server is ours and keeps no file, or makes no updates.
type leaseFile struct {
	path    string
	family  int
	subnets []netip.Prefix
}

// fileOf gives the index of the lease file that decides about an address, the first of several; -1 if none does.
func (s *settings) fileOf(a netip.Addr) int {
	for i := range s.files {
		if f := &s.files[i]; f.path != "" && f.family == familyOf(a) && contains(f.subnets, a) {
			return i
		}
	}
	return -1
}

// covers tells whether a lease file decides about an address.
func (s *settings) covers(a netip.Addr) bool { return s.fileOf(a) >= 0 }

func (s *settings) allows(a netip.Addr) bool { return contains(s.allow, a.Unmap()) }

func contains(prefixes []netip.Prefix, a netip.Addr) bool {
	for _, p := range prefixes {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// reading collects everything that is wrong while a section is read.
type reading struct{ errs []error }

func (r *reading) wrong(path, format string, args ...any) {
	r.errs = append(r.errs, fmt.Errorf(name+"/"+path+": %w", fmt.Errorf(format, args...)))
}

// decode makes settings of the document, or all errors with the paths of their items.
func decode(spec *schema.Module, doc schema.Document, p paths.Paths) (*settings, []error) {
	var c Config
	if err := schema.Decode(spec, doc[name], &c); err != nil {
		return nil, []error{err}
	}
	r := &reading{}
	s := &settings{ttl: uint32(c.TTL), verify: time.Duration(c.Verify) * time.Second, rescan: time.Duration(c.Rescan) * time.Second}
	if a, err := netip.ParseAddr(c.Address); err != nil {
		r.wrong("ip_address", "%w", err)
	} else {
		s.listen = netip.AddrPortFrom(a, uint16(c.Port))
	}
	for i, text := range c.AllowFrom {
		prefix, err := parsePrefix(text)
		if err != nil {
			r.wrong(fmt.Sprintf("allow_from[%d]", i), "%w", err)
			continue
		}
		s.allow = append(s.allow, prefix)
	}
	keys := r.keys(c.Keys, doc)
	s.catalog.Forward = r.domains("forward_ddns", c.Forward.List, doc, keys)
	s.catalog.Reverse = r.domains("reverse_ddns", c.Reverse.List, doc, keys)
	r.dynamic(s, c.Dynamic, doc, keys)
	s.files = []leaseFile{
		leasesOf(doc[dhcp4Name], filepath.Join(p.State, "kea-leases4.csv"), "subnet4", c.Dynamic.Enabled),
		leasesOf(doc[dhcp6Name], filepath.Join(p.State, "kea-leases6.csv"), "subnet6", c.Dynamic.Enabled),
	}
	s.files[1].family = 1
	r.files(s, c.Files)
	s.longest = [families]uint32{longestLease(doc[dhcp4Name]), longestLease(doc[dhcp6Name])}
	s.links = append(linksOf(doc[dhcp4Name], "subnet4"), linksOf(doc[dhcp6Name], "subnet6")...)
	var errs []error
	if s.groups, errs = redundancy.Parse(doc[redundancy.Module]); len(errs) > 0 {
		r.errs = append(r.errs, errs...)
	}
	if len(r.errs) > 0 {
		return nil, r.errs
	}
	return s, nil
}

func parsePrefix(text string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(text); err == nil {
		return a.Prefix(a.BitLen())
	}
	prefix, err := netip.ParsePrefix(text)
	return prefix.Masked(), err
}

// key is a key of this section that may turn out unusable. Only a domain that uses it makes that an error: a key that
// is still being typed in must not keep the rest from being committed.
type key struct {
	key *tsig.Key
	err error
}

// keys gives the keys by lower-case name without final dot: the section's own, and behind them the global ones.
func (r *reading) keys(own []Key, doc schema.Document) map[string]key {
	keys := map[string]key{}
	if list, ok := doc[globalKeys]["keys"].([]any); ok {
		for _, item := range list {
			text, _ := item.(string)
			if k, err := tsig.ParseKey(text); err == nil { // else the module tsig_keys says what is wrong
				keys[keyName(k.Name.String())] = key{key: &k}
			}
		}
	}
	seen := map[string]bool{}
	for i, k := range own {
		path := fmt.Sprintf("tsig_keys[%d]/", i)
		for _, item := range []struct{ item, value string }{{"name", k.Name}, {"algorithm", k.Algorithm}, {"secret", k.Secret}} {
			if item.value == "" {
				r.wrong(path+item.item, "must not be empty")
			}
		}
		n := keyName(k.Name)
		if k.Name != "" && seen[n] {
			r.wrong(path+"name", "duplicate key %q", k.Name)
		}
		seen[n] = true
		parsed, err := tsig.ParseKey(k.Name + ":" + k.Secret + ":" + strings.ReplaceAll(strings.ToLower(k.Algorithm), "_", "-"))
		if err == nil {
			parsed.Bits = k.Bits
			err = parsed.CheckBits()
		}
		if err != nil {
			err = fmt.Errorf("%s/tsig_keys[%d]: %w", name, i, err)
		}
		keys[n] = key{&parsed, err}
	}
	return keys
}

func keyName(text string) string { return strings.ToLower(strings.TrimSuffix(text, ".")) }

func (r *reading) domains(direction string, list []DomainConfig, doc schema.Document, keys map[string]key) []publish.Domain {
	var out []publish.Domain
	seen := map[wire.Name]bool{}
	for i, c := range list {
		path := fmt.Sprintf("%s/ddns_domains[%d]/", direction, i)
		d := publish.Domain{Any: c.Name == "*", Zone: wire.Root}
		if !d.Any {
			zone, err := wire.ParseName(c.Name)
			switch {
			case c.Name == "":
				r.wrong(path+"name", "must not be empty")
			case err != nil:
				r.wrong(path+"name", "%w", err)
			case zone == wire.Root:
				r.wrong(path+"name", "the root is no domain for updates; use *")
			}
			d.Zone = zone.Lower()
		}
		if d.Zone != "" { // else it was no name
			if seen[d.Zone] {
				r.wrong(path+"name", "duplicate domain %q", c.Name)
			}
			seen[d.Zone] = true
		}
		if c.KeyName != "" {
			k, ok := keys[keyName(c.KeyName)]
			switch {
			case !ok:
				r.wrong(path+"key_name", "unknown TSIG key %q", c.KeyName)
			case k.err != nil:
				r.wrong(path+"key_name", "TSIG key %q cannot be used: %w", c.KeyName, k.err)
			default:
				d.Key = k.key
			}
		}
		if len(c.Servers) == 0 && listed(doc, direction, i) {
			r.wrong(path+"dns_servers", "an empty list; leave the item out or name a server")
		}
		for j, s := range c.Servers {
			server, err := s.server()
			if err != nil {
				r.wrong(fmt.Sprintf("%sdns_servers[%d]", path, j), "%w", err)
			}
			d.Servers = append(d.Servers, server)
		}
		out = append(out, d)
	}
	return out
}

func (s ServerConfig) server() (publish.Server, error) {
	out := publish.Server{Host: s.Hostname, Port: uint16(s.Port)}
	if (s.Hostname == "") == (s.Address == "") {
		return out, errors.New("exactly one of hostname and ip_address must be given")
	}
	if s.Address == "" {
		_, err := wire.ParseName(s.Hostname)
		return out, err
	}
	var err error
	out.Address, err = netip.ParseAddr(s.Address)
	return out, err
}

// listed tells whether a domain says dns_servers at all. A domain without the item may wait for its servers; an empty
// list is most likely a mistake.
func listed(doc schema.Document, direction string, i int) bool {
	part, _ := doc[name][direction].(map[string]any)
	list, _ := part["ddns_domains"].([]any)
	if i >= len(list) {
		return false
	}
	domain, _ := list[i].(map[string]any)
	_, there := domain["dns_servers"]
	return there
}

// leasesOf reads from the section of a DHCP server which lease file it keeps, by default the given one, and which subnets
// it serves, alone and in shared networks; none if it makes no updates, unless its leases are named always. What is wrong in the section is for its own check to say.
func leasesOf(s schema.Section, file, item string, always bool) leaseFile {
	ddns, _ := s["dhcp-ddns"].(map[string]any)
	if on, _ := ddns["enable-updates"].(bool); !on && (!always || s == nil) {
		return leaseFile{}
	}
	database, _ := s["lease-database"].(map[string]any)
	if kind, ok := database["type"].(string); ok && kind != "" && kind != "memfile" {
		return leaseFile{}
	}
	if persist, ok := database["persist"].(bool); ok && !persist {
		return leaseFile{}
	}
	if path, ok := database["name"].(string); ok && path != "" {
		file = path
	}
	subnets := subnetsIn(s, item)
	networks, _ := s["shared-networks"].([]any)
	for _, n := range networks {
		network, _ := n.(map[string]any)
		subnets = append(subnets, subnetsIn(network, item)...)
	}
	return leaseFile{path: file, subnets: subnets}
}

func subnetsIn(s map[string]any, item string) []netip.Prefix {
	var out []netip.Prefix
	list, _ := s[item].([]any)
	for _, one := range list {
		subnet, _ := one.(map[string]any)
		text, _ := subnet["subnet"].(string)
		if prefix, err := netip.ParsePrefix(text); err == nil {
			out = append(out, prefix.Masked())
		}
	}
	return out
}
