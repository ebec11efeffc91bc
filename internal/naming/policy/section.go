package policy

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"

	"bundy/internal/dns/wire"
)

// Section is DhcpDdns/dynamic_dns: the naming policy of all leases. The DHCP-DDNS server publishes by it, and the DHCP
// servers read it to tell their clients the same names.
type Section struct {
	Enabled   bool       `json:"enabled" default:"false" help:"Name every lease by this section: of all subnets of the DHCP servers here, whether dhcp-ddns/enable-updates is set there or not. If false, leases are named as the map dhcp-ddns of their DHCP server says, and of this section only conflict_policy, marker and protected_names count."`
	Domain    string     `json:"domain" default:"" help:"Domain behind names that are not fully qualified. The option domain-name (of DHCPv6 the first of domain-search) of a pool or subnet stands above it, if that domain lies in a zone of ours; where this is empty, that of the server, and its dhcp-ddns/qualifying-suffix."`
	Forward   []string   `json:"forward_zones" default:"[]" element:"\"\"" help:"Zones for A and AAAA records, beside forward_ddns. They are updated at update_servers. With none here and no forward_ddns, domain is the zone."`
	Reverse   []string   `json:"reverse_zones" default:"[]" element:"\"\"" help:"Zones for PTR records, beside reverse_ddns. They are updated at update_servers. With none here and no reverse_ddns, the update servers are asked which zone an address is in."`
	TTL       int        `json:"ttl" default:"0" min:"0" max:"86400" help:"Time to live in seconds of the records. 0 takes DhcpDdns/ttl."`
	Sources   []string   `json:"hostname_source" default:"[\"fqdn\",\"client-hostname\"]" element:"\"fqdn\"" enum:"fqdn,client-hostname,client-id,mac-fallback,address" help:"Where names come from, first to last; the first one that gives a name that can be used counts. fqdn: the client FQDN option; client-hostname: the host name option; client-id: generated_prefix and the client identifier or DUID; mac-fallback: generated_prefix and the hardware address; address: generated_prefix and the address. With none of the last three, clients that tell no name have none."`
	Prefix    string     `json:"generated_prefix" default:"dhcp" help:"First part of generated names."`
	Conflict  string     `json:"conflict_policy" default:"check-with-dhcid" enum:"check-with-dhcid,replace-owned,skip-existing,strict-fail" help:"What to do about a name that is in DNS already. check-with-dhcid: RFC 4703, take it if its DHCID record says that it is the client's; replace-owned: take it if the records there are ours, whoever of our clients had it; skip-existing: leave it and try again now and then; strict-fail: as check-with-dhcid, but a name that somebody else has is logged as a failure at each try."`
	Marker    bool       `json:"marker" default:"false" help:"Put a TXT record beside each name that says that this suite made it, and which owner."`
	Owner     string     `json:"owner" default:"" optional:"true" help:"Name of this installation in the markers: letters, digits, hyphens, underscores and dots, 63 at most. Give nodes that stand in for one another the same one, and nobody else: a node that has lost its state, or takes over, removes what bears it once no lease can be behind it any more."`
	Protected []string   `json:"protected_names" default:"[]" element:"\"\"" help:"Names that no client may have, beside wpad, isatap, localhost, the zones themselves and their name servers and mail exchangers. One label is protected in every domain, a name with dots alone."`
	Servers   []Server   `json:"update_servers" default:"[]" help:"Name servers that take updates for the zones of this section, tried first to last. Zones of this suite need none."`
	Overrides []Override `json:"overrides" default:"[]" help:"What is different for some networks. The smallest one that an address is in counts."`
}

// Server is one element of update_servers.
type Server struct {
	Address string `json:"ip_address" default:"" help:"IP address of the server."`
	Port    int    `json:"port" default:"53" optional:"true" min:"1" max:"65535" help:"DNS port of the server."`
	KeyName string `json:"key_name" default:"" optional:"true" help:"Name of the TSIG key to sign updates with, of DhcpDdns/tsig_keys or of the module tsig_keys."`
}

// Override is one element of overrides.
type Override struct {
	Network string   `json:"network" default:"" help:"A subnet or pool: \"192.0.2.0/24\" or \"192.0.2.10 - 192.0.2.99\"."`
	Enabled *bool    `json:"enabled" help:"If false, leases there have no names."`
	Domain  string   `json:"domain" default:"" optional:"true" help:"Domain behind names there; empty takes that of the section."`
	TTL     int      `json:"ttl" default:"0" optional:"true" min:"0" max:"86400" help:"Time to live there; 0 takes that of the section."`
	Sources []string `json:"hostname_source" default:"[]" optional:"true" element:"\"fqdn\"" enum:"fqdn,client-hostname,client-id,mac-fallback,address" help:"Where names come from there; empty takes that of the section."`
	Prefix  string   `json:"generated_prefix" default:"" optional:"true" help:"First part of generated names there; empty takes that of the section."`
}

// readSection reads the section as it stands in the configuration, with the defaults of its items.
func readSection(ddns map[string]any) (Section, error) {
	s := Section{Sources: []string{string(ByFQDN), string(ByHostName)}, Prefix: "dhcp"}
	raw, err := json.Marshal(ddns["dynamic_dns"])
	if err != nil {
		return s, err
	}
	return s, json.Unmarshal(raw, &s)
}

// Range is the addresses from First to Last.
type Range struct{ First, Last netip.Addr }

// ParseRange reads "first - last" or "prefix/length", with blanks anywhere.
func ParseRange(text string) (Range, error) {
	plain := strings.ReplaceAll(text, " ", "")
	if first, last, ok := strings.Cut(plain, "-"); ok {
		a, err := netip.ParseAddr(first)
		if err != nil {
			return Range{}, fmt.Errorf("%q: %w", text, err)
		}
		b, err := netip.ParseAddr(last)
		if err != nil {
			return Range{}, fmt.Errorf("%q: %w", text, err)
		}
		if a.BitLen() != b.BitLen() || b.Less(a) || a.Zone() != "" || b.Zone() != "" {
			return Range{}, fmt.Errorf("%q: the last address is before the first, or of another family", text)
		}
		return Range{a, b}, nil
	}
	p, err := netip.ParsePrefix(plain)
	if err != nil {
		return Range{}, fmt.Errorf("%q is neither \"prefix/length\" nor \"first - last\"", text)
	}
	return RangeOf(p), nil
}

// RangeOf gives the addresses of a prefix.
func RangeOf(p netip.Prefix) Range {
	p = p.Masked()
	last := p.Addr().AsSlice()
	for bit := p.Bits(); bit < len(last)*8; bit++ {
		last[bit/8] |= 0x80 >> (bit % 8)
	}
	end, _ := netip.AddrFromSlice(last)
	return Range{p.Addr(), end}
}

// Contains tells whether an address is in the range.
func (r Range) Contains(a netip.Addr) bool {
	return a.BitLen() == r.First.BitLen() && r.First.Compare(a) <= 0 && a.Compare(r.Last) <= 0
}

// within tells whether r lies in other and is not the same.
func (r Range) within(other Range) bool {
	return r != other && other.Contains(r.First) && other.Contains(r.Last)
}

// zoneName reads a zone or domain of the section. Empty is "".
func zoneName(text string) (wire.Name, error) {
	if text == "" {
		return "", nil
	}
	n, err := wire.ParseName(text)
	if err != nil {
		return "", err
	}
	if n == wire.Root || n.IsWildcard() {
		return "", fmt.Errorf("%s is no domain for names of clients", n)
	}
	return n.Lower(), nil
}
