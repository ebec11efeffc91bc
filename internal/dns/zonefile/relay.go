package zonefile

import (
	"errors"
	"strconv"

	"bundy/internal/dns/wire"
)

// Kinds of the relay of an AMTRELAY record (RFC 8777 section 4.2.3), and the bit before them that says that discovery is
// optional.
const (
	relayNone = iota
	relayIPv4
	relayIPv6
	relayName

	relayWords         = 3
	discovery     byte = 0x80
	relayKindMask byte = 0x7f
)

var errRelay = errors.New("the relay is not of its type")

// appendRelay reads the words discovery, type and relay.
func appendRelay(dst []byte, words [][]byte, origin wire.Name) ([]byte, error) {
	optional, err := parseNumber(words[0], 1)
	if err != nil {
		return nil, bad(err, words[0])
	}
	kind, err := parseNumber(words[1], relayName)
	if err != nil {
		return nil, bad(err, words[1])
	}
	head := byte(kind)
	if optional == 1 {
		head |= discovery
	}
	dst = append(dst, head)
	switch kind {
	case relayIPv4:
		return appendField(dst, fieldIPv4, words[2], origin)
	case relayIPv6:
		return appendField(dst, fieldIPv6, words[2], origin)
	case relayName:
		return appendField(dst, fieldName, words[2], origin)
	}
	if string(words[2]) != "." {
		return nil, bad(errRelay, words[2])
	}
	return dst, nil
}

// appendRelayText is the way back; false if data is not of that form.
func appendRelayText(dst, data []byte) ([]byte, bool) {
	optional, kind := data[0]>>7, data[0]&relayKindMask
	dst = append(dst, '0'+optional, ' ')
	dst = strconv.AppendUint(dst, uint64(kind), 10)
	dst = append(dst, ' ')
	fields := ""
	switch kind {
	case relayNone:
		return append(dst, '.'), len(data) == 1
	case relayIPv4:
		fields = string(fieldIPv4)
	case relayIPv6:
		fields = string(fieldIPv6)
	case relayName:
		fields = string(fieldName)
	default:
		return nil, false
	}
	return appendLayout(dst, fields, data[1:])
}
