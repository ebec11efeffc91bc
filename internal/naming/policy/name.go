package policy

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"bundy/internal/dns/wire"
)

// maxLabel is the longest label in octets (RFC 1035 section 2.3.4).
const maxLabel = 63

// forbiddenLabels are first labels that no client may take: machines look these names up and trust the answer (web
// proxy discovery, ISATAP routers RFC 5214 section 8.3.2), or take them for themselves (RFC 6761 section 6.3).
var forbiddenLabels = [...]string{"wpad", "isatap", "localhost"}

// forbiddenZones are special-use domains in which a client gets no name of its own choice unless the operator's
// suffix lies there: RFC 6761 section 6, RFC 6762, RFC 7686, RFC 9476 and the infrastructure below arpa.
var forbiddenZones = [...]wire.Name{
	"\x04test\x00", "\x09localhost\x00", "\x07invalid\x00", "\x07example\x00", "\x07example\x03com\x00",
	"\x07example\x03net\x00", "\x07example\x03org\x00", "\x05local\x00", "\x05onion\x00", "\x03alt\x00", "\x04arpa\x00",
}

// choose makes the fully qualified lower-case name of the labels a client sent, or a generated one where the client's
// cannot be used. There is none only if the suffix leaves no room for any name.
func (c *Config) choose(client Client, o Origin, labels []string, full bool) choice {
	suffix := c.suffix()
	out := choice{origin: ByAddress}
	if !c.ReplaceClientName && len(labels) > 0 {
		base := suffix
		if full {
			base = wire.Root
		}
		name := join(labels, base)
		why := "it has a label without letters or digits, or is too long"
		if name != "" {
			why = c.forbids(name, suffix, suffix != wire.Root && name.IsBelow(suffix))
		}
		if why == "" {
			out.name, out.origin = name, o
			return out
		}
		out.refuse(o, labels, full, why)
	}
	out.name = c.generated(client.Address, suffix)
	return out
}

func (c *Config) suffix() wire.Name {
	if c.Suffix == "" {
		return wire.Root
	}
	return c.Suffix.Lower()
}

// generated gives prefix-<address with - for . and :>.suffix. A prefix that does not fit is left out.
func (c *Config) generated(addr netip.Addr, suffix wire.Name) wire.Name {
	text := addressText(addr)
	if c.GeneratedPrefix != "" {
		labels, _ := splitText(c.GeneratedPrefix + "-" + text)
		last := labels[len(labels)-1]
		if len(last) <= maxLabel {
			if n := join(labels, suffix); n != "" && c.forbids(n, suffix, true) == "" {
				return n
			}
		}
	}
	n, err := suffix.Child(text)
	if err != nil {
		return ""
	}
	return n
}

// join puts the sanitised labels before base; "" when one of them has nothing usable or the name grows too long.
func join(labels []string, base wire.Name) wire.Name {
	if len(labels) > wire.MaxName/2 {
		return ""
	}
	name := base
	for i := len(labels) - 1; i >= 0; i-- {
		label := sanitise(labels[i])
		n, err := name.Child(label)
		if err != nil {
			return ""
		}
		name = n
	}
	return name
}

func addressText(addr netip.Addr) string {
	return strings.NewReplacer(".", "-", ":", "-").Replace(addr.String())
}

// forbids says why a client may not have a name, or "": the suffix itself or a name above it (both usually the apex of
// a zone), a name that others trust blindly or that the operator protects, or a name that is not allowed to lie where it
// does. inside tells that it lies in a domain of the operator's.
func (c *Config) forbids(name, suffix wire.Name, inside bool) string {
	if suffix != "" && suffix.IsBelow(name) {
		return "it is the domain itself or above it"
	}
	if slices.Contains(forbiddenLabels[:], name.Label()) {
		return name.Label() + " is a name that machines trust blindly"
	}
	if c.Protected != nil {
		if why := c.Protected.why(name); why != "" {
			return why
		}
	}
	if c.Bar != nil {
		if why := c.Bar.Barred(name); why != "" {
			return why
		}
	}
	if inside {
		return ""
	}
	for _, z := range forbiddenZones {
		if name.IsBelow(z) {
			return "it lies in the special-use domain " + z.String()
		}
	}
	if c.Rules != nil {
		return "it lies outside of the domains for clients"
	}
	return ""
}

// Protected is the names that the operator keeps from clients.
type Protected struct {
	labels map[string]struct{}
	names  map[wire.Name]struct{}
}

func (p *Protected) why(name wire.Name) string {
	if _, ok := p.labels[name.Label()]; ok {
		return name.Label() + " is protected"
	}
	if _, ok := p.names[name]; ok {
		return name.String() + " is protected"
	}
	return ""
}

// ParseProtected reads the item protected_names; the errors name its elements.
func ParseProtected(texts []string) (Protected, []error) {
	p := Protected{map[string]struct{}{}, map[wire.Name]struct{}{}}
	var errs []error
	for i, text := range texts {
		n, err := wire.ParseName(text)
		switch {
		case err != nil || n == wire.Root:
			errs = append(errs, fmt.Errorf("protected_names[%d]: %q is no name", i, text))
		case n.Parent() == wire.Root && !strings.HasSuffix(text, "."):
			p.labels[n.Lower().Label()] = struct{}{}
		default:
			p.names[n.Lower()] = struct{}{}
		}
	}
	return p, errs
}
