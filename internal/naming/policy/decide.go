package policy

import (
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

	// Rules is the naming policy of the section dynamic_dns; nil: the one of this section holds. It takes the place of
	// GeneratedPrefix and Suffix.
	Rules *Rules

	Protected *Protected // names that no client may have

	Bar Bar // keeps further names from clients; nil keeps none
}

// Bar keeps names from clients.
type Bar interface {
	// Barred says why nobody may have a name at the moment, or "".
	Barred(wire.Name) string
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

	Origin  Origin    // which rule the name is of
	Refused []Refusal // names that the client asked for and may not have
}

// LeaseHostname is the text that the lease keeps: the name with final dot, or "" if the server does no update.
func (d Decision) LeaseHostname() string {
	if d.Name == "" {
		return ""
	}
	return d.Name.String()
}

// Decide applies the rules to a client that gets an address. The FQDN option wins over the host name (RFC 4702
// section 4).
func Decide(c Config, client Client, said Said) Decision {
	switch {
	case said.FQDN != nil:
		return c.decideFQDN(client, said)
	case !c.EnableUpdates:
		return Decision{}
	}
	return c.decideHostName(client, said)
}

func (c *Config) decideFQDN(client Client, said Said) Decision {
	f := said.FQDN
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
	var chosen choice
	if c.Rules != nil {
		chosen = c.byRules(client, said)
	} else {
		chosen = c.choose(client, ByFQDN, f.Labels, f.Full)
	}
	if chosen.name == "" { // not even a generated name fits below the suffix, or the rules give none
		d.Forward, d.Reverse = false, false
		d.N, d.S, d.O = true, false, f.S
	}
	if d.Forward || d.Reverse {
		d.Name = chosen.name
	}
	d.Origin, d.Refused = chosen.origin, chosen.refused
	d.ReplyFQDN = appendFQDN(nil, d.N, d.S, d.O, d.E, chosen.name)
	return d
}

func (c *Config) decideHostName(client Client, said Said) Decision {
	labels, full := splitText(said.Host)
	silent := len(labels) == 0 && !full
	var chosen choice
	switch {
	case c.Rules != nil:
		chosen = c.byRules(client, said)
	case silent:
		return Decision{}
	default:
		// A host name of several labels is taken as it is (guide: "fully qualified").
		chosen = c.choose(client, ByHostName, labels, full || len(labels) > 1)
	}
	if chosen.name == "" {
		return Decision{Refused: chosen.refused}
	}
	d := Decision{Name: chosen.name, Forward: true, Reverse: true, S: true, Origin: chosen.origin, Refused: chosen.refused}
	if !silent {
		d.Source, d.ReplyHostName = FromHostName, strings.TrimSuffix(chosen.name.String(), ".")
	}
	return d
}

// byRules lets the policy choose; the item replace-client-name stands above it.
func (c *Config) byRules(client Client, said Said) choice {
	if !c.ReplaceClientName {
		return c.Rules.choose(c, client, said)
	}
	if c.Rules.Suffix == "" {
		return choice{}
	}
	return choice{name: c.generated(client.Address, c.Rules.Suffix), origin: ByAddress}
}
