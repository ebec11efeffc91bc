package wire

import "encoding/binary"

// EDNS is what an OPT record says (RFC 6891 section 6.1).
type EDNS struct {
	Present bool
	Size    uint16 // UDP payload size that the sender can take; values below 512 mean 512
	Rcode   Rcode  // the upper eight bits of the response code, shifted to their place
	Version uint8
	DO      bool // RFC 3225
}

// OPTSize is the length of an OPT record without options.
const OPTSize = 11

// parse reads an OPT record from its class field on, but for the options in it.
func (e *EDNS) parse(r []byte) {
	*e = EDNS{
		Present: true,
		Size:    binary.BigEndian.Uint16(r),
		Rcode:   Rcode(r[2]) << 4,
		Version: r[3],
		DO:      r[4]&0x80 != 0,
	}
}

// RR gives the OPT record that says e, without options.
func (e EDNS) RR() RR {
	ttl := uint32(e.Rcode>>4)<<24 | uint32(e.Version)<<16
	if e.DO {
		ttl |= 1 << 15
	}
	return RR{Name: Root, Type: TypeOPT, Class: Class(e.Size), TTL: ttl}
}
