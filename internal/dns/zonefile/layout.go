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
	typeAFSDB wire.Type = 18
	typeRT    wire.Type = 21
	typePX    wire.Type = 26
	typeKX    wire.Type = 36
	typeSPF   wire.Type = 99
)

// The fields of RDATA, one letter each, as they stand one after the other both in text and on the wire.
const (
	fieldName    = 'n' // domain name
	field16      = '2' // number of 16 bits
	field32      = '4' // number of 32 bits
	fieldTime    = 't' // seconds in 32 bits, in text also with units
	fieldIPv4    = 'a'
	fieldIPv6    = 'A'
	fieldString  = 's' // one character string
	fieldStrings = 'S' // one or more character strings to the end
	fieldBase64  = 'b' // octets to the end, at least one
)

// layout gives the fields of a type, "" for types whose text form is not read here. These are the types that make up
// zones in bulk and whose text is nothing but their fields; mnemonics, bitmaps and options are left to the library.
func layout(t wire.Type) string {
	switch t {
	case wire.TypeA:
		return "a"
	case wire.TypeAAAA:
		return "A"
	case wire.TypeNS, wire.TypeCNAME, wire.TypePTR, wire.TypeDNAME, typeMB, typeMG, typeMR:
		return "n"
	case wire.TypeMX, typeAFSDB, typeRT, typeKX:
		return "2n"
	case typePX:
		return "2nn"
	case wire.TypeSRV:
		return "222n"
	case wire.TypeSOA:
		return "nn4tttt"
	case typeRP, typeMINFO:
		return "nn"
	case wire.TypeTXT, typeSPF:
		return "S"
	case typeHINFO:
		return "ss"
	case wire.TypeDHCID:
		return "b"
	}
	return ""
}
