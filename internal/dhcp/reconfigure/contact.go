package reconfigure

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"

	"bundy/internal/dhcp/packet6"
)

// Contact is where a client can be reached that accepts to be reconfigured: directly, or by way of the relay agents that
// its last message came through. It is kept with the client's leases, in their user context.
type Contact struct {
	Interface string         `json:"interface"`
	To        netip.AddrPort `json:"to"`               // the client, or the relay agent next to us
	Relays    []Relay        `json:"relays,omitempty"` // the last of them, which is next to us, in front
}

// Relay is one relay agent on the way.
type Relay struct {
	Hops        uint8      `json:"hops,omitempty"`
	Link        netip.Addr `json:"link"`
	Peer        netip.Addr `json:"peer"`
	InterfaceID []byte     `json:"interface-id,omitempty"`
	Port        []byte     `json:"port,omitempty"` // contents of the option of RFC 8357
}

// maxContact bounds what is kept of one client, in octets. Relay agents that say more about the way than that are not
// reckoned with.
const maxContact = 1024

// Of gives the contact to the client that sent a packet, who is answered at to.
func Of(p *packet6.Packet, iface string, to netip.AddrPort) Contact {
	c := Contact{Interface: iface, To: to}
	for _, r := range p.Relays {
		id, _ := r.Options.Get(packet6.OptInterfaceID)
		port, _ := r.Options.Get(packet6.OptRelayPort)
		c.Relays = append(c.Relays, Relay{Hops: r.Hops, Link: r.Link, Peer: r.Peer, InterfaceID: bytes.Clone(id), Port: bytes.Clone(port)})
	}
	return c
}

// Wrap puts a message for the client in the envelopes that bring it there (RFC 9915 section 19.3).
func (c Contact) Wrap(message []byte) []byte {
	var p packet6.Packet
	for _, r := range c.Relays {
		relay := packet6.Relay{Hops: r.Hops, Link: r.Link, Peer: r.Peer}
		if r.InterfaceID != nil {
			relay.Options = append(relay.Options, packet6.Option{Code: packet6.OptInterfaceID, Data: r.InterfaceID})
		}
		if r.Port != nil {
			relay.Options = append(relay.Options, packet6.Option{Code: packet6.OptRelayPort, Data: r.Port})
		}
		p.Relays = append(p.Relays, relay)
	}
	return p.AppendReply(nil, func(dst []byte) []byte { return append(dst, message...) })
}

// item is where contacts stand in user contexts, which are JSON maps or empty.
const item = "bundy-reconfigure"

// Note puts a contact into a user context. It fails when the contact is too long, or the context is no map; then the
// context is without contact.
func (c Contact) Note(context string) (string, error) {
	context = Forget(context)
	text, err := json.Marshal(c)
	if err != nil {
		return context, fmt.Errorf("contact: %w", err)
	}
	if len(text) > maxContact {
		return context, fmt.Errorf("the way to the client takes more than %d octets to tell", maxContact)
	}
	all := map[string]json.RawMessage{}
	if context != "" {
		if err := json.Unmarshal([]byte(context), &all); err != nil {
			return context, fmt.Errorf("user context is no map: %w", err)
		}
	}
	if all == nil { // the context is "null"
		all = map[string]json.RawMessage{}
	}
	all[item] = text
	out, err := json.Marshal(all)
	if err != nil {
		return context, fmt.Errorf("user context: %w", err)
	}
	return string(out), nil
}

// Noted reads the contact in a user context.
func Noted(context string) (Contact, bool) {
	if !strings.Contains(context, item) {
		return Contact{}, false
	}
	var all struct {
		Contact *Contact `json:"bundy-reconfigure"`
	}
	if err := json.Unmarshal([]byte(context), &all); err != nil || all.Contact == nil || !all.Contact.To.IsValid() || len(all.Contact.Relays) > packet6.MaxRelays {
		return Contact{}, false
	}
	for _, r := range all.Contact.Relays {
		if !r.Link.Is6() || !r.Peer.Is6() {
			return Contact{}, false
		}
	}
	return *all.Contact, true
}

// Forget takes the contact out of a user context.
func Forget(context string) string {
	if !strings.Contains(context, item) {
		return context
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal([]byte(context), &all); err != nil {
		return context
	}
	delete(all, item)
	if len(all) == 0 {
		return ""
	}
	out, err := json.Marshal(all)
	if err != nil {
		return context
	}
	return string(out)
}
