package test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"bundy/internal/dns/wire"
)

// oddMessages are requests that are unusual or wrong, in hexadecimal: flags, one digit for each count, and what follows. A
// letter in braces stands for one of messageParts.
var oddMessages = []struct {
	name, flags, counts string
	body                []string
	want                string // what bundy says; "": nothing
	why                 string // why, if no peer says the same
}{
	{"plain", "0000", "1000", []string{"{q}"}, "NOERROR qr aa 1100 no EDNS", ""},
	{"EDNS", "0000", "1001", []string{"{q}", "{opt}"}, "NOERROR qr aa 1101 EDNS 0", ""},
	{"DO", "0000", "1001", []string{"{q}", "{do}"}, "NOERROR qr aa 1101 EDNS 0 do", ""},
	{"RD", "0100", "1000", []string{"{q}"}, "NOERROR qr aa rd 1100 no EDNS", ""},
	{"CD", "0010", "1000", []string{"{q}"}, "NOERROR qr aa cd 1100 no EDNS", ""},
	{"AD", "0020", "1000", []string{"{q}"}, "NOERROR qr aa 1100 no EDNS", ""},
	{"Z", "0040", "1000", []string{"{q}"}, "NOERROR qr aa 1100 no EDNS", ""},
	{"AA, TC and RA set", "0680", "1000", []string{"{q}"}, "NOERROR qr aa 1100 no EDNS", ""},
	{"rcode set", "0003", "1000", []string{"{q}"}, "NOERROR qr aa 1100 no EDNS", ""},
	{"a response", "8000", "1000", []string{"{q}"}, "", ""},
	{"no question", "0000", "0000", nil, "FORMERR qr 0000 no EDNS", ""},
	{"no question, EDNS", "0000", "0001", []string{"{opt}"}, "FORMERR qr 0001 EDNS 0", ""},
	{"two questions", "0000", "2000", []string{"{q}", "{q}"}, "FORMERR qr 0000 no EDNS", ""},
	{"two questions, EDNS", "0000", "2001", []string{"{q}", "{q}", "{opt}"}, "FORMERR qr 0001 EDNS 0", "RFC 6891 section 6.1.1: a reply to EDNS has EDNS"},
	{"octets behind", "0000", "1000", []string{"{q}", "00"}, "FORMERR qr 1000 no EDNS", ""},
	{"octets behind OPT", "0000", "1001", []string{"{q}", "{opt}", "00"}, "FORMERR qr 1001 EDNS 0", "RFC 6891 section 6.1.1: a reply to EDNS has EDNS"},
	{"question cut off", "0000", "1000", []string{"026f6b"}, "FORMERR qr 0000 no EDNS", ""},
	{"question of a pointer", "0000", "1000", []string{"c00c00010001"}, "FORMERR qr 0000 no EDNS", ""},
	{"two OPT", "0000", "1002", []string{"{q}", "{opt}", "{opt}"}, "FORMERR qr 1001 EDNS 0", "RFC 6891 section 6.1.1: a reply to EDNS has EDNS"},
	{"OPT of another owner", "0000", "1001", []string{"{q}", "0161", "{opt}"}, "FORMERR qr 1000 no EDNS", ""},
	{"OPT in the answer section", "0000", "1100", []string{"{q}", "{opt}"}, "FORMERR qr 1000 no EDNS", ""},
	{"EDNS version 1", "0000", "1001", []string{"{q}", "00002904d00001000000 00"}, "BADVERS qr 1001 EDNS 0", ""},
	{"EDNS version 255, DO", "0000", "1001", []string{"{q}", "00002904d000ff800000 00"}, "BADVERS qr 1001 EDNS 0 do", ""},
	{"EDNS with unknown flags", "0000", "1001", []string{"{q}", "00002904d000007fff00 00"}, "NOERROR qr aa 1101 EDNS 0", ""},
	{"EDNS with an rcode", "0000", "1001", []string{"{q}", "00002904d0ff00000000 00"}, "NOERROR qr aa 1101 EDNS 0", ""},
	{"an unknown option", "0000", "1001", []string{"{q}", "00002904d00000000000 06 fde9 0002 abcd"}, "NOERROR qr aa 1101 EDNS 0", ""},
	{"an option that overruns", "0000", "1001", []string{"{q}", "00002904d00000000000 06 fde9 0003 abcd"}, "FORMERR qr 1001 EDNS 0", "RFC 6891 section 6.1.1: a reply to EDNS has EDNS"},
	{"size 0", "0000", "1001", []string{"{q}", "000029000000000000 0000"}, "NOERROR qr aa 1101 EDNS 0", ""},
	{"class ANY", "0000", "1000", []string{"{n} 0001 00ff"}, "REFUSED qr 1000 no EDNS", "RFC 1034 section 6.2.2: an answer for all classes is never authoritative, and others are not given here"},
	{"class NONE", "0000", "1000", []string{"{n} 0001 00fe"}, "REFUSED qr 1000 no EDNS", ""},
	{"class HS", "0000", "1000", []string{"{n} 0001 0004"}, "REFUSED qr 1000 no EDNS", ""},
	{"class 0", "0000", "1000", []string{"{n} 0001 0000"}, "REFUSED qr 1000 no EDNS", ""},
	{"type 0", "0000", "1000", []string{"{n} 0000 0001"}, "NOERROR qr aa 1010 no EDNS", ""},
	{"type 65535", "0000", "1000", []string{"{n} ffff 0001"}, "NOERROR qr aa 1010 no EDNS", ""},
	{"type OPT", "0000", "1000", []string{"{n} 0029 0001"}, "FORMERR qr 1000 no EDNS", ""},
	{"type TSIG", "0000", "1000", []string{"{n} 00fa 0001"}, "FORMERR qr 1000 no EDNS", ""},
	{"type TKEY", "0000", "1000", []string{"{n} 00f9 0001"}, "NOTIMP qr 1000 no EDNS", "RFC 2930 section 3: TKEY is never data, and no mode of it is known here"},
	{"type MAILB", "0000", "1000", []string{"{n} 00fd 0001"}, "NOTIMP qr 1000 no EDNS", ""},
	{"type MAILA", "0000", "1000", []string{"{n} 00fe 0001"}, "NOTIMP qr 1000 no EDNS", ""},
	{"type AXFR over UDP", "0000", "1000", []string{"{n} 00fc 0001"}, "FORMERR qr 1000 no EDNS", "RFC 5936 section 4.2: AXFR is for TCP only"},
	{"type IXFR over UDP", "0000", "1010", []string{"{n} 00fb 0001", "{soa}"}, "FORMERR qr 1000 no EDNS", "RFC 1035 section 4.1.1: NOTIMP and FORMERR alike tell that asking again is no use; transfers do not exist here"},
	{"a name not here", "0000", "1000", []string{"036e6f740468657265000001 0001"}, "REFUSED qr 1000 no EDNS", ""},
	{"a name not here, EDNS", "0000", "1001", []string{"036e6f740468657265000001 0001", "{opt}"}, "REFUSED qr 1001 EDNS 0", ""},
	{"a record in the answer section", "0000", "1100", []string{"{q}", "{soa}"}, "NOERROR qr aa 1100 no EDNS", ""},
	{"a record in the authority section", "0000", "1010", []string{"{q}", "{soa}"}, "NOERROR qr aa 1100 no EDNS", ""},
	{"a record in the additional section", "0000", "1001", []string{"{q}", "{soa}"}, "NOERROR qr aa 1100 no EDNS", ""},
	{"IQUERY", "0800", "0100", []string{"{soa}"}, "NOTIMP qr 0000 no EDNS", ""},
	{"STATUS", "1000", "1000", []string{"{q}"}, "NOTIMP qr 1000 no EDNS", ""},
	{"opcode 3", "1800", "1000", []string{"{q}"}, "NOTIMP qr 1000 no EDNS", ""},
	{"opcode 6 (DSO)", "3000", "0000", nil, "NOTIMP qr 0000 no EDNS", ""},
	{"opcode 15, EDNS", "7800", "1001", []string{"{q}", "{opt}"}, "NOTIMP qr 1001 EDNS 0", ""},
	{"NOTIFY for a zone of another", "2000", "1000", []string{"036e6f7404686572650000060001"}, "NOTAUTH qr 1000 no EDNS", ""},
}

var messageParts = map[string]string{
	"{n}":   "026f6b047465737400",
	"{q}":   "026f6b047465737400 0001 0001",
	"{opt}": "00002904d000000000 0000",
	"{do}":  "00002904d000008000 0000",
	"{soa}": "047465737400 0006 0001 00000000 0016 0000 00000001 00000001 00000001 00000001 00000001",
}

// TestOddMessages sends unusual and wrong requests to all servers.
func TestOddMessages(t *testing.T) {
	needs(t, "nsd", "knotd", "named")
	s := newSuite(t, "single")
	zones := []*signedZone{{origin: "test.", file: s.write("test", "$TTL 60\ntest. IN SOA ns.test. host.test. 1 1 1 1 1\ntest. IN NS ns.test.\nns.test. IN A 192.0.2.1\nok.test. IN A 192.0.2.2\n")}}
	servers := serveEverywhere(t, s, zones)
	for i, c := range oddMessages {
		text := fmt.Sprintf("%04x %s", 0x4000+i, c.flags)
		for _, n := range c.counts {
			text += fmt.Sprintf(" 000%c", n)
		}
		text += strings.Join(c.body, "")
		for part, octets := range messageParts {
			text = strings.ReplaceAll(text, part, octets)
		}
		msg := octets(t, text)
		said := map[string][]string{}
		for _, n := range servers {
			limit := busy * time.Second
			if n.name != "bundy" || c.want == "" { // peers leave some without a reply
				limit = 500 * time.Millisecond
			}
			reply, err := n.exchange(msg, limit)
			if err != nil {
				t.Fatalf("%s sent to %s: %v", c.name, n.name, err)
			}
			what := outline(reply)
			said[what] = append(said[what], n.name)
		}
		if agree := said[c.want]; len(agree) == 0 || agree[0] != "bundy" {
			t.Errorf("%s: want %q of bundy, got %q", c.name, c.want, said)
		} else if len(agree) == 1 && c.why == "" {
			t.Errorf("%s: nobody else says so: %q", c.name, said)
		}
	}
}

func octets(t *testing.T, text string) (all []byte) {
	t.Helper()
	if _, err := fmt.Sscanf(strings.ReplaceAll(text, " ", ""), "%x", &all); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return all
}

// outline tells what a reply is: rcode, flags, the number of records of each section, and EDNS.
func outline(reply []byte) string {
	if reply == nil {
		return ""
	}
	h, err := wire.ParseHeader(reply)
	if err != nil {
		return err.Error()
	}
	m, err := wire.ParseMessage(reply)
	if err != nil {
		return err.Error()
	}
	rcode, edns := h.Flags.Rcode(), "no EDNS"
	for _, rr := range m.Additional {
		if rr.Type == wire.TypeOPT {
			rcode |= wire.Rcode(rr.TTL>>24) << 4
			edns = fmt.Sprintf("EDNS %d", rr.TTL>>16&255)
			if rr.TTL&0x8000 != 0 {
				edns += " do"
			}
		}
	}
	text := rcode.String()
	for _, f := range []struct {
		bit  wire.Flags
		name string
	}{{wire.FlagQR, "qr"}, {wire.FlagAA, "aa"}, {wire.FlagTC, "tc"}, {wire.FlagRD, "rd"}, {wire.FlagRA, "ra"}, {1 << 6, "z"}, {wire.FlagAD, "ad"}, {wire.FlagCD, "cd"}} {
		if h.Flags&f.bit != 0 {
			text += " " + f.name
		}
	}
	return fmt.Sprintf("%s %d%d%d%d %s", text, h.Questions, h.Answers, h.Authorities, h.Additionals, edns)
}
