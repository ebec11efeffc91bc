package auth

import (
	"fmt"
	"os"
	"strings"

	"bundy/internal/dns/wire"
	"bundy/internal/dns/zone"
	"bundy/internal/dns/zonefile"
	"bundy/internal/version"
)

// Words of the items version, hostname and server_id that are no text to answer.
const (
	hidden      = "none"
	machineName = "hostname"
)

// maxIdentity bounds the texts: each must fit one string of a TXT record, and NSID must leave room in a datagram.
const maxIdentity = 128

// setIdentity makes what the server says of itself: a zone of class CH for each name, as BIND has them, and NSID.
func (p *policy) setIdentity(c Config) (errs []error) {
	p.names = map[wire.Name]*zone.Version{}
	machine, err := os.Hostname()
	if err != nil || machine == "" {
		machine = "localhost"
	}
	for _, one := range []struct {
		item, text string
		names      []string
	}{
		{"version", c.Version, []string{"version.bind", "version.server"}},
		{"hostname", c.Hostname, []string{"hostname.bind"}},
		{"server_id", c.ServerID, []string{"id.server"}},
	} {
		text := one.text
		switch {
		case len(text) > maxIdentity:
			errs = append(errs, fmt.Errorf("%s/%s: longer than %d octets", Name, one.item, maxIdentity))
			continue
		case text == machineName && one.item != "version":
			text = machine[:min(len(machine), maxIdentity)]
		}
		for _, name := range one.names {
			origin := wire.MustParseName(name)
			switch {
			case strings.EqualFold(text, hidden), text == "" && one.item != "version":
				p.names[origin] = nil
			case text == "" && name == "version.bind": // the data source of class CH answers
			case text == "" && one.item == "version":
				p.names[origin], err = identityZone(origin, "Bundy "+version.Version)
			default:
				p.names[origin], err = identityZone(origin, text)
			}
			if err != nil {
				errs = append(errs, fmt.Errorf("%s/%s: %w", Name, one.item, err))
			}
		}
		if one.item == "server_id" && p.names["\x02id\x06server\x00"] != nil {
			p.identity = []byte(text)
		}
	}
	return errs
}

// identityZone makes the zone of class CH that has one text.
func identityZone(origin wire.Name, text string) (*zone.Version, error) {
	return zone.Build(origin, wire.ClassCH, func(yield func(wire.RR, error) bool) {
		for _, line := range []string{
			"@ SOA @ hostmaster 0 28800 7200 604800 86400", "@ NS @",
			"@ TXT " + zonefile.FormatData(wire.TypeTXT, append([]byte{byte(len(text))}, text...)),
		} {
			rr, err := zonefile.ParseRR(line, origin)
			rr.Class = wire.ClassCH
			if !yield(rr, err) {
				return
			}
		}
	})
}
