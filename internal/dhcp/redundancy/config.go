package redundancy

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
)

// Module is the name of the module whose section of the configuration holds the groups, and which knows the roles.
const Module = "Ha"

// Config is the section of the module.
type Config struct {
	Groups []GroupConfig `json:"groups" default:"[]" help:"Redundancy groups. Clients of a group are served, and names of their leases published, only while this node is the group's master; without groups, always."`
}

// GroupConfig is one group.
type GroupConfig struct {
	Name       string   `json:"name" default:"" help:"Name of the group: letters, digits, hyphens, underscores and dots, 63 at most."`
	Subnets    []string `json:"subnets" default:"[]" help:"Subnets of the group, as 192.0.2.0/24; those within them belong to it too."`
	Interfaces []string `json:"interfaces" default:"[]" help:"Interfaces of the group: what clients behind them ask belongs to it, unless their subnet is another group's."`
}

const (
	// maxGroups bounds the groups: each question is held against all of them, and VRRP has 255 numbers for one link.
	maxGroups = 255

	maxName      = 63
	maxInterface = 15 // IFNAMSIZ less the final NUL
)

// Parse reads the groups of a section of the configuration, which may be nil. Each error begins with the path of its item.
func Parse(section map[string]any) (*Groups, []error) {
	var c Config
	text, err := json.Marshal(section)
	if err == nil {
		err = json.Unmarshal(text, &c)
	}
	if err != nil {
		return nil, []error{fmt.Errorf("%s: %w", Module, err)}
	}
	return New(c)
}

// New makes the groups of a configuration. Each error begins with the path of its item.
func New(c Config) (*Groups, []error) {
	g := &Groups{interfaces: map[string]string{}}
	var errs []error
	wrong := func(path, format string, args ...any) {
		errs = append(errs, fmt.Errorf("%s/groups%s: %w", Module, path, fmt.Errorf(format, args...)))
	}
	if len(c.Groups) > maxGroups {
		wrong("", "%d groups, more than %d", len(c.Groups), maxGroups)
		return nil, errs
	}
	seen := map[netip.Prefix]string{}
	for i, one := range c.Groups {
		path := fmt.Sprintf("[%d]", i)
		switch {
		case !validName(one.Name):
			wrong(path+"/name", "%q is no name of a group", one.Name)
		case g.Has(one.Name):
			wrong(path+"/name", "duplicate group %q", one.Name)
		case len(one.Subnets)+len(one.Interfaces) == 0:
			wrong(path, "group %q has neither subnets nor interfaces", one.Name)
		}
		g.names = append(g.names, one.Name)
		for j, text := range one.Subnets {
			p, err := netip.ParsePrefix(text)
			p = p.Masked()
			switch other, taken := seen[p]; {
			case err != nil:
				wrong(fmt.Sprintf("%s/subnets[%d]", path, j), "%w", err)
			case taken:
				wrong(fmt.Sprintf("%s/subnets[%d]", path, j), "%s is in group %q already", p, other)
			default:
				seen[p] = one.Name
				g.subnets = append(g.subnets, member{p, one.Name})
			}
		}
		for j, name := range one.Interfaces {
			other, taken := g.interfaces[name]
			switch {
			case name == "" || len(name) > maxInterface || strings.ContainsAny(name, "/ \t\r\n"):
				wrong(fmt.Sprintf("%s/interfaces[%d]", path, j), "%q is no name of an interface", name)
			case taken:
				wrong(fmt.Sprintf("%s/interfaces[%d]", path, j), "%s is in group %q already", name, other)
			default:
				g.interfaces[name] = one.Name
			}
		}
	}
	if len(errs) > 0 {
		return nil, errs
	}
	return g, nil
}

func validName(text string) bool {
	if text == "" || len(text) > maxName {
		return false
	}
	for _, c := range []byte(text) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_', c == '.':
		default:
			return false
		}
	}
	return true
}
