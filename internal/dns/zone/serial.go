package zone

import (
	"encoding/binary"

	"bundy/internal/dns/wire"
)

// Serial is the version number of a zone. It wraps around (RFC 1982).
type Serial uint32

// Less tells whether s comes before t. Of two serials exactly 2^31 apart neither is less (RFC 1982 section 3.2).
func (s Serial) Less(t Serial) bool { return s != t && t-s < 1<<31 }

// soaNumbers is the length of the five numbers that end the RDATA of an SOA record.
const soaNumbers = 20

// SerialOf reads the serial of an SOA record, 0 if rr is none.
func SerialOf(rr wire.RR) Serial {
	if rr.Type != wire.TypeSOA || len(rr.Data) < soaNumbers {
		return 0
	}
	return Serial(binary.BigEndian.Uint32(rr.Data[len(rr.Data)-soaNumbers:]))
}

// WithSerial gives the SOA record rr with another serial. The RDATA is a copy.
func WithSerial(rr wire.RR, s Serial) wire.RR {
	data := append([]byte(nil), rr.Data...)
	if len(data) >= soaNumbers {
		binary.BigEndian.PutUint32(data[len(data)-soaNumbers:], uint32(s))
	}
	rr.Data = data
	return rr
}

// soaMinimum reads the last number of an SOA's RDATA: the TTL of negative answers (RFC 2308 section 4).
func soaMinimum(data []byte) uint32 {
	if len(data) < soaNumbers {
		return 0
	}
	return binary.BigEndian.Uint32(data[len(data)-4:])
}
