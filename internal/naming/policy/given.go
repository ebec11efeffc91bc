package policy

import "bundy/internal/dns/wire"

// OfRow makes a host name of the one in a row of a lease file, which a server that does not keep what its clients said has
// decided on: such a server may have taken it from the client byte by byte. why says why nobody may have it; the name is ""
// if nothing can be made of it.
func (c *Config) OfRow(hostname string) (name wire.Name, why string) {
	labels, _ := splitText(hostname)
	if len(labels) == 0 {
		return "", ""
	}
	if name = join(labels, wire.Root); name == "" {
		return "", ""
	}
	return name, c.Withheld(name)
}

// Withheld says why nobody may have a name, whoever decided on it: machines trust it blindly, it is protected, or the zone
// stands on it. "" lets it be had.
func (c *Config) Withheld(name wire.Name) string { return c.forbids(name, "", true) }
