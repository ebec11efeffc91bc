package wire

import (
	"fmt"
	"strconv"
	"strings"
)

// Types that only this package needs by name.
const (
	typeMD    Type = 3
	typeMF    Type = 4
	typeMB    Type = 7
	typeMG    Type = 8
	typeMR    Type = 9
	typeHINFO Type = 13
	typeMINFO Type = 14
	typeRP    Type = 17
	typeX25   Type = 19
	typeISDN  Type = 20
	typePX    Type = 26
	typeNXT   Type = 30
	typeSPF   Type = 99
)

// mnemonic gives the name of a type in the IANA registry "Resource Record (RR) TYPEs", or "".
func (t Type) mnemonic() string {
	names := [...]string{
		"", "A", "NS", "MD", "MF", "CNAME", "SOA", "MB", "MG", "MR", "NULL", "WKS", "PTR", "HINFO", "MINFO", "MX", "TXT",
		"RP", "AFSDB", "X25", "ISDN", "RT", "NSAP", "NSAP-PTR", "SIG", "KEY", "PX", "GPOS", "AAAA", "LOC", "NXT", "EID",
		"NIMLOC", "SRV", "ATMA", "NAPTR", "KX", "CERT", "A6", "DNAME", "SINK", "OPT", "APL", "DS", "SSHFP", "IPSECKEY",
		"RRSIG", "NSEC", "DNSKEY", "DHCID", "NSEC3", "NSEC3PARAM", "TLSA", "SMIMEA", "", "HIP", "NINFO", "RKEY", "TALINK",
		"CDS", "CDNSKEY", "OPENPGPKEY", "CSYNC", "ZONEMD", "SVCB", "HTTPS", "DSYNC",
		"HHIT", "BRID",
	}
	if int(t) < len(names) {
		return names[t]
	}
	switch t {
	case 99:
		return "SPF"
	case 100:
		return "UINFO"
	case 101:
		return "UID"
	case 102:
		return "GID"
	case 103:
		return "UNSPEC"
	case 104:
		return "NID"
	case 105:
		return "L32"
	case 106:
		return "L64"
	case 107:
		return "LP"
	case 108:
		return "EUI48"
	case 109:
		return "EUI64"
	case 128:
		return "NXNAME"
	case TypeTKEY:
		return "TKEY"
	case TypeTSIG:
		return "TSIG"
	case TypeIXFR:
		return "IXFR"
	case TypeAXFR:
		return "AXFR"
	case TypeMAILB:
		return "MAILB"
	case TypeMAILA:
		return "MAILA"
	case TypeANY:
		return "ANY"
	case 256:
		return "URI"
	case 257:
		return "CAA"
	case 258:
		return "AVC"
	case 259:
		return "DOA"
	case 260:
		return "AMTRELAY"
	case 261:
		return "RESINFO"
	case 262:
		return "WALLET"
	case 263:
		return "CLA"
	case 264:
		return "IPN"
	case 32768:
		return "TA"
	case 32769:
		return "DLV"
	}
	return ""
}

// String gives the mnemonic, or TYPEnnn (RFC 3597 section 5).
func (t Type) String() string {
	if s := t.mnemonic(); s != "" {
		return s
	}
	return "TYPE" + strconv.Itoa(int(t))
}

// common reads the mnemonics that stand on most lines of zones; 0 is another.
func common(text string) Type {
	switch text {
	case "A", "a":
		return TypeA
	case "AAAA", "aaaa":
		return TypeAAAA
	case "NS", "ns":
		return TypeNS
	case "CNAME", "cname":
		return TypeCNAME
	case "MX", "mx":
		return TypeMX
	case "TXT", "txt":
		return TypeTXT
	case "PTR", "ptr":
		return TypePTR
	case "SRV", "srv":
		return TypeSRV
	case "DS", "ds":
		return TypeDS
	case "RRSIG", "rrsig":
		return TypeRRSIG
	case "NSEC", "nsec":
		return TypeNSEC
	case "NSEC3", "nsec3":
		return TypeNSEC3
	}
	return 0
}

// lastNamed bounds the search of ParseType among the mnemonics below the private range.
const lastNamed = 264

// ParseType reads a mnemonic or TYPEnnn without regard to case. The error names the text.
func ParseType(text string) (Type, error) {
	if t := common(text); t != 0 {
		return t, nil
	}
	upper := strings.ToUpper(text)
	if digits, ok := strings.CutPrefix(upper, "TYPE"); ok {
		if n, err := strconv.ParseUint(digits, 10, 16); err == nil {
			return Type(n), nil
		}
	}
	if upper != "" {
		for t := Type(1); t <= lastNamed; t++ {
			if t.mnemonic() == upper {
				return t, nil
			}
		}
		for _, t := range []Type{32768, 32769} {
			if t.mnemonic() == upper {
				return t, nil
			}
		}
	}
	return 0, fmt.Errorf("unknown record type %q", text)
}

// ParseClass reads a mnemonic or CLASSnnn without regard to case. The error names the text.
func ParseClass(text string) (Class, error) {
	upper := strings.ToUpper(text)
	for _, c := range []Class{ClassIN, ClassCH, classHS, ClassNONE, ClassANY} {
		if c.String() == upper {
			return c, nil
		}
	}
	if digits, ok := strings.CutPrefix(upper, "CLASS"); ok {
		if n, err := strconv.ParseUint(digits, 10, 16); err == nil {
			return Class(n), nil
		}
	}
	return 0, fmt.Errorf("unknown class %q", text)
}
