package zonefile

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/miekg/dns"

	"bundy/internal/dns/wire"
)

// The prefix of a record that carries RDATA through the library: the root as owner, and the header's fixed part.
const (
	carrierText = ". 0 IN "
	carrierSize = 1 + 10
)

// libraryText gives the library's text form of RDATA. It is used only when the library reads it back to the same
// octets: some of its forms drop what an unusual record holds.
func libraryText(t wire.Type, data []byte) (string, bool) {
	if _, known := dns.TypeToRR[uint16(t)]; !known || len(data) == 0 || len(data) > maxData {
		return "", false
	}
	if t >= typeUINFO && t <= typeUNSPEC {
		return "", false // no document says what their text is, and the peers read the generic form only
	}
	header := dns.RR_Header{Name: ".", Rrtype: uint16(t), Class: dns.ClassINET, Rdlength: uint16(len(data))}
	rr, _, err := dns.UnpackRRWithHeader(header, data, 0)
	if err != nil {
		return "", false
	}
	text := strings.TrimRight(strings.TrimPrefix(rr.String(), rr.Header().String()), " ") // fields may be empty
	if !isPrintable(text) {
		return "", false
	}
	back, err := ParseData(t, text, wire.Root)
	return text, err == nil && bytes.Equal(back, data)
}

// fits tells whether data has the wire form of its type. Data of a type that nobody here knows always fits.
func fits(t wire.Type, data []byte) bool {
	if fields := layout(t); fields != "" {
		_, ok := appendLayout(nil, fields, data)
		return ok
	}
	if _, known := dns.TypeToRR[uint16(t)]; !known {
		return true
	}
	header := dns.RR_Header{Name: ".", Rrtype: uint16(t), Class: dns.ClassINET, Rdlength: uint16(len(data))}
	rr, _, err := dns.UnpackRRWithHeader(header, data, 0)
	if err != nil {
		return false
	}
	back, err := pack(rr) // the library takes RDATA that ends between two fields; what it packs has them all
	return err == nil && bytes.Equal(back, data)
}

// pack gives the RDATA of a record whose owner is the root.
func pack(rr dns.RR) ([]byte, error) {
	buf := make([]byte, carrierSize+dns.Len(rr)+wire.MaxName)
	end, err := dns.PackRR(rr, buf, 0, nil, false)
	if err != nil {
		return nil, fmt.Errorf("RDATA cannot be packed: %w", err)
	}
	if end < carrierSize || end-carrierSize > maxData {
		return nil, errDataLong
	}
	return buf[carrierSize:end], nil
}

// isPrintable tells whether text can stand on a line of a file or a log as it is.
func isPrintable(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool { return r < ' ' || r >= 0x7f }) < 0
}

// libraryData reads the text form of RDATA, words joined by spaces, with the library. Text must hold no comment and no
// line feed.
func libraryData(t wire.Type, text string, origin wire.Name) ([]byte, error) {
	name, known := dns.TypeToString[uint16(t)]
	if _, hasForm := dns.TypeToRR[uint16(t)]; !known || !hasForm {
		return nil, fmt.Errorf(`type %s has no text form; write \# length hex`, t)
	}
	p := dns.NewZoneParser(strings.NewReader(carrierText+name+" "+text+"\n"), origin.String(), "")
	rr, ok := p.Next()
	if err := p.Err(); err != nil {
		return nil, cleanError(err)
	}
	if !ok || rr == nil {
		return nil, errFewFields
	}
	data, err := pack(rr)
	if err == nil && !fits(t, data) { // the library takes an NSEC3 hash of any length, but says that it has 20 octets
		err = fmt.Errorf("fields do not make a %s record", t)
	}
	return data, err
}

// cleanError takes the library's own positions, which are those of the carrier, out of its error.
func cleanError(err error) error {
	text := strings.TrimPrefix(err.Error(), "dns: ")
	if i := strings.LastIndex(text, " at line: "); i >= 0 {
		text = text[:i]
	}
	return errors.New(text)
}

// parseGeneric reads the form of RFC 3597 section 5 behind its \#.
func parseGeneric(e *entry, tokens []token) ([]byte, error) {
	if len(tokens) == 0 {
		return nil, errFewFields
	}
	first := e.text[tokens[0].start:tokens[0].end]
	n, err := parseNumber(first, maxData)
	if err != nil {
		return nil, bad(err, first)
	}
	var digits []byte
	for _, t := range tokens[1:] {
		digits = append(digits, e.text[t.start:t.end]...)
	}
	data, err := hex.AppendDecode(nil, digits)
	if err != nil {
		return nil, &fault{"not hexadecimal", digits}
	}
	if uint64(len(data)) != n {
		return nil, fmt.Errorf("RDATA has %d octets, not %d as its length says", len(data), n)
	}
	return data, nil
}
