package update

import (
	"encoding/binary"
	"fmt"

	"bundy/internal/dns/wire"
)

// MaxMessage is the longest message that Pack makes. The rest up to 65535 octets is room for a TSIG record with the
// longest names and digest.
const MaxMessage = 65535 - 700

// Request is an UPDATE message without header, additional section and signature. The records of both lists are in
// wire terms: their class tells what they ask (RFC 2136 sections 2.4 and 2.5). The functions below make them.
type Request struct {
	Zone          wire.Name
	Class         wire.Class
	Prerequisites []wire.RR
	Updates       []wire.RR

	// EDNS is set by Parse when the message had an OPT record. Pack adds none.
	EDNS bool
}

// NameInUse is the prerequisite that the name owns at least one record (RFC 2136 section 2.4.4).
func NameInUse(n wire.Name) wire.RR { return ask(n, wire.TypeANY, wire.ClassANY) }

// NameNotInUse is the prerequisite that the name owns no record (section 2.4.5).
func NameNotInUse(n wire.Name) wire.RR { return ask(n, wire.TypeANY, wire.ClassNONE) }

// RRsetExists is the prerequisite that the name owns a record of the type, whatever its value (section 2.4.1).
func RRsetExists(n wire.Name, t wire.Type) wire.RR { return ask(n, t, wire.ClassANY) }

// RRsetNotExists is the prerequisite that the name owns no record of the type (section 2.4.3).
func RRsetNotExists(n wire.Name, t wire.Type) wire.RR { return ask(n, t, wire.ClassNONE) }

// RRsetIs is the prerequisite that the RRset of rr's name and type holds exactly the records given this way in one
// request (section 2.4.2). rr has the class of the zone; its TTL does not matter.
func RRsetIs(rr wire.RR) wire.RR {
	rr.TTL = 0
	return rr
}

// Add adds the record, which has the class of the zone (section 2.5.1).
func Add(rr wire.RR) wire.RR { return rr }

// DeleteRRset deletes all records of the type at the name (section 2.5.2).
func DeleteRRset(n wire.Name, t wire.Type) wire.RR { return ask(n, t, wire.ClassANY) }

// DeleteName deletes all records at the name (section 2.5.3).
func DeleteName(n wire.Name) wire.RR { return ask(n, wire.TypeANY, wire.ClassANY) }

// DeleteRR deletes the record with this name, type and data (section 2.5.4).
func DeleteRR(rr wire.RR) wire.RR {
	rr.Class, rr.TTL = wire.ClassNONE, 0
	return rr
}

func ask(n wire.Name, t wire.Type, c wire.Class) wire.RR { return wire.RR{Name: n, Type: t, Class: c} }

// Pack gives the message, unsigned and without compression. It fails when the message would be longer than MaxMessage.
func (r Request) Pack(id uint16) ([]byte, error) {
	msg := make([]byte, 12, 512)
	binary.BigEndian.PutUint16(msg, id)
	msg[2] = byte(wire.OpcodeUpdate) << 3
	binary.BigEndian.PutUint16(msg[4:], 1)
	msg = append(msg, r.Zone...)
	msg = binary.BigEndian.AppendUint16(msg, uint16(wire.TypeSOA))
	msg = binary.BigEndian.AppendUint16(msg, uint16(r.Class))
	for i, section := range [][]wire.RR{r.Prerequisites, r.Updates} {
		for _, rr := range section {
			if msg = appendRR(msg, rr); len(msg) > MaxMessage {
				return nil, fmt.Errorf("update of %s: message longer than %d octets at the record for %s", r.Zone, MaxMessage, rr.Name)
			}
		}
		binary.BigEndian.PutUint16(msg[6+2*i:], uint16(len(section)))
	}
	return msg, nil
}

func appendRR(msg []byte, rr wire.RR) []byte {
	msg = append(msg, rr.Name...)
	msg = binary.BigEndian.AppendUint16(msg, uint16(rr.Type))
	msg = binary.BigEndian.AppendUint16(msg, uint16(rr.Class))
	msg = binary.BigEndian.AppendUint32(msg, rr.TTL)
	msg = binary.BigEndian.AppendUint16(msg, uint16(len(rr.Data)))
	return append(msg, rr.Data...)
}
