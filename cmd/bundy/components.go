package main

import (
	"bundy/internal/component/auth"
	"bundy/internal/component/cmdctl"
	"bundy/internal/component/ddns"
	"bundy/internal/component/dhcp4"
	"bundy/internal/component/dhcp6"
	"bundy/internal/component/dhcpddns"
	"bundy/internal/component/ha"
	"bundy/internal/component/stats"
	"bundy/internal/component/statshttpd"
	"bundy/internal/dns/authority"
	"bundy/internal/dns/loadzone"
	"bundy/internal/suite/config"
	"bundy/internal/suite/module"
	"bundy/internal/suite/parent"
	"bundy/internal/suite/paths"
	"bundy/internal/version"
)

// components is the table of all components and virtual modules, made once in each process. What components of one
// process share is made here and handed to each: the zones and keys of Auth and DDNS.
func components(p paths.Paths) []*module.Descriptor {
	zones := authority.New(version.Version)
	sources := authority.DataSourcesDescriptor(p)
	sources.Messages = loadzone.Messages // the program that fills the sources
	return []*module.Descriptor{
		auth.Descriptor(p, zones),
		ddns.Descriptor(p, zones),
		dhcp4.Descriptor(p),
		dhcp6.Descriptor(p),
		dhcpddns.Descriptor(p),
		cmdctl.Descriptor(p),
		stats.Descriptor(p),
		statshttpd.Descriptor(p),
		ha.Descriptor(p),
		sources,
		authority.KeysDescriptor(p),
		config.Logging(p),
	}
}

// descriptors is the table with the parent's own module.
func descriptors(p paths.Paths) []*module.Descriptor {
	table := components(p)
	return append(table, parent.Describe(p, table))
}
