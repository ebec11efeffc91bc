package subnet

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"bundy/internal/dhcp/option"
)

// IdentifierKind is what a client is recognised by.
type IdentifierKind uint8

const (
	ByHWAddr IdentifierKind = iota
	ByDUID
	ByCircuitID // of the relay agent information (RFC 3046)
	ByClientID
	ByFlexID // an expression over the packet
)

// String is the name of the configuration item.
func (k IdentifierKind) String() string {
	return [...]string{"hw-address", "duid", "circuit-id", "client-id", "flex-id"}[k]
}

// ParseIdentifierKind reads the name of a configuration item.
func ParseIdentifierKind(name string) (IdentifierKind, error) {
	for k := ByHWAddr; k <= ByFlexID; k++ {
		if k.String() == name {
			return k, nil
		}
	}
	return 0, fmt.Errorf("%q is no kind of identifier: hw-address, duid, circuit-id, client-id or flex-id", name)
}

// Identifier is one way to recognise a client.
type Identifier struct {
	Kind  IdentifierKind
	Value string // raw octets
}

// ParseIdentifier reads hexadecimal digits, with or without colons, hyphens or blanks between them and 0x in front, or
// text in single quotes.
func ParseIdentifier(text string) (string, error) {
	if quoted, ok := strings.CutPrefix(text, "'"); ok {
		if plain, ok := strings.CutSuffix(quoted, "'"); ok && plain != "" {
			return plain, nil
		}
		return "", fmt.Errorf("%q: a quote is missing", text)
	}
	var digits strings.Builder
	for part := range strings.FieldsFuncSeq(strings.TrimPrefix(text, "0x"), func(r rune) bool { return r == ':' || r == '-' || r == ' ' }) {
		if len(part)%2 == 1 {
			digits.WriteByte('0') // of each octet the first digit may be left out
		}
		digits.WriteString(part)
	}
	value, err := hex.DecodeString(digits.String())
	if err != nil || len(value) == 0 {
		return "", fmt.Errorf("%q is neither hexadecimal nor text in single quotes", text)
	}
	return string(value), nil
}

func (i Identifier) String() string {
	return i.Kind.String() + " " + hex.EncodeToString([]byte(i.Value))
}

// Host is a reservation: what one client gets, and nobody else.
type Host struct {
	Identifier
	Addresses []netip.Addr   // at most one for DHCPv4; may lie outside of the pools
	Prefixes  []netip.Prefix // for DHCPv6
	HostName  string
	Classes   []string // that the client belongs to for being this one
	Boot      Boot
	Options   option.Set
}

// Hosts is the reservations of a subnet, or of the whole server.
type Hosts struct {
	byID      map[Identifier]*Host
	byAddress map[netip.Addr]*Host
}

// NewHosts makes an index. Errors come by the index of the reservation refused: one whose identifier, address or prefix
// another has.
func NewHosts(list []*Host) (*Hosts, map[int]error) {
	h := &Hosts{byID: map[Identifier]*Host{}, byAddress: map[netip.Addr]*Host{}}
	wrong := map[int]error{}
	for i, host := range list {
		if h.byID[host.Identifier] != nil {
			wrong[i] = fmt.Errorf("%s has a reservation already", host.Identifier)
			continue
		}
		h.byID[host.Identifier] = host
		held := slices.Clone(host.Addresses)
		for _, p := range host.Prefixes {
			held = append(held, p.Addr())
		}
		for _, a := range held {
			if h.byAddress[a] != nil {
				wrong[i] = fmt.Errorf("%s is reserved for %s already", a, h.byAddress[a].Identifier)
				break
			}
			h.byAddress[a] = host
		}
	}
	return h, wrong
}

// Find gives the reservation of a client by the first of its identifiers that has one; nil if none has.
func (h *Hosts) Find(ids []Identifier) *Host {
	if len(h.byID) == 0 {
		return nil
	}
	for _, id := range ids {
		if host := h.byID[id]; host != nil {
			return host
		}
	}
	return nil
}

// Holder tells for whom an address, or a prefix by its first address, is reserved; nil for nobody.
func (h *Hosts) Holder(a netip.Addr) *Host { return h.byAddress[a] }

// Reserved lists all reserved addresses, and the first addresses of reserved prefixes, in order.
func (h *Hosts) Reserved() []netip.Addr {
	out := make([]netip.Addr, 0, len(h.byAddress))
	for a := range h.byAddress {
		out = append(out, a)
	}
	slices.SortFunc(out, netip.Addr.Compare)
	return out
}

// Len is the number of reservations.
func (h *Hosts) Len() int { return len(h.byID) }
