package dhcp4

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"bundy/internal/dhcp/class"
	"bundy/internal/dhcp/option"
	"bundy/internal/dhcp/subnet"
	"bundy/internal/dns/wire"
)

// identification reads by what reservations are looked up.
func (b *builder) identification(c Config, s *settings) {
	for i, name := range c.Identifiers {
		k, err := subnet.ParseIdentifierKind(name)
		if err != nil {
			b.fail(err, "host-reservation-identifiers[%d]", i)
		}
		s.identifiers = append(s.identifiers, k)
	}
	if c.FlexID != "" {
		var err error
		if s.flexID, err = class.CompileText(option.Family4, b.catalog, c.FlexID); err != nil {
			b.fail(err, "identifier-expression")
		}
	}
}

// hosts reads reservations: those of a subnet, or of the whole server (nil).
func (b *builder) hosts(at string, list []Reservation, s *subnet.Subnet) *subnet.Hosts {
	made := make([]*subnet.Host, len(list))
	for i, in := range list {
		path := fmt.Sprintf("%sreservations[%d]", at, i)
		host := &subnet.Host{
			HostName: in.HostName, Classes: in.Classes, Boot: b.boot(path+"/", in.Boot), Options: b.options(path+"/", in.OptionData),
		}
		var err error
		if host.Identifier, err = identifierOf(in); err != nil {
			b.fail(err, "%s", path)
			host.Identifier = subnet.Identifier{Value: path} // no doubles
		}
		if a := b.address(in.Address, "%s/ip-address", path); a.IsValid() {
			host.Addresses = []netip.Addr{a}
			if s != nil && !s.Contains(a) {
				b.fail(fmt.Errorf("%s does not lie in the subnet %s", a, s.Prefix), "%s/ip-address", path)
			}
		}
		if in.HostName != "" {
			if _, err := wire.ParseName(in.HostName); err != nil {
				b.fail(err, "%s/hostname", path)
			}
		}
		made[i] = host
	}
	hosts, wrong := subnet.NewHosts(made)
	for _, i := range slices.Sorted(maps.Keys(wrong)) {
		b.fail(wrong[i], "%sreservations[%d]", at, i)
	}
	return hosts
}

func identifierOf(in Reservation) (subnet.Identifier, error) {
	texts := map[subnet.IdentifierKind]string{
		subnet.ByHWAddr: in.HWAddr, subnet.ByClientID: in.ClientID, subnet.ByDUID: in.DUID, subnet.ByCircuitID: in.CircuitID,
		subnet.ByFlexID: in.FlexID,
	}
	var found []subnet.Identifier
	for _, kind := range slices.Sorted(maps.Keys(texts)) {
		if texts[kind] == "" {
			continue
		}
		value, err := subnet.ParseIdentifier(texts[kind])
		if err != nil {
			return subnet.Identifier{}, fmt.Errorf("%s: %w", kind, err)
		}
		found = append(found, subnet.Identifier{Kind: kind, Value: value})
	}
	if len(found) != 1 {
		return subnet.Identifier{}, errors.New("a reservation needs one of hw-address, client-id, duid, circuit-id and flex-id")
	}
	return found[0], nil
}
