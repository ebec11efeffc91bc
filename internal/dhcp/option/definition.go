package option

import "strings"

// Names of the option spaces that always exist.
const (
	SpaceDHCP4  = "dhcp4"
	SpaceVendor = "vendor-encapsulated-options-space" // carried by option 43
	SpaceRelay  = "dhcp-agent-options-space"          // carried by option 82
)

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
)

// valid tells whether the name is a type at all.
func (t Type) valid() bool {
	switch t {
	case Empty, Binary, Boolean, Int8, Int16, Int32, Uint8, Uint16, Uint32, IPv4, IPv6, FQDN, String, Record:
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
	case Int32, Uint32, IPv4:
		return 4
	case IPv6:
		return 16
	}
	return 0
}

// delimited tells whether the end of a value can be found in the wire form, so that another may follow.
func (t Type) delimited() bool { return t.size() > 0 || t == FQDN }

// Definition is the format of one option. It is immutable.
type Definition struct {
	Space        string
	Name         string
	Code         uint8 // 1 to 254
	Type         Type
	Array        bool   // several values of Type; of a record: the last field repeats
	Fields       []Type // of a record
	Encapsulates string // space of the sub-options behind the data, or empty
	replaceable  bool   // a newer standard option; an operator's definition of the same code wins
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
