package policy

import (
	"net/netip"
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

// name makes the fully qualified lower-case name of the labels a client sent, or a generated one where the client's
// cannot be used. It returns "" only if the suffix leaves no room for any name.
func (c Config) name(addr netip.Addr, labels []string, full bool) wire.Name {
	suffix := c.suffix()
	if c.ReplaceClientName || len(labels) == 0 {
		return c.generated(addr, suffix)
	}
	base := suffix
	if full {
		base = wire.Root
	}
	name := join(labels, base)
	if name == "" || forbidden(name, suffix) {
		return c.generated(addr, suffix)
	}
	return name
}

func (c Config) suffix() wire.Name {
	if c.Suffix == "" {
		return wire.Root
	}
	return c.Suffix.Lower()
}

// generated gives prefix-<address with - for . and :>.suffix. A prefix that does not fit is left out.
func (c Config) generated(addr netip.Addr, suffix wire.Name) wire.Name {
	text := strings.NewReplacer(".", "-", ":", "-").Replace(addr.String())
	if c.GeneratedPrefix != "" {
		labels, _ := splitText(c.GeneratedPrefix + "-" + text)
		last := labels[len(labels)-1]
		if len(last) <= maxLabel {
			if n := join(labels, suffix); n != "" && !forbidden(n, suffix) {
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

// sanitise makes a host name label (RFC 1123 section 2.1) of any bytes: letters in lower case, digits and inner
// hyphens stay, every other byte becomes a hyphen, and hyphens at the ends go. The result may be empty.
func sanitise(label string) string {
	b := []byte(label)
	if len(b) > maxLabel {
		b = b[:maxLabel]
	}
	for i, c := range b {
		switch {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
		case 'A' <= c && c <= 'Z':
			b[i] = c + ('a' - 'A')
		default:
			b[i] = '-'
		}
	}
	return strings.Trim(string(b), "-")
}

// forbidden tells whether a client may not have name: the suffix itself or a name above it (both usually the apex of
// a zone), a name that others trust blindly, or a name in a special-use domain that is not the operator's.
func forbidden(name, suffix wire.Name) bool {
	if suffix.IsBelow(name) {
		return true
	}
	for _, l := range forbiddenLabels {
		if name.Label() == l {
			return true
		}
	}
	if suffix != wire.Root && name.IsBelow(suffix) {
		return false
	}
	for _, z := range forbiddenZones {
		if name.IsBelow(z) {
			return true
		}
	}
	return false
}
