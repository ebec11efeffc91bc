package class

import (
	"slices"
	"strings"
)

const prefix = "VENDOR_CLASS_"

// Names of the classes with a meaning of their own: cable modems and the routers behind them.
const (
	Docsis3 = prefix + "docsis3.0"
	ERouter = prefix + "eRouter1.0"
)

// Set is the classes of one packet. It is immutable.
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
	return slices.Contains(s, name) || slices.Contains(s, prefix+name)
}

// Allows tells whether a client of these classes may use what is limited to the class of that name; empty: no limit.
func (s Set) Allows(name string) bool { return name == "" || s.Has(name) }
