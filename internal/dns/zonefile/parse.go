package zonefile

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"bundy/internal/dns/wire"
)

// ParseRR reads one record as FormatRR writes it: owner, TTL and class in either order, type, RDATA. Names without
// final dot are relative to origin. TTL and class may be left out and are then 0 and IN. The text may go over several
// lines by parentheses, and hold comments, but no second record and no directive.
func ParseRR(text string, origin wire.Name) (wire.RR, error) {
	var e entry
	if err := e.addAll(text); err != nil {
		return wire.RR{}, fmt.Errorf("record %s: %w", quote([]byte(text)), err)
	}
	rr, err := e.record(origin)
	if err != nil {
		return wire.RR{}, fmt.Errorf("record %s: %w", quote([]byte(text)), err)
	}
	return rr, nil
}

// ParseData reads the text form of RDATA of a type; names without final dot are relative to origin. The result is in
// uncompressed wire form.
func ParseData(t wire.Type, text string, origin wire.Name) ([]byte, error) {
	var e entry
	err := e.addAll(text)
	if err == nil {
		var data []byte
		if data, err = e.data(t, e.tokens, origin); err == nil {
			return data, nil
		}
	}
	return nil, fmt.Errorf("%s RDATA %s: %w", t, quote([]byte(text)), err)
}

// addAll takes a text of one entry.
func (e *entry) addAll(text string) error {
	for line := range strings.Lines(text) {
		if e.depth == 0 && len(e.tokens) > 0 && strings.TrimSpace(line) != "" {
			return errors.New("more than one entry")
		}
		if err := e.add([]byte(line)); err != nil {
			return err
		}
	}
	if e.depth > 0 {
		return errOpen
	}
	return nil
}

func (e *entry) record(origin wire.Name) (wire.RR, error) {
	if len(e.tokens) == 0 {
		return wire.RR{}, errors.New("empty")
	}
	owner, err := e.owner(origin)
	if err != nil {
		return wire.RR{}, err
	}
	h, err := e.head(1)
	if err != nil {
		return wire.RR{}, err
	}
	rr := wire.RR{Name: owner, Type: h.rrtype, Class: wire.ClassIN}
	if h.hasTTL {
		rr.TTL = h.ttl
	}
	if h.hasClass {
		rr.Class = h.class
	}
	rr.Data, err = e.data(h.rrtype, e.tokens[h.rest:], origin)
	return rr, err
}

// owner reads the first word as a name.
func (e *entry) owner(origin wire.Name) (wire.Name, error) {
	if e.tokens[0].mixed {
		return "", bad(errQuoteIn, e.word(0))
	}
	if len(e.word(0)) == 0 {
		return "", errors.New("empty owner name")
	}
	return parseName(e.word(0), origin)
}

// head is what stands between owner and RDATA.
type head struct {
	ttl              uint32
	class            wire.Class
	rrtype           wire.Type
	hasTTL, hasClass bool
	rest             int // first token of the RDATA
}

// head reads [TTL] [class] type or [class] [TTL] type beginning at token i.
func (e *entry) head(i int) (h head, err error) {
	for ; i < len(e.tokens); i++ {
		text := e.word(i)
		if !h.hasTTL && len(text) > 0 && text[0] >= '0' && text[0] <= '9' {
			h.ttl, err = parseSeconds(text)
			if errors.Is(err, errRange) {
				h.ttl, err = 1<<32-1, nil // too long, as everything above MaxTTL
			}
			if err != nil {
				return h, &fault{"bad TTL", text}
			}
			h.hasTTL = true
			continue
		}
		if !h.hasClass {
			if h.class, h.hasClass = parseClass(text); h.hasClass {
				continue
			}
		}
		t, err := wire.ParseType(string(text))
		if err != nil {
			return h, &fault{"unknown RR type or class", text}
		}
		h.rrtype, h.rest = t, i+1
		return h, nil
	}
	return h, errors.New("no RR type")
}

// parseClass reads a class that records can have, or in updates conditions.
func parseClass(text []byte) (wire.Class, bool) {
	if len(text) < 2 {
		return 0, false
	}
	switch {
	case bytes.EqualFold(text, []byte("IN")):
		return wire.ClassIN, true
	case bytes.EqualFold(text, []byte("CH")):
		return wire.ClassCH, true
	case bytes.EqualFold(text, []byte("HS")):
		return 4, true
	case bytes.EqualFold(text, []byte("NONE")):
		return wire.ClassNONE, true
	case bytes.EqualFold(text, []byte("ANY")):
		return wire.ClassANY, true
	case len(text) > 5 && bytes.EqualFold(text[:5], []byte("CLASS")):
		n, err := parseNumber(text[5:], 1<<16-1)
		return wire.Class(n), err == nil
	}
	return 0, false
}

// data reads RDATA.
func (e *entry) data(t wire.Type, tokens []token, origin wire.Name) ([]byte, error) {
	if len(tokens) > 0 && !tokens[0].quoted && string(e.text[tokens[0].start:tokens[0].end]) == `\#` {
		return e.generic(t, tokens[1:])
	}
	if fields := layout(t); fields != "" {
		return parseLayout(make([]byte, 0, 24), fields, e, tokens, origin)
	}
	if t == typeLOC {
		return parseLocation(e.words(tokens))
	}
	var text strings.Builder
	for i, tok := range tokens {
		if i > 0 {
			text.WriteByte(' ')
		}
		if tok.quoted {
			text.WriteByte('"')
		}
		text.Write(e.text[tok.start:tok.end])
		if tok.quoted {
			text.WriteByte('"')
		}
	}
	return libraryData(t, text.String(), origin)
}

// generic reads the form of RFC 3597. For a type whose form is known it must fit: such a record would otherwise be
// served though no client could read it.
func (e *entry) generic(t wire.Type, tokens []token) ([]byte, error) {
	data, err := parseGeneric(e, tokens)
	if err != nil {
		return nil, err
	}
	if !fits(t, data) {
		return nil, fmt.Errorf("octets are not the RDATA of a %s record", t)
	}
	return data, nil
}
