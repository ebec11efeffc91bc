package wire

import "strconv"

// Type is an RR type or query type.
type Type uint16

// Class is an RR class or query class.
type Class uint16

// Opcode is the operation of a message.
type Opcode uint8

// Rcode is a response code, extended by EDNS to 12 bits, or a TSIG error.
type Rcode uint16

// RR types that code refers to by name. Every type, known or not, is served (RFC 3597).
const (
	TypeA          Type = 1
	TypeNS         Type = 2
	TypeCNAME      Type = 5
	TypeSOA        Type = 6
	TypePTR        Type = 12
	TypeMX         Type = 15
	TypeTXT        Type = 16
	TypeAFSDB      Type = 18
	TypeRT         Type = 21
	TypeSIG        Type = 24
	TypeAAAA       Type = 28
	TypeSRV        Type = 33
	TypeNAPTR      Type = 35
	TypeKX         Type = 36
	TypeDNAME      Type = 39
	TypeOPT        Type = 41
	TypeDS         Type = 43
	TypeRRSIG      Type = 46
	TypeNSEC       Type = 47
	TypeDNSKEY     Type = 48
	TypeDHCID      Type = 49
	TypeNSEC3      Type = 50
	TypeNSEC3PARAM Type = 51
	TypeSVCB       Type = 64
	TypeHTTPS      Type = 65
	TypeTKEY       Type = 249
	TypeTSIG       Type = 250
	TypeIXFR       Type = 251
	TypeAXFR       Type = 252
	TypeMAILB      Type = 253
	TypeMAILA      Type = 254
	TypeANY        Type = 255
)

const (
	ClassIN   Class = 1
	ClassCH   Class = 3
	classHS   Class = 4
	ClassNONE Class = 254
	ClassANY  Class = 255
)

const (
	OpcodeQuery  Opcode = 0
	OpcodeIQuery Opcode = 1
	OpcodeStatus Opcode = 2
	OpcodeNotify Opcode = 4
	OpcodeUpdate Opcode = 5
)

const (
	RcodeNoError  Rcode = 0
	RcodeFormErr  Rcode = 1
	RcodeServFail Rcode = 2
	RcodeNXDomain Rcode = 3
	RcodeNotImp   Rcode = 4
	RcodeRefused  Rcode = 5
	RcodeYXDomain Rcode = 6
	RcodeYXRRSet  Rcode = 7
	RcodeNXRRSet  Rcode = 8
	RcodeNotAuth  Rcode = 9
	RcodeNotZone  Rcode = 10
	RcodeBadVers  Rcode = 16
	RcodeBadSig   Rcode = 16
	RcodeBadKey   Rcode = 17
	RcodeBadTime  Rcode = 18
	RcodeBadTrunc Rcode = 22

	RcodeBadCookie Rcode = 23 // RFC 7873
)

// RR is one resource record. Data is RDATA in uncompressed wire form; names inside are uncompressed and keep their
// case. Data is immutable once the record is shared.
type RR struct {
	Name  Name
	Type  Type
	Class Class
	TTL   uint32
	Data  []byte
}

func (r Rcode) String() string {
	names := [...]string{"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN", "YXRRSET", "NXRRSET", "NOTAUTH", "NOTZONE"}
	if int(r) < len(names) {
		return names[r]
	}
	switch r {
	case RcodeBadVers:
		return "BADVERS"
	case RcodeBadCookie:
		return "BADCOOKIE"
	}
	return "RCODE" + strconv.Itoa(int(r))
}

func (c Class) String() string {
	switch c {
	case ClassIN:
		return "IN"
	case ClassCH:
		return "CH"
	case classHS:
		return "HS"
	case ClassNONE:
		return "NONE"
	case ClassANY:
		return "ANY"
	}
	return "CLASS" + strconv.Itoa(int(c))
}
