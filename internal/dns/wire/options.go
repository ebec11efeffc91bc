package wire

import "encoding/binary"

// OptionCode is the code of an EDNS option (IANA registry "DNS EDNS0 Option Codes").
type OptionCode uint16

// Options that a server acts on. All others are ignored (RFC 6891 section 6.1.2).
const (
	OptionNSID      OptionCode = 3  // RFC 5001
	OptionCookie    OptionCode = 10 // RFC 7873
	OptionKeepalive OptionCode = 11 // RFC 7828
	OptionError     OptionCode = 15 // RFC 8914
)

// ErrorCode is the INFO-CODE of an extended error (RFC 8914 section 4).
type ErrorCode uint16

const (
	ErrorNotReady         ErrorCode = 14
	ErrorProhibited       ErrorCode = 18
	ErrorNotAuthoritative ErrorCode = 20
	ErrorNotSupported     ErrorCode = 21
)

// Lengths of the option COOKIE (RFC 7873 section 4).
const (
	ClientCookieSize = 8
	minCookie        = ClientCookieSize + 8
	maxCookie        = ClientCookieSize + 32
)

// Options is what the options of a request ask for.
type Options struct {
	NSID      bool
	Keepalive bool
	Cookie    []byte // the first of them, client's and server's part; nil if there is none; part of the message
}

// parse walks over the options of an OPT record. False: one overruns the record, or is a cookie of a length that none
// can have (RFC 7873 section 5.2.2).
func (o *Options) parse(b []byte) bool {
	for len(b) > 0 {
		if len(b) < 4 {
			return false
		}
		code, n := OptionCode(binary.BigEndian.Uint16(b)), 4+int(binary.BigEndian.Uint16(b[2:]))
		if n > len(b) {
			return false
		}
		switch data := b[4:n:n]; code {
		case OptionNSID:
			o.NSID = true
		case OptionKeepalive:
			o.Keepalive = true
		case OptionCookie:
			if len(data) != ClientCookieSize && (len(data) < minCookie || len(data) > maxCookie) {
				return false
			}
			if o.Cookie == nil {
				o.Cookie = data
			}
		}
		b = b[n:]
	}
	return true
}

// AppendOption appends an option to the RDATA of an OPT record. Data must be shorter than 64 KiB.
func AppendOption(b []byte, code OptionCode, data []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(code))
	b = binary.BigEndian.AppendUint16(b, uint16(len(data)))
	return append(b, data...)
}

// AppendError appends an extended error without text (RFC 8914 section 2).
func AppendError(b []byte, code ErrorCode) []byte {
	return append(b, 0, byte(OptionError), 0, 2, byte(code>>8), byte(code))
}

// AppendKeepalive appends how long an idle stream is kept, in units of 100 milliseconds (RFC 7828 section 3.1).
func AppendKeepalive(b []byte, timeout uint16) []byte {
	return append(b, 0, byte(OptionKeepalive), 0, 2, byte(timeout>>8), byte(timeout))
}
