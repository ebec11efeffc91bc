package zonefile

import "bundy/internal/dns/wire"

// Types with a layout of their own here, besides those that package wire names.
const (
	typeMB    wire.Type = 7
	typeMG    wire.Type = 8
	typeMR    wire.Type = 9
	typeHINFO wire.Type = 13
	typeMINFO wire.Type = 14
	typeRP    wire.Type = 17
	typeWKS   wire.Type = 11
	typeX25   wire.Type = 19
	typeISDN  wire.Type = 20
	typeNSAP  wire.Type = 22
	typePX    wire.Type = 26
	typeGPOS  wire.Type = 27
	typeLOC   wire.Type = 29
	typeNXT   wire.Type = 30
	typeATMA  wire.Type = 34
	typeA6    wire.Type = 38
	typeSINK  wire.Type = 40
	typeDSYNC wire.Type = 66
	typeHHIT  wire.Type = 67
	typeBRID  wire.Type = 68
	typeSPF   wire.Type = 99

	typeUINFO  wire.Type = 100
	typeUNSPEC wire.Type = 103

	typeDOA      wire.Type = 259
	typeAMTRELAY wire.Type = 260
	typeRESINFO  wire.Type = 261
	typeWALLET   wire.Type = 262
	typeCLA      wire.Type = 263
	typeIPN      wire.Type = 264
)

// The fields of RDATA, one letter each, as they stand one after the other both in text and on the wire.
const (
	fieldName    = 'n' // domain name
	field8       = '1' // number of 8 bits
	field16      = '2' // number of 16 bits
	field32      = '4' // number of 32 bits
	field64      = '8' // number of 64 bits
	fieldType    = 'y' // mnemonic of a record type
	fieldScheme  = 'm' // of DSYNC, 8 bits: NOTIFY or a number
	fieldRelay   = 'r' // of AMTRELAY to the end: three words
	fieldPorts   = 'w' // of WKS to the end: protocol and services
	fieldA6      = '6' // of A6 to the end: prefix length, suffix, name
	fieldOld     = 'o' // of NXT to the end: types
	fieldATMA    = 'T' // of ATMA to the end: one word
	fieldTime    = 't' // seconds in 32 bits, in text also with units
	fieldIPv4    = 'a'
	fieldIPv6    = 'A'
	fieldString  = 's' // one character string
	fieldTwo     = 'd' // of ISDN to the end: one or two character strings
	fieldStrings = 'S' // one or more character strings to the end
	fieldBase64  = 'b' // octets to the end, at least one
	fieldHex     = 'x' // octets to the end, at least one: 0x and hexadecimal, in which dots mean nothing
	fieldParams  = 'p' // service parameters to the end (RFC 9460 section 2.1)
)

// layout gives the fields of a type, "" for types whose text form is not read here. These are the types that make up
// zones in bulk and whose text is nothing but their fields, and those that the library does not know or reads wrong; bitmaps
// are left to it.
func layout(t wire.Type) string {
	switch t {
	case wire.TypeA:
		return "a"
	case wire.TypeAAAA:
		return "A"
	case wire.TypeNS, wire.TypeCNAME, wire.TypePTR, wire.TypeDNAME, typeMB, typeMG, typeMR:
		return "n"
	case wire.TypeMX, wire.TypeAFSDB, wire.TypeRT, wire.TypeKX:
		return "2n"
	case typePX:
		return "2nn"
	case wire.TypeSRV:
		return "222n"
	case wire.TypeSOA:
		return "nn4tttt"
	case typeRP, typeMINFO:
		return "nn"
	case wire.TypeTXT, typeSPF, typeRESINFO, typeWALLET, typeCLA:
		return "S"
	case typeIPN:
		return "8"
	case typeDSYNC: // RFC 9859 section 2
		return "ym2n"
	case typeAMTRELAY: // RFC 8777 section 4
		return "1r"
	case wire.TypeSVCB, wire.TypeHTTPS:
		return "2np"
	case typeX25: // RFC 1183 section 3.1
		return "s"
	case typeISDN: // RFC 1183 section 3.2
		return "d"
	case typeGPOS: // RFC 1712 section 3
		return "sss"
	case typeNSAP: // RFC 1706 section 7
		return "x"
	case typeSINK: // meaning, coding and subcoding, as BIND has it
		return "111b"
	case typeWKS:
		return "aw"
	case typeA6:
		return "6"
	case typeNXT:
		return "no"
	case typeATMA:
		return "T"
	case typeDOA: // enterprise, type, location, media type, data
		return "441sb"
	case typeHINFO:
		return "ss"
	case wire.TypeDHCID, typeHHIT, typeBRID:
		return "b"
	}
	return ""
}
