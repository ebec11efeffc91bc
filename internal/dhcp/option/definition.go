package option

import "strings"

// Family is the protocol: it decides about the form of options and about which of them are standard.
type Family uint8

const (
	Family4 Family = 4 // DHCPv4: codes and lengths of one octet
	Family6 Family = 6 // DHCPv6: codes and lengths of two octets
)

// Names of the option spaces that always exist.
const (
	SpaceDHCP4   = "dhcp4"
	SpaceVendor  = "vendor-encapsulated-options-space" // carried by option 43
	SpaceRelay   = "dhcp-agent-options-space"          // carried by option 82
	SpaceDHCP6   = "dhcp6"
	SpaceVendor6 = "vendor-opts-space" // carried by option 17 behind the enterprise number that it holds
)

// Main is the space of the options that stand in messages themselves.
func (f Family) Main() string {
	if f == Family6 {
		return SpaceDHCP6
	}
	return SpaceDHCP4
}

// MaxCode is the highest code that can be configured; in DHCPv4 255 is the end mark.
func (f Family) MaxCode() int {
	if f == Family6 {
		return 65535
	}
	return 254
}

// codeSize is the size in octets of a code, and of a length.
func (f Family) codeSize() int {
	if f == Family6 {
		return 2
	}
	return 1
}

// maxData bounds the data of one configured option.
func (f Family) maxData() int {
	if f == Family6 {
		return MaxData6
	}
	return MaxData
}

// Type is the type of one value in an option, by the name that the configuration uses.
type Type string

const (
	Empty   Type = "empty"
	Binary  Type = "binary"
	Boolean Type = "boolean"
	Int8    Type = "int8"
	Int16   Type = "int16"
	Int32   Type = "int32"
	Uint8   Type = "uint8"
	Uint16  Type = "uint16"
	Uint32  Type = "uint32"
	IPv4    Type = "ipv4-address"
	IPv6    Type = "ipv6-address"
	FQDN    Type = "fqdn"
	String  Type = "string"
	Record  Type = "record"
	Prefix6 Type = "ipv6-prefix" // 2001:db8::/32: the length, and the octets that it needs (RFC 7598 section 4.1)
	PSID    Type = "psid"        // 3/4: a port set and its length in bits (RFC 7598 section 4.5)
	Tuple   Type = "tuple"       // text behind its length, of one octet in DHCPv4 and of two in DHCPv6

	// Types of standard options whose text is not a list of values. They cannot be used in definitions.
	routes Type = "classless-routes"   // 10.0.0.0/8 - 192.0.2.1, ... (RFC 3442)
	dnr4   Type = "encrypted-dns-ipv4" // RFC 9463 section 5.1
	dnr6   Type = "encrypted-dns-ipv6" // RFC 9463 section 4.1
	uri    Type = "uri"                // RFC 8910 section 2
)

// valid tells whether the name is a type that definitions may use.
func (t Type) valid() bool {
	switch t {
	case Empty, Binary, Boolean, Int8, Int16, Int32, Uint8, Uint16, Uint32, IPv4, IPv6, FQDN, String, Record, Prefix6, PSID, Tuple:
		return true
	}
	return false
}

// size is the length of a value in octets, 0 when it varies.
func (t Type) size() int {
	switch t {
	case Boolean, Int8, Uint8:
		return 1
	case Int16, Uint16:
		return 2
	case PSID:
		return 3
	case Int32, Uint32, IPv4:
		return 4
	case IPv6:
		return 16
	}
	return 0
}

// delimited tells whether the end of a value can be found in the wire form, so that another may follow.
func (t Type) delimited() bool { return t.size() > 0 || t == FQDN || t == Prefix6 || t == Tuple }

// Definition is the format of one option. It is immutable.
type Definition struct {
	Space        string
	Name         string
	Code         uint16 // 1 to 254 in DHCPv4, to 65535 in DHCPv6
	Type         Type
	Array        bool   // several values of Type; of a record: the last field repeats
	Fields       []Type // of a record
	Encapsulates string // space of the sub-options behind the data, or empty
	compressed   bool   // names in it point to parts of earlier ones (RFC 3397)
	replaceable  bool   // a newer standard option; an operator's definition of the same code wins
	family       Family // set by the catalog
}

// ParseTypes reads the comma list of a record's field types.
func ParseTypes(text string) []Type {
	if strings.TrimSpace(text) == "" {
		return nil
	}
	var out []Type
	for part := range strings.SplitSeq(text, ",") {
		out = append(out, Type(strings.TrimSpace(part)))
	}
	return out
}
