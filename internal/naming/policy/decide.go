package policy

import (
	"net/netip"
	"strings"

	"bundy/internal/dns/wire"
)

// Config is the section dhcp-ddns of a DHCP server's configuration, as far as names go.
type Config struct {
	EnableUpdates        bool
	OverrideNoUpdate     bool      // update even when the client sets N
	OverrideClientUpdate bool      // do the forward update even when the client wants to do it
	ReplaceClientName    bool      // always generate the name
	GeneratedPrefix      string    // first part of generated names; may hold dots
	Suffix               wire.Name // behind partial and generated names; "" or wire.Root for none
}

// Source tells which option the decision answers.
type Source uint8

const (
	NoSource     Source = iota // neither option, or one that is to be ignored: no names, nothing in the reply
	FromFQDN                   // the Client FQDN option: reply with ReplyFQDN
	FromHostName               // the Host Name option: reply with ReplyHostName
)

// Decision is what the server does for the names of one lease.
type Decision struct {
	Source  Source
	Name    wire.Name // lower case; "" when neither Forward nor Reverse
	Forward bool      // the server does the A record
	Reverse bool      // the server does the PTR record

	N, S, O, E bool // flags of the reply's FQDN option

	ReplyFQDN     []byte // contents of option 81 for the reply; nil unless FromFQDN
	ReplyHostName string // contents of option 12 for the reply, without final dot; "" unless FromHostName
}

// LeaseHostname is the text that the lease keeps: the name with final dot, or "" if the server does no update.
func (d Decision) LeaseHostname() string {
	if d.Name == "" {
		return ""
	}
	return d.Name.String()
}

// Decide applies the rules to a client that gets addr. fqdn is nil when the client sent no option 81; hostName is
// the contents of option 12 or "". The FQDN option wins over the host name (RFC 4702 section 4).
func Decide(c Config, addr netip.Addr, fqdn *FQDN, hostName string) Decision {
	switch {
	case fqdn != nil:
		return c.decideFQDN(addr, fqdn)
	case !c.EnableUpdates:
		return Decision{}
	}
	return c.decideHostName(addr, hostName)
}

func (c Config) decideFQDN(addr netip.Addr, f *FQDN) Decision {
	d := Decision{Source: FromFQDN, E: f.E}
	switch {
	case !c.EnableUpdates:
		d.N, d.O = true, f.S
	case f.N && !c.OverrideNoUpdate:
		d.N = true
	case !f.N && !f.S && !c.OverrideClientUpdate:
		// Client delegation: all reply flags stay 0 (RFC 4702 section 4).
	default:
		d.S, d.O = true, !f.S
	}
	d.Forward, d.Reverse = d.S, !d.N
	name := c.name(addr, f.Labels, f.Full)
	if name == "" { // not even a generated name fits below the suffix
		d.Forward, d.Reverse = false, false
		d.N, d.S, d.O = true, false, f.S
	}
	if d.Forward || d.Reverse {
		d.Name = name
	}
	d.ReplyFQDN = appendFQDN(nil, d.N, d.S, d.O, d.E, name)
	return d
}

func (c Config) decideHostName(addr netip.Addr, hostName string) Decision {
	labels, full := splitText(hostName)
	if len(labels) == 0 && !full {
		return Decision{}
	}
	// A host name of several labels is taken as it is (guide: "fully qualified").
	name := c.name(addr, labels, full || len(labels) > 1)
	if name == "" {
		return Decision{}
	}
	return Decision{
		Source: FromHostName, Name: name, Forward: true, Reverse: true, S: true,
		ReplyHostName: strings.TrimSuffix(name.String(), "."),
	}
}
