package statshttpd

import (
	"fmt"
	"net/netip"

	"bundy/internal/suite/module"
	"bundy/internal/suite/paths"
	"bundy/internal/suite/schema"
)

const name = "StatsHttpd"

// Config is the module's configuration.
type Config struct {
	ListenOn []Listen `json:"listen_on" default:"[{\"address\":\"127.0.0.1\",\"port\":8000}]" help:"Addresses of the HTTP server. Whoever reaches one may read the statistics."`
}

// Listen is one address to serve.
type Listen struct {
	Address string `json:"address" optional:"true" default:"127.0.0.1" help:"IP address."`
	Port    int    `json:"port" optional:"true" default:"8000" min:"0" max:"65535" help:"TCP port; 0 lets the system choose."`
}

type shutdownArgs struct {
	PID *int `json:"pid" help:"Stop only the process with this id."`
}

func specification(p paths.Paths) *schema.Module {
	return schema.New(name, "Statistics over HTTP, for Prometheus", Config{}, p).
		Command("status", "Say that the component runs", nil).
		Command("shutdown", "Stop the component; it is started again while it is configured", shutdownArgs{}).
		PrivateCommand("getstats", "Return the statistics", nil).
		Statistic(statistics{})
}

// Descriptor describes the component.
func Descriptor(p paths.Paths) *module.Descriptor {
	spec := specification(p)
	return &module.Descriptor{
		Component: "bundy-stats-httpd",
		Process:   "bundy-control",
		Spec:      spec,
		Messages:  Messages,
		Check: func(doc schema.Document) []error {
			_, errs := decode(spec, doc)
			return errs
		},
		New: func(doc schema.Document, deps module.Deps) (module.Component, error) {
			return newComponent(spec, doc, deps)
		},
	}
}

func decode(spec *schema.Module, doc schema.Document) ([]netip.AddrPort, []error) {
	var c Config
	if err := schema.Decode(spec, doc[name], &c); err != nil {
		return nil, []error{err}
	}
	var errs []error
	var out []netip.AddrPort
	seen := map[netip.AddrPort]bool{}
	for i, l := range c.ListenOn {
		address, err := netip.ParseAddr(l.Address)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s/listen_on[%d]/address: %q is not an IP address", name, i, l.Address))
			continue
		}
		at := netip.AddrPortFrom(address.Unmap(), uint16(l.Port))
		if seen[at] {
			errs = append(errs, fmt.Errorf("%s/listen_on[%d]: %s stands there twice", name, i, at))
		}
		seen[at] = true
		out = append(out, at)
	}
	return out, errs
}
