package cmdctl

import (
	"fmt"
	"net/netip"
	"time"

	"bundy/internal/suite/module"
	"bundy/internal/suite/paths"
	"bundy/internal/suite/schema"
)

const name = "Cmdctl"

// Config is the module's configuration.
type Config struct {
	KeyFile      string   `json:"key_file" default:"${SYSCONFDIR}/bundy/cmdctl-keyfile.pem" help:"TLS private key, PEM. Made at the first start when both key and certificate are missing."`
	CertFile     string   `json:"cert_file" default:"${SYSCONFDIR}/bundy/cmdctl-certfile.pem" help:"TLS certificate, PEM."`
	AccountsFile string   `json:"accounts_file" default:"${SYSCONFDIR}/bundy/cmdctl-accounts.csv" help:"Users who may administer the suite; written by bundy-cmdctl-usermgr. A change acts at once."`
	Digest       bool     `json:"digest" default:"true" help:"Accept HTTP Digest authentication. When false, no digest secrets are kept in the accounts file."`
	ListenOn     []Listen `json:"listen_on" default:"[{\"address\":\"127.0.0.1\",\"port\":8080}]" help:"Addresses of the HTTPS server. The option --cmdctl-port of bundy overrides the ports."`
	IdleTimeout  int      `json:"idle_timeout" default:"1200" min:"1" max:"604800" help:"Seconds after which an unused session ends."`
}

// Listen is one address to serve.
type Listen struct {
	Address string `json:"address" default:"127.0.0.1" help:"IP address."`
	Port    int    `json:"port" default:"8080" min:"0" max:"65535" help:"TCP port; 0 lets the system choose."`
}

type shutdownArgs struct {
	PID *int `json:"pid" help:"Stop only the process with this id."`
}

func specification(p paths.Paths) *schema.Module {
	return schema.New(name, "Interface for command and control", Config{}, p).
		Command("shutdown", "Shut down the control interface; it is started again while it is configured", shutdownArgs{}).
		PrivateCommand("getstats", "Return the statistics", nil).
		Statistic(statistics{})
}

// Descriptor describes the component. Its New reads the environment variable BUNDY_CMDCTL_PORT, with which the parent
// overrides the ports of listen_on.
func Descriptor(p paths.Paths) *module.Descriptor {
	spec := specification(p)
	return &module.Descriptor{
		Component: "bundy-cmdctl",
		Special:   "cmdctl",
		Process:   "bundy-control",
		Spec:      spec,
		Check: func(doc schema.Document) []error {
			_, errs := decode(spec, doc)
			return errs
		},
		Messages: Messages,
		New: func(doc schema.Document, deps module.Deps) (module.Component, error) {
			return newComponent(spec, doc, deps)
		},
	}
}

// settings is a configuration that has been checked.
type settings struct {
	Config
	addresses []netip.AddrPort
}

func (s settings) idle() time.Duration { return time.Duration(s.IdleTimeout) * time.Second }

func decode(spec *schema.Module, doc schema.Document) (settings, []error) {
	var s settings
	if err := schema.Decode(spec, doc[name], &s.Config); err != nil {
		return s, []error{err}
	}
	var errs []error
	for _, file := range []struct{ item, path string }{
		{"key_file", s.KeyFile}, {"cert_file", s.CertFile}, {"accounts_file", s.AccountsFile},
	} {
		if file.path == "" {
			errs = append(errs, fmt.Errorf("%s/%s: a file name is needed", name, file.item))
		}
	}
	if len(s.ListenOn) == 0 {
		errs = append(errs, fmt.Errorf("%s/listen_on: without an address nobody could change the configuration again", name))
	}
	seen := map[netip.AddrPort]bool{}
	for i, l := range s.ListenOn {
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
		s.addresses = append(s.addresses, at)
	}
	return s, errs
}
