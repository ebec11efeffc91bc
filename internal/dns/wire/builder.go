package wire

import "encoding/binary"

// Section numbers the sections of records in a message.
type Section uint8

const (
	Answer Section = iota
	Authority
	Additional
)

const (
	// maxKnown bounds the names remembered for compression. It is more than the labels of any answer within a UDP
	// message; what a larger message holds beyond is written uncompressed, which costs room but never time.
	maxKnown = 512
	// maxProbe bounds the candidates looked at for one label, so that a message made of colliding labels costs no more
	// than any other.
	maxProbe   = 16
	buckets    = 256
	maxPointer = 0x3fff // what a pointer can say

	// Numbers of nodes. The name in the question is there without being remembered: each of its suffixes, which most names
	// of a reply end in, has its offset in the name for a number.
	unknownNode  = 0
	rootNode     = 1
	questionNode = 2
	firstNode    = questionNode + MaxName // of those remembered
)

// known is one name that stands in the message: the label at off, below the name of node parent. Matching a name means
// walking down from the root, one table look-up a label, so compression costs time linear in the name's length.
type known struct {
	parent uint16
	next   uint16 // chain of the bucket
	off    uint16
}

// Builder writes one message into a buffer, with compressed names. It allocates only if the buffer must grow. Reset
// makes it ready for another message. The zero value must be Reset before use.
type Builder struct {
	buf      []byte
	limit    int
	reserved int
	counts   [3]uint16
	section  Section
	asked    int // length of the name in the question, which stands behind the header; 0: none to point to

	nodes   [maxKnown]known
	used    int // number of the next node
	heads   [buckets]uint16
	touched [maxKnown]uint8 // buckets to clear at the next Reset
}

// Reset begins a message in buf[:0]. No more than limit octets, at most MaxMessage, will be written.
func (b *Builder) Reset(buf []byte, limit int) {
	for _, head := range b.touched[:max(b.used-firstNode, 0)] {
		b.heads[head] = unknownNode
	}
	b.used, b.asked = firstNode, 0
	b.limit = min(limit, MaxMessage)
	b.reserved = 0
	b.counts = [3]uint16{}
	b.section = Answer
	var header [HeaderSize]byte
	b.buf = append(buf[:0], header[:]...)
}

// compressible gives the length of a name that pointers are shorter than, 0 for the root.
func compressible(length int) int {
	if length == 1 {
		return 0
	}
	return length
}

// SetHeader writes identifier and flags; the counts are kept by the Builder.
func (b *Builder) SetHeader(id uint16, f Flags) {
	binary.BigEndian.PutUint16(b.buf[0:], id)
	binary.BigEndian.PutUint16(b.buf[2:], uint16(f))
}

// Reserve keeps n octets free for records to come, as OPT or TSIG, or gives them back if n is negative.
func (b *Builder) Reserve(n int) { b.reserved += n }

// Bytes gives the message so far. It is valid until the next Reset.
func (b *Builder) Bytes() []byte {
	for s, n := range b.counts {
		binary.BigEndian.PutUint16(b.buf[6+2*s:], n)
	}
	return b.buf
}

// room tells whether n more octets fit.
func (b *Builder) room(n int) bool { return len(b.buf)+n+b.reserved <= b.limit }

// AddQuestion writes a question. All questions must come before the first record. False: it does not fit.
func (b *Builder) AddQuestion(q Question) bool {
	m := b.Mark()
	if m.length == HeaderSize {
		b.buf = append(b.buf, q.Name...)
		b.asked = compressible(len(q.Name))
	} else {
		b.appendName(q.Name)
	}
	b.buf = binary.BigEndian.AppendUint16(b.buf, uint16(q.Type))
	b.buf = binary.BigEndian.AppendUint16(b.buf, uint16(q.Class))
	if !b.room(0) {
		b.Rewind(m)
		return false
	}
	binary.BigEndian.PutUint16(b.buf[4:], binary.BigEndian.Uint16(b.buf[4:])+1)
	return true
}

// CopyQuestion writes the question of a request as it stands, case included: raw is the request's question section
// with one uncompressed name. It must be the first. False: it does not fit.
func (b *Builder) CopyQuestion(raw []byte) bool {
	if !b.room(len(raw)) || len(raw) < 5 {
		return false
	}
	b.buf = append(b.buf, raw...)
	b.asked = compressible(len(raw) - 4)
	binary.BigEndian.PutUint16(b.buf[4:], 1)
	return true
}

// AddRR writes one record. Sections must be filled in order. False: it does not fit and nothing was written.
func (b *Builder) AddRR(s Section, rr RR) bool {
	m := b.Mark()
	b.appendName(rr.Name)
	b.buf = binary.BigEndian.AppendUint16(b.buf, uint16(rr.Type))
	b.buf = binary.BigEndian.AppendUint16(b.buf, uint16(rr.Class))
	b.buf = binary.BigEndian.AppendUint32(b.buf, rr.TTL)
	l, ok := layoutOf(rr.Type)
	if !b.appendData(rr.Data, l, ok && l.compress) || !b.room(0) {
		b.Rewind(m)
		return false
	}
	b.counts[s]++
	return true
}

// AddOPT writes the OPT record that says e, with options as AppendOption makes them. False: it does not fit.
func (b *Builder) AddOPT(e EDNS, options []byte) bool {
	if !b.room(OPTSize + len(options)) {
		return false
	}
	rr := e.RR()
	b.buf = append(b.buf, 0)
	b.buf = binary.BigEndian.AppendUint16(b.buf, uint16(rr.Type))
	b.buf = binary.BigEndian.AppendUint16(b.buf, uint16(rr.Class))
	b.buf = binary.BigEndian.AppendUint32(b.buf, rr.TTL)
	b.buf = binary.BigEndian.AppendUint16(b.buf, uint16(len(options)))
	b.buf = append(b.buf, options...)
	b.counts[Additional]++
	return true
}

// RRHead is the length of what stands before the RDATA of each record in the form that AddSet takes.
const RRHead = 10

// AddSet writes a whole RRset or nothing. The set is count records without owner one behind the other, each as type,
// class, TTL, RDLENGTH and uncompressed RDATA, which is how they stand in a message behind the owner. t is their type.
// The TTL is lowered to maxTTL. False: it does not fit and nothing was written.
func (b *Builder) AddSet(s Section, owner Name, t Type, set []byte, count int, maxTTL uint32) bool {
	m := b.Mark()
	l, ok := layoutOf(t)
	compress := ok && l.compress
	at := len(b.buf)
	b.appendName(owner)
	ownerEnd := len(b.buf)
	for i := 0; i < count; i++ {
		if i > 0 {
			b.repeatOwner(at, ownerEnd)
		}
		end := RRHead + int(binary.BigEndian.Uint16(set[8:]))
		if len(b.buf)+end > b.limit+2*MaxName { // far beyond what compression can win back: stop early
			b.Rewind(m)
			return false
		}
		head, fits := len(b.buf), true
		if compress {
			b.buf = append(b.buf, set[:8]...)
			fits = b.appendData(set[RRHead:end], l, true)
		} else {
			b.buf = append(b.buf, set[:end]...)
		}
		if binary.BigEndian.Uint32(set[4:]) > maxTTL {
			binary.BigEndian.PutUint32(b.buf[head+4:], maxTTL)
		}
		if !fits || !b.room(0) {
			b.Rewind(m)
			return false
		}
		set = set[end:]
	}
	b.counts[s] += uint16(count)
	return true
}

// repeatOwner writes the owner at buf[at:end] once more, by a pointer where one can reach.
func (b *Builder) repeatOwner(at, end int) {
	switch {
	case end-at <= 2: // the root, or a pointer already
		b.buf = append(b.buf, b.buf[at:end]...)
	case at <= maxPointer:
		b.buf = binary.BigEndian.AppendUint16(b.buf, 0xc000|uint16(at))
	default:
		b.buf = append(b.buf, b.buf[at:end]...)
	}
}

// appendData writes RDLENGTH and RDATA. False: too long for its length field, which only happens to RDATA that does
// not fit a message.
func (b *Builder) appendData(data []byte, l layout, compress bool) bool {
	if len(data) > MaxMessage {
		return false
	}
	at := len(b.buf)
	b.buf = append(b.buf, 0, 0)
	var spans [maxNames][2]int
	n := 0
	if compress {
		n = l.spans(data, &spans)
	}
	done := 0
	for i := 0; i < n; i++ {
		b.buf = append(b.buf, data[done:spans[i][0]]...)
		b.appendName(BorrowName(data[spans[i][0]:spans[i][1]]))
		done = spans[i][1]
	}
	b.buf = append(b.buf, data[done:]...)
	binary.BigEndian.PutUint16(b.buf[at:], uint16(len(b.buf)-at-2))
	return true
}

// Mark is a place in a message to go back to.
type Mark struct {
	length, used int
	counts       [3]uint16
}

// Mark gives the end of what is written.
func (b *Builder) Mark() Mark { return Mark{len(b.buf), b.used, b.counts} }

// Rewind takes back what was written since m, names learned included. Marks behind m are of no use then.
func (b *Builder) Rewind(m Mark) {
	b.buf = b.buf[:m.length]
	b.counts = m.counts
	if m.length == HeaderSize {
		b.asked = 0
	}
	for b.used > m.used { // newest first: each is the head of its bucket
		b.used--
		b.heads[b.touched[b.used-firstNode]] = b.nodes[b.used-firstNode].next
	}
}
