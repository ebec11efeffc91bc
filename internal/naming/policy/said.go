package policy

import (
	"encoding/json"
	"net/netip"
	"strings"

	"bundy/internal/dhcp/lease"
)

// Client is whose name is decided about.
type Client struct {
	Address netip.Addr
	HWAddr  string // hardware address; may be empty
	ID      string // contents of the DHCPv4 client identifier, or the DUID; may be empty
}

// Said is what a client said about its name. It is kept with the lease, so that a change of the policy finds the name
// that the client would get if it asked today.
type Said struct {
	FQDN *FQDN  // option 81 or 39; nil if it was not sent
	Host string // contents of option 12; "" if it was not sent
}

// IsZero tells whether the client said nothing.
func (s Said) IsZero() bool { return s.FQDN == nil && s.Host == "" }

// saidObject is the JSON object that leases carry.
type saidObject struct {
	Said *string `json:"said"`
}

// Words of the text: which option a name is of.
const (
	wordFQDN = "fqdn/"
	wordHost = "host"
)

// UserContext writes what was said as the user context of a lease: {"said":"fqdn/S pc.lab. host pc"}. The letters behind
// the slash are the client's flags; other bytes than letters and the like are escaped, so that any name fits. It is ""
// if nothing was said.
func (s Said) UserContext() string {
	if s.IsZero() {
		return ""
	}
	var b strings.Builder
	b.WriteString(`{"said":"`)
	if f := s.FQDN; f != nil {
		b.WriteString(wordFQDN)
		for _, flag := range []struct {
			set    bool
			letter byte
		}{{f.N, 'N'}, {f.S, 'S'}, {f.E, 'E'}} {
			if flag.set {
				b.WriteByte(flag.letter)
			}
		}
		b.WriteByte(' ')
		for i, l := range f.Labels {
			if i > 0 {
				b.WriteByte('.')
			}
			escape(&b, l, true)
		}
		if f.Full {
			b.WriteByte('.')
		}
		if s.Host != "" {
			b.WriteByte(' ')
		}
	}
	if s.Host != "" {
		b.WriteString(wordHost + " ")
		escape(&b, s.Host, false)
	}
	b.WriteString(`"}`)
	return b.String()
}

// saidItem is the key of what was said in a user context.
const saidItem = "said"

// Note puts what was said into a user context, in the place of what was said before; what others noted there stays. A
// context that is no map is left as it is.
func (s Said) Note(context string) string {
	ours := s.UserContext()
	if before, told := ParseSaid(context); context == "" || told && context == before.UserContext() {
		return ours
	}
	all := map[string]json.RawMessage{}
	if json.Unmarshal([]byte(context), &all) != nil || all == nil {
		return context
	}
	delete(all, saidItem)
	if ours != "" {
		all[saidItem] = json.RawMessage(ours[len(`{"said":`) : len(ours)-1])
	}
	if len(all) == 0 {
		return ""
	}
	out, err := json.Marshal(all)
	if err != nil {
		return context
	}
	return string(out)
}

// escape writes bytes so that they are neither special in JSON, in a lease file nor, in a label, a dot.
func escape(b *strings.Builder, raw string, label bool) {
	for i := range len(raw) {
		c := raw[i]
		switch {
		case c <= ' ', c >= 0x7f, strings.IndexByte(`"\,&<>`, c) >= 0, label && c == '.':
			b.WriteByte('/')
			const hex = "0123456789abcdef"
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
		case c == '/':
			b.WriteString("/2f")
		default:
			b.WriteByte(c)
		}
	}
}

// unescape reads what escape writes; false if it cannot have been.
func unescape(text string) (string, bool) {
	if !strings.Contains(text, "/") {
		return text, true
	}
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		if text[i] != '/' {
			out = append(out, text[i])
			continue
		}
		if i+2 >= len(text) {
			return "", false
		}
		hi, lo := unhex(text[i+1]), unhex(text[i+2])
		if hi < 0 || lo < 0 {
			return "", false
		}
		out = append(out, byte(hi<<4|lo))
		i += 2
	}
	return string(out), true
}

func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	}
	return -1
}

// ParseSaid reads the user context of a lease. False means that it does not say: the row is of another server, or of an
// older version.
func ParseSaid(context string) (Said, bool) {
	if !strings.Contains(context, `"said"`) {
		return Said{}, false
	}
	var object saidObject
	if json.Unmarshal([]byte(context), &object) != nil || object.Said == nil {
		return Said{}, false
	}
	var s Said
	words := strings.Split(*object.Said, " ")
	if len(words)%2 != 0 {
		return Said{}, false
	}
	for i := 0; i < len(words); i += 2 {
		ok := false
		if flags, is := strings.CutPrefix(words[i], wordFQDN); is {
			s.FQDN, ok = parseSaidName(flags, words[i+1])
		} else if words[i] == wordHost {
			s.Host, ok = unescape(words[i+1])
		}
		if !ok {
			return Said{}, false
		}
	}
	return s, true
}

func parseSaidName(flags, text string) (*FQDN, bool) {
	f := &FQDN{N: strings.Contains(flags, "N"), S: strings.Contains(flags, "S"), E: strings.Contains(flags, "E")}
	text, f.Full = strings.CutSuffix(text, ".")
	if text == "" {
		return f, true
	}
	for _, l := range strings.Split(text, ".") {
		raw, ok := unescape(l)
		if !ok {
			return nil, false
		}
		f.Labels = append(f.Labels, raw)
	}
	return f, true
}

// SaidBefore is what the client of a lease said when it got it; of a lease that does not keep it, what its name lets
// guess where the rules say who gets which name.
func SaidBefore(c Config, l lease.Lease) Said {
	said, told := ParseSaid(l.UserContext)
	if !told && c.Rules != nil {
		return SaidOf(l.Hostname, l.FQDNForward, l.FQDNReverse)
	}
	return said
}

// ClientOf is the client that holds a lease.
func ClientOf(l lease.Lease) Client {
	id := l.ClientID
	if l.Kind != lease.V4 {
		id = l.DUID
	}
	return Client{Address: l.Address, HWAddr: l.HWAddr, ID: id}
}

// SaidOf takes what a client said from the row of a server that does not keep it: Kea writes a name that came in the
// FQDN option with final dot, and one of the host name option without.
func SaidOf(hostname string, forward, reverse bool) Said {
	if hostname == "" {
		return Said{}
	}
	labels, full := splitText(hostname)
	if !full {
		return Said{Host: hostname}
	}
	// A server that does no updates itself leaves both flags out; then they say nothing about the client's wish.
	return Said{FQDN: &FQDN{S: forward || !reverse, Labels: labels, Full: true}}
}
