package auth

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"bundy/internal/suite/paths"
	"bundy/internal/suite/schema"
	"bundy/internal/suite/stats"
)

// Name is the module's name in the configuration.
const Name = "Auth"

// Config is the section Auth.
type Config struct {
	Database    string         `json:"database_file" default:"${LOCALSTATEDIR}/bundy/zone.sqlite3" optional:"true" help:"Kept for old configurations and ignored. Use data_sources."`
	Datasources []LegacySource `json:"datasources" default:"[]" optional:"true" help:"Kept for old configurations and ignored. Use data_sources."`
	ListenOn    []Listen       `json:"listen_on" default:"[{\"address\":\"::\",\"port\":53},{\"address\":\"0.0.0.0\",\"port\":53}]" help:"Addresses and ports to answer on, each for UDP and TCP. If one cannot be used, the change is refused and the old list stays."`
	TCPTimeout  int64          `json:"tcp_recv_timeout" default:"5000" min:"0" max:"86400000" help:"Milliseconds that a TCP client has for each query; then the connection is closed. 0 is without end."`
}

// Listen is one address to listen on.
type Listen struct {
	Address string `json:"address" default:"::1" help:"IPv4 or IPv6 address."`
	Port    int    `json:"port" default:"53" min:"0" max:"65535" help:"Port for UDP and TCP."`
}

// LegacySource is an entry of the old list of data sources.
type LegacySource struct {
	Type  string       `json:"type" default:"" help:"Ignored."`
	Class string       `json:"class" default:"IN" help:"Ignored."`
	Zones []LegacyZone `json:"zones" default:"[]" element:"{\"origin\":\"\",\"file\":\"\"}" help:"Ignored."`
}

// LegacyZone is a zone of an old data source.
type LegacyZone struct {
	Origin   string  `json:"origin" default:"" help:"Ignored."`
	File     string  `json:"file" default:"" help:"Ignored."`
	FileType *string `json:"filetype" help:"Ignored."`
}

// loadzoneArgs are the arguments of the command loadzone.
type loadzoneArgs struct {
	Class  string `json:"class" default:"IN" optional:"true" help:"Class of the zone."`
	Origin string `json:"origin" help:"Name of the zone."`
}

func spec(p paths.Paths) *schema.Module {
	m := schema.New(Name, "Authoritative DNS server.", Config{}, p).
		Command("shutdown", "Stop the authoritative DNS server. It is started again if it is still configured.", shutdownArgs{}).
		Command("getstats", "Show all counters.", nil).
		Command("loadzone", "Load a zone again from its data source. The answer does not wait for it; problems are logged.", loadzoneArgs{}).
		PrivateCommand("start_ddns_forwarder", "Kept for old callers; updates are handed on when something handles them.", nil).
		PrivateCommand("stop_ddns_forwarder", "Kept for old callers; updates are handed on when something handles them.", nil)
	m.Statistics = stats.Items(definitions())
	return m
}

// shutdownArgs are the arguments of the command shutdown.
type shutdownArgs struct {
	PID *int64 `json:"pid" help:"Only the instance with this process id shall stop."`
}

// settings is a checked configuration.
type settings struct {
	listen  []netip.AddrPort
	timeout time.Duration
}

// decode reads the section of the module; the error joins everything that is wrong, with paths.
func decode(m *schema.Module, doc schema.Document) (settings, error) {
	var c Config
	if err := schema.Decode(m, doc[Name], &c); err != nil {
		return settings{}, err
	}
	s := settings{timeout: time.Duration(c.TCPTimeout) * time.Millisecond}
	seen := make(map[netip.AddrPort]bool)
	var errs []error
	for i, l := range c.ListenOn {
		at := fmt.Sprintf("%s/listen_on[%d]", Name, i)
		addr, err := netip.ParseAddr(l.Address)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s/address: %q is not an IP address", at, l.Address))
			continue
		}
		ap := netip.AddrPortFrom(addr.Unmap(), uint16(l.Port))
		if seen[ap] {
			errs = append(errs, fmt.Errorf("%s: %s stands twice", at, ap))
			continue
		}
		seen[ap] = true
		s.listen = append(s.listen, ap)
	}
	return s, errors.Join(errs...)
}

// check finds what the schema cannot.
func check(m *schema.Module) func(schema.Document) []error {
	return func(doc schema.Document) []error {
		if _, err := decode(m, doc); err != nil {
			if all, ok := err.(interface{ Unwrap() []error }); ok {
				return all.Unwrap()
			}
			return []error{err}
		}
		return nil
	}
}
