package zonefile

import (
	"bytes"
	"encoding/hex"
	"errors"
	"net/netip"
	"strconv"

	"bundy/internal/dns/wire"
)

// Types that nobody should use, but that old zones hold and BIND reads: WKS (RFC 1035 section 3.4.2), A6 (RFC 2874) and
// ATMA (ATM Name System, AF-DANS-0152).

var (
	errService  = errors.New("unknown protocol or service")
	errA6       = errors.New("not prefix length, address suffix and prefix name")
	errATMA     = errors.New("not an ATM address")
	errA6Prefix = errors.New("prefix length above 128")
)

// services gives the ports that WKS records were written with (RFC 1010); others are written as numbers, so that a zone does
// not depend on the machine that reads it.
func services(name string) (port uint16, ok bool) {
	ports := map[string]uint16{
		"rje": 5, "echo": 7, "discard": 9, "users": 11, "systat": 11, "daytime": 13, "netstat": 15, "quote": 17, "qotd": 17, "chargen": 19,
		"ftp-data": 20, "ftp": 21, "ssh": 22, "telnet": 23, "smtp": 25, "nsw-fe": 27, "time": 37, "rlp": 39, "graphics": 41, "name": 42, "nameserver": 42,
		"nicname": 43, "whois": 43, "login": 49, "domain": 53, "bootps": 67, "bootpc": 68, "tftp": 69, "gopher": 70, "finger": 79, "http": 80, "www": 80,
		"supdup": 95, "hostname": 101, "hostnames": 101, "iso-tsap": 102, "x400": 103, "csnet-ns": 105, "pop2": 109, "pop3": 110, "sunrpc": 111, "auth": 113,
		"sftp": 115, "uucp-path": 117, "nntp": 119, "ntp": 123, "netbios-ns": 137, "netbios-dgm": 138, "netbios-ssn": 139, "imap": 143, "imap2": 143,
		"snmp": 161, "snmptrap": 162, "bgp": 179, "irc": 194, "https": 443, "syslog": 514, "printer": 515,
	}
	port, ok = ports[name]
	return port, ok
}

// appendServices reads the protocol and the services of a WKS record; the address stands before them.
func appendServices(dst []byte, words [][]byte) ([]byte, error) {
	protocols := map[string]byte{"icmp": 1, "igmp": 2, "ggp": 3, "tcp": 6, "egp": 8, "igp": 9, "udp": 17}
	protocol, ok := protocols[string(bytes.ToLower(words[0]))]
	if !ok {
		n, err := parseNumber(words[0], 255)
		if err != nil {
			return nil, bad(errService, words[0])
		}
		protocol = byte(n)
	}
	dst = append(dst, protocol)
	at := len(dst)
	for _, w := range words[1:] {
		port, ok := services(string(bytes.ToLower(w)))
		if !ok {
			n, err := parseNumber(w, 1<<16-1)
			if err != nil {
				return nil, bad(errService, w)
			}
			port = uint16(n)
		}
		octet := at + int(port/8)
		for len(dst) <= octet {
			dst = append(dst, 0)
		}
		dst[octet] |= 0x80 >> (port % 8)
	}
	return dst, nil
}

// appendServicesText is the way back; false if data is not what appendServices makes.
func appendServicesText(dst, data []byte) ([]byte, bool) {
	const mostOctets = 1 << 16 / 8
	bits := data[1:]
	if len(bits) > mostOctets || len(bits) > 0 && bits[len(bits)-1] == 0 {
		return nil, false
	}
	dst = strconv.AppendUint(dst, uint64(data[0]), 10)
	for i, octet := range bits {
		for b := range 8 {
			if octet&(0x80>>b) != 0 {
				dst = strconv.AppendUint(append(dst, ' '), uint64(8*i+b), 10)
			}
		}
	}
	return dst, true
}

// a6Suffix gives how many octets of the address stand in an A6 record, and the bits of the first one that count.
func a6Suffix(prefix byte) (octets int, mask byte) { return 16 - int(prefix)/8, 0xff >> (prefix % 8) }

// appendA6 reads prefix length, suffix and name. With 128 there is no suffix, with 0 no name (RFC 2874 section 3.2).
func appendA6(dst []byte, words [][]byte, origin wire.Name) ([]byte, error) {
	n, err := parseNumber(words[0], 128)
	if err != nil {
		return nil, bad(errA6Prefix, words[0])
	}
	prefix := byte(n)
	dst = append(dst, prefix)
	words = words[1:]
	if octets, mask := a6Suffix(prefix); octets > 0 {
		if len(words) == 0 {
			return nil, errFewFields
		}
		a, err := netip.ParseAddr(string(words[0]))
		if err != nil || !a.Is6() || a.Zone() != "" {
			return nil, &fault{"not an IPv6 address", words[0]}
		}
		b := a.As16()
		b[16-octets] &= mask
		dst = append(dst, b[16-octets:]...)
		words = words[1:]
	}
	switch {
	case prefix == 0 && len(words) == 0:
		return dst, nil
	case len(words) == 0:
		return nil, errFewFields
	case len(words) > 1 || prefix == 0:
		return nil, bad(errA6, words[len(words)-1])
	}
	return appendField(dst, fieldName, words[0], origin)
}

// appendA6Text is the way back; false if data is not of that form.
func appendA6Text(dst, data []byte) ([]byte, bool) {
	prefix := data[0]
	if prefix > 128 {
		return nil, false
	}
	octets, mask := a6Suffix(prefix)
	if len(data) < 1+octets || octets > 0 && data[1]&^mask != 0 {
		return nil, false
	}
	dst = strconv.AppendUint(dst, uint64(prefix), 10)
	if octets > 0 {
		var b [16]byte
		copy(b[16-octets:], data[1:])
		a := netip.AddrFrom16(b)
		dst = append(append(dst, ' '), a.String()...)
	}
	if prefix == 0 {
		return dst, len(data) == 1+octets
	}
	return appendLayout(append(dst, ' '), string(fieldName), data[1+octets:])
}

// Formats of an ATM address.
const (
	atmaEndSystem = 0 // 20 octets, in text hexadecimal
	atmaE164      = 1 // a telephone number: its digits
)

// appendATMA reads an ATM end system address in hexadecimal, or + and a telephone number. Dots between digits mean nothing.
func appendATMA(dst, text []byte) ([]byte, error) {
	digits := bytes.ReplaceAll(text, []byte("."), nil)
	if len(digits) > 1 && digits[0] == '+' {
		for _, c := range digits[1:] {
			if c < '0' || c > '9' {
				return nil, bad(errATMA, text)
			}
		}
		return append(append(dst, atmaE164), digits[1:]...), nil
	}
	out, err := hex.AppendDecode(append(dst, atmaEndSystem), digits)
	if err != nil || len(digits) == 0 {
		return nil, bad(errATMA, text)
	}
	return out, nil
}

// appendATMAText is the way back; false if data is of another format.
func appendATMAText(dst, data []byte) ([]byte, bool) {
	address := data[1:]
	switch {
	case len(address) == 0:
		return nil, false
	case data[0] == atmaEndSystem:
		return hex.AppendEncode(dst, address), true
	case data[0] == atmaE164:
		for _, c := range address {
			if c < '0' || c > '9' {
				return nil, false
			}
		}
		return append(append(dst, '+'), address...), true
	}
	return nil, false
}

// mostOldTypes bounds the bitmap of an NXT record: types below 128, one bit each (RFC 2535 section 5.2). The library
// takes it for that of an NSEC record.
const mostOldTypes = 128

var errOldType = errors.New("not a type that an NXT record can name")

// appendOldTypes reads the types of an NXT record; the next name stands before them.
func appendOldTypes(dst []byte, words [][]byte) ([]byte, error) {
	at := len(dst)
	for _, w := range words {
		t, err := wire.ParseType(string(w))
		if err != nil || t == 0 || t >= mostOldTypes {
			return nil, bad(errOldType, w)
		}
		for len(dst) <= at+int(t/8) {
			dst = append(dst, 0)
		}
		dst[at+int(t/8)] |= 0x80 >> (t % 8)
	}
	return dst, nil
}

// appendOldTypesText is the way back; false if data is not what appendOldTypes makes.
func appendOldTypesText(dst, data []byte) ([]byte, bool) {
	if len(data) == 0 || len(data) > mostOldTypes/8 || data[0]&0x80 != 0 || data[len(data)-1] == 0 {
		return nil, false
	}
	for t := range wire.Type(8 * len(data)) {
		if data[t/8]&(0x80>>(t%8)) == 0 {
			continue
		}
		if dst[len(dst)-1] != ' ' {
			dst = append(dst, ' ')
		}
		dst = append(dst, t.String()...)
	}
	return dst, true
}
