package wire

import "encoding/binary"

// Query is a request read in place, without allocation: what a server must know to answer. Reuse one for all requests
// of a goroutine. After Parse the name is valid until the next Parse.
type Query struct {
	Header Header
	Name   Name // lower case; borrowed from this Query
	Type   Type
	Class  Class
	End    int // offset behind the question section; HeaderSize if it is empty

	EDNS    EDNS
	Options Options // those of the OPT record
	TSIG    bool    // the last record is a TSIG (RFC 8945 section 5.1)
	names   [MaxName]byte
}

// Parse reads the header, the one question and the records behind it, as far as a server needs them: OPT, and whether
// the message is signed. The result is the rcode to refuse with: RcodeFormErr for what is malformed, RcodeBadVers for
// an EDNS version above 0, RcodeNoError when all is well. Header, and if it could be read the question, are set in any
// case; a Name of "" says that it could not. The message must be at least HeaderSize long. Messages with more than one
// question are malformed (RFC 9619), and such without any, which may ask for a cookie (RFC 7873 section 5.4), too; the OPT
// record is read, for a reply to it has one (RFC 6891 section 6.1.1). Work is linear in the length of msg.
func (q *Query) Parse(msg []byte) Rcode {
	q.Header, q.Name, q.Type, q.Class = readHeader(msg), "", 0, 0
	q.End, q.EDNS, q.Options, q.TSIG = HeaderSize, EDNS{}, Options{}, false
	if q.Header.Questions != 1 {
		if off := skipQuestions(msg, int(q.Header.Questions)); off != 0 {
			q.parseRecords(msg, off)
		}
		return RcodeFormErr
	}
	n := NameLength(msg[HeaderSize:]) // no pointer: there is no name before it that one could lead to
	off := HeaderSize + n
	if n == 0 || off+4 > len(msg) {
		return RcodeFormErr
	}
	for i, c := range msg[HeaderSize:off] {
		q.names[i] = lower(c)
	}
	q.Name = BorrowName(q.names[:n])
	q.Type = Type(binary.BigEndian.Uint16(msg[off:]))
	q.Class = Class(binary.BigEndian.Uint16(msg[off+2:]))
	q.End = off + 4
	if len(msg) == q.End && q.Header.Answers|q.Header.Authorities|q.Header.Additionals == 0 {
		return RcodeNoError
	}
	return q.parseRecords(msg, q.End)
}

// skipQuestions gives the offset behind the question section of a message that does not have one question, 0 if it cannot
// be read.
func skipQuestions(msg []byte, questions int) int {
	off := HeaderSize
	for range questions {
		if off = skipName(msg, off); off == 0 || off+4 > len(msg) {
			return 0
		}
		off += 4
	}
	return off
}

// parseRecords walks over the records behind the questions, which begin at off.
func (q *Query) parseRecords(msg []byte, off int) Rcode {
	before := int(q.Header.Answers) + int(q.Header.Authorities)
	all := before + int(q.Header.Additionals)
	for i := 0; i < all; i++ {
		start := off
		off = skipName(msg, off)
		if off == 0 || off+10 > len(msg) {
			return RcodeFormErr
		}
		t := Type(binary.BigEndian.Uint16(msg[off:]))
		end := off + 10 + int(binary.BigEndian.Uint16(msg[off+8:]))
		if end > len(msg) {
			return RcodeFormErr
		}
		switch {
		case t == TypeOPT:
			if i < before || q.EDNS.Present || msg[start] != 0 {
				return RcodeFormErr
			}
			q.EDNS.parse(msg[off+2 : end])
			if !q.Options.parse(msg[off+10 : end]) {
				return RcodeFormErr
			}
		case t == TypeTSIG:
			if i != all-1 || i < before {
				return RcodeFormErr
			}
			q.TSIG = true
		}
		off = end
	}
	if off != len(msg) {
		return RcodeFormErr
	}
	if q.EDNS.Version > 0 {
		return RcodeBadVers
	}
	return RcodeNoError
}

// PeekQuestion reads the first question of a message, its name in lower case into room, where it stays. False: it cannot
// be read. Parse is for those who answer; this is for who only wants to know what will be asked.
func PeekQuestion(msg []byte, room *[MaxName]byte) (Question, bool) {
	if len(msg) < HeaderSize {
		return Question{}, false
	}
	n := NameLength(msg[HeaderSize:])
	off := HeaderSize + n
	if n == 0 || off+4 > len(msg) {
		return Question{}, false
	}
	for i, c := range msg[HeaderSize:off] {
		room[i] = lower(c)
	}
	return Question{
		Name:  BorrowName(room[:n]),
		Type:  Type(binary.BigEndian.Uint16(msg[off:])),
		Class: Class(binary.BigEndian.Uint16(msg[off+2:])),
	}, true
}
