package wire

import (
	"encoding/binary"
	"fmt"
)

// Question is one entry of the question section, the zone of an UPDATE.
type Question struct {
	Name  Name
	Type  Type
	Class Class
}

// Message is a whole message as values, for everything but the query path. A TSIG or OPT record is among Additional
// as it stands.
type Message struct {
	Header     Header // the counts are those of the sections when read, and are ignored by Pack
	Question   []Question
	Answer     []RR
	Authority  []RR
	Additional []RR
}

// ParseMessage reads all of msg. Names in the RDATA of the types that RFC 3597 section 4 lists are decompressed.
// Records of class ANY and NONE may have empty RDATA (RFC 2136 section 2.4). Octets behind the last section are an
// error. Every error wraps ErrMessage. The result shares no memory with msg.
func ParseMessage(msg []byte) (*Message, error) {
	h, err := ParseHeader(msg)
	if err != nil {
		return nil, err
	}
	m := &Message{Header: h}
	off := HeaderSize
	for i := 0; i < int(h.Questions); i++ {
		var q Question
		if q, off, err = readQuestion(msg, off); err != nil {
			return nil, err
		}
		m.Question = append(m.Question, q)
	}
	for _, s := range []struct {
		records *[]RR
		count   uint16
	}{{&m.Answer, h.Answers}, {&m.Authority, h.Authorities}, {&m.Additional, h.Additionals}} {
		for i := 0; i < int(s.count); i++ {
			var rr RR
			if rr, off, err = ReadRR(msg, off); err != nil {
				return nil, err
			}
			*s.records = append(*s.records, rr)
		}
	}
	if off != len(msg) {
		return nil, fmt.Errorf("%w: %d octets behind the last record", ErrMessage, len(msg)-off)
	}
	return m, nil
}

func readQuestion(msg []byte, off int) (Question, int, error) {
	n, off, err := ReadName(msg, off)
	if err != nil {
		return Question{}, 0, err
	}
	if off+4 > len(msg) {
		return Question{}, 0, fmt.Errorf("%w: the question for %s is cut off", ErrMessage, n)
	}
	return Question{
		Name:  n,
		Type:  Type(binary.BigEndian.Uint16(msg[off:])),
		Class: Class(binary.BigEndian.Uint16(msg[off+2:])),
	}, off + 4, nil
}

// ReadRR reads the record at off, decompresses its RDATA and gives the offset behind it. The error wraps ErrMessage.
func ReadRR(msg []byte, off int) (RR, int, error) {
	n, off, err := ReadName(msg, off)
	if err != nil {
		return RR{}, 0, err
	}
	if off+10 > len(msg) {
		return RR{}, 0, fmt.Errorf("%w: the record of %s is cut off", ErrMessage, n)
	}
	rr := RR{
		Name:  n,
		Type:  Type(binary.BigEndian.Uint16(msg[off:])),
		Class: Class(binary.BigEndian.Uint16(msg[off+2:])),
		TTL:   binary.BigEndian.Uint32(msg[off+4:]),
	}
	end := off + 10 + int(binary.BigEndian.Uint16(msg[off+8:]))
	if end > len(msg) {
		return RR{}, 0, fmt.Errorf("%w: RDATA of %s %s is cut off", ErrMessage, n, rr.Type)
	}
	empty := end == off+10 && (rr.Class == ClassANY || rr.Class == ClassNONE)
	if !empty {
		if rr.Data, err = expandData(rr.Type, msg, off+10, end); err != nil {
			return RR{}, 0, fmt.Errorf("%w: record %s %s", err, n, rr.Type)
		}
	}
	return rr, end, nil
}

// Pack writes the message without compressing names in RDATA of types newer than RFC 1035 (RFC 3597 section 4). A name
// that is compressed takes the case of the equal one before it. The error says that the message would be longer than
// MaxMessage.
func (m *Message) Pack() ([]byte, error) {
	var b Builder
	b.Reset(nil, MaxMessage)
	b.SetHeader(m.Header.ID, m.Header.Flags)
	fits := true
	for _, q := range m.Question {
		fits = fits && b.AddQuestion(q)
	}
	for s, records := range [][]RR{Answer: m.Answer, Authority: m.Authority, Additional: m.Additional} {
		for _, rr := range records {
			fits = fits && b.AddRR(Section(s), rr)
		}
	}
	if !fits {
		return nil, fmt.Errorf("%w: longer than %d octets", ErrMessage, MaxMessage)
	}
	return b.Bytes(), nil
}
