package class

import (
	"slices"
	"strings"
)

const prefix = "VENDOR_CLASS_"

// Names of the classes with a meaning of their own.
const (
	Docsis3 = prefix + "docsis3.0"  // cable modems
	ERouter = prefix + "eRouter1.0" // and the routers behind them
	All     = "ALL"                 // every client, without being named in its set
	Known   = "KNOWN"               // has a reservation
	Unknown = "UNKNOWN"             // has none
	Drop    = "DROP"                // gets no answer
	BOOTP   = "BOOTP"               // speaks the protocol before DHCP
)

// Set is the classes of one packet, in the order in which they were found. It is immutable.
type Set []string

// Of gives the classes by the vendor class identifier (option 60): an identifier that contains docsis3.0 or eRouter1.0
// is that class, any other is a class as a whole.
func Of(vendorClass []byte) Set {
	switch text := string(vendorClass); {
	case text == "":
		return nil
	case strings.Contains(text, "docsis3.0"):
		return Set{Docsis3}
	case strings.Contains(text, "eRouter1.0"):
		return Set{ERouter}
	default:
		return Set{prefix + text}
	}
}

// Has tells whether the packet is in the class of that name. The name may be given without its prefix VENDOR_CLASS_,
// as the manual does for cable networks.
func (s Set) Has(name string) bool {
	for _, c := range s {
		if c == name || len(c) == len(prefix)+len(name) && c[:len(prefix)] == prefix && c[len(prefix):] == name {
			return true
		}
	}
	return name == All
}

// With gives the set with one more class.
func (s Set) With(name string) Set {
	if slices.Contains(s, name) {
		return s
	}
	return append(s[:len(s):len(s)], name)
}

// builtin tells whether a name belongs to classes that need no definition.
func builtin(name string) bool {
	for _, p := range []string{prefix, "AFTER_", "EXTERNAL_"} {
		if strings.HasPrefix(name, p) {
			return true
		}
	}
	return slices.Contains([]string{All, Known, Unknown, BOOTP}, name)
}
