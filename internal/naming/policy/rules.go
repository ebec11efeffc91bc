package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"bundy/internal/dns/wire"
)

// Origin is where a name comes from, as the item hostname_source spells it.
type Origin string

const (
	ByFQDN     Origin = "fqdn"            // the client FQDN option, whole
	ByHostName Origin = "client-hostname" // the host name option, or the first label of the FQDN option
	ByClientID Origin = "client-id"       // generated from the client identifier or DUID
	ByMAC      Origin = "mac-fallback"    // generated from the hardware address
	ByAddress  Origin = "address"         // generated from the address, as the guide does
)

// Rules is the naming policy for one address: what the section dynamic_dns and its overrides say there.
type Rules struct {
	Origins []Origin  // in order
	Suffix  wire.Name // behind names that are not fully qualified; "" if no domain is known
	Prefix  string    // first part of generated names
	TTL     uint32    // 0: by the lease
	fixed   bool      // Suffix is of an override, which stands above the options of pools and subnets
	zones   []wire.Name
	any     bool // a domain takes every name
}

// Refusal is a name that a client may not have.
type Refusal struct {
	Origin Origin
	Name   string // as it was asked for, escaped so that it may be shown
	Why    string
}

func (r Refusal) String() string { return fmt.Sprintf("%s %s: %s", r.Origin, r.Name, r.Why) }

// choice is a name and the way to it.
type choice struct {
	name    wire.Name // "": there is none
	origin  Origin
	refused []Refusal
}

func (c *choice) refuse(o Origin, labels []string, full bool, why string) {
	c.refused = append(c.refused, Refusal{o, shown(labels, full), why})
}

// maxShown bounds a name in a message: a name of text form may be as long as an option.
const maxShown = 255

// shown writes what a client asked for so that it can stand in a log or on a page.
func shown(labels []string, full bool) string {
	var b strings.Builder
	for i, l := range labels {
		if i > 0 {
			b.WriteByte('.')
		}
		for j := range len(l) {
			switch ch := l[j]; {
			case ch <= ' ', ch >= 0x7f, strings.IndexByte(`"\<>&.`, ch) >= 0:
				fmt.Fprintf(&b, `\%03d`, ch)
			default:
				b.WriteByte(ch)
			}
		}
	}
	if full {
		b.WriteByte('.')
	}
	if b.Len() > maxShown {
		return b.String()[:maxShown] + "..."
	}
	return b.String()
}

// choose takes the first origin that gives a name which the client may have.
func (r *Rules) choose(c *Config, client Client, said Said) choice {
	var out choice
	for _, o := range r.Origins {
		labels, full := r.candidate(o, client, said)
		if len(labels) == 0 {
			continue
		}
		base := r.Suffix
		if full {
			base = wire.Root
		}
		if base == "" {
			out.refuse(o, labels, full, "no domain is configured for it")
			continue
		}
		name := join(labels, base)
		why := "it has a label without letters or digits, or is too long"
		switch {
		case slices.Contains(r.zones, name):
			why = "it is the zone itself"
		case name != "":
			why = c.forbids(name, r.Suffix, r.allows(name))
		}
		if why != "" {
			out.refuse(o, labels, full, why)
			continue
		}
		out.name, out.origin = name, o
		return out
	}
	return out
}

// allows tells whether a name lies where clients here may have names.
func (r *Rules) allows(name wire.Name) bool {
	if r.any || r.Suffix != "" && name.IsBelow(r.Suffix) {
		return true
	}
	return slices.ContainsFunc(r.zones, name.IsBelow)
}

// candidate gives the labels that an origin has for a client; none if it has nothing.
func (r *Rules) candidate(o Origin, client Client, said Said) (labels []string, full bool) {
	switch o {
	case ByFQDN:
		if said.FQDN != nil {
			return said.FQDN.Labels, said.FQDN.Full
		}
	case ByHostName:
		labels, _ = splitText(said.Host)
		if len(labels) == 0 && said.FQDN != nil {
			labels = said.FQDN.Labels
		}
		return labels[:min(len(labels), 1)], false
	case ByClientID:
		return r.generated(identifierText(client.ID)), false
	case ByMAC:
		mac := client.HWAddr
		if mac == "" {
			mac = hardwareOf(client)
		}
		return r.generated(hex.EncodeToString([]byte(mac))), false
	case ByAddress:
		return r.generated(addressText(client.Address)), false
	}
	return nil, false
}

// generated puts the prefix before a text; none for the empty text.
func (r *Rules) generated(text string) []string {
	if text == "" {
		return nil
	}
	if r.Prefix != "" {
		text = r.Prefix + "-" + text
	}
	labels, _ := splitText(text)
	return labels
}

// identifierText makes a text of a client identifier or DUID that tells clients apart: the words of one that is text
// (RFC 2132 section 9.14, type 0), else hexadecimal digits. What does not fit into a label is hashed.
func identifierText(id string) string {
	const most = maxLabel - 16 // room for a prefix
	if len(id) > 1 && id[0] == 0 && isText(id[1:]) {
		if t := sanitise(id[1:]); len(id) <= most && t != "" {
			return t
		}
	}
	if text := hex.EncodeToString([]byte(id)); len(text) <= most {
		return text
	}
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:16])
}

func isText(s string) bool {
	return strings.IndexFunc(s, func(c rune) bool { return c < ' ' || c > '~' }) < 0
}

// hardwareOf takes the hardware address from a DUID that is made of one (RFC 9915 section 11: types 1 and 3).
func hardwareOf(client Client) string {
	if id := client.ID; client.Address.Is6() && len(id) > 4 && id[0] == 0 {
		switch {
		case id[1] == 1 && len(id) > 8:
			return id[8:]
		case id[1] == 3:
			return id[4:]
		}
	}
	return ""
}
