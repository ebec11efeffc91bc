package wire

import (
	"encoding/binary"
	"math/bits"
)

// appendName writes n, ended by a pointer to the longest suffix that stands in the message, and remembers the rest.
func (b *Builder) appendName(n Name) {
	if b.asked > 0 && len(n) == b.asked && string(b.buf[HeaderSize:HeaderSize+b.asked]) == string(n) { // most names are the one asked for
		b.buf = append(b.buf, 0xc0, HeaderSize)
		return
	}
	node, end := b.shared(n) // what stands before end is to be written
	if end == 0 && node != rootNode {
		b.buf = b.appendPointer(node)
		return
	}
	var offs [128]uint8
	fresh := 0
	for i := 0; i < end; i += 1 + int(n[i]) {
		offs[fresh] = uint8(i)
		fresh++
	}
	for fresh > 0 && b.used > firstNode {
		next := b.child(node, n[offs[fresh-1]:])
		if next == unknownNode {
			break
		}
		fresh--
		node, end = next, int(offs[fresh])
	}
	at := len(b.buf)
	b.buf = append(b.buf, n[:end]...)
	if node == rootNode {
		b.buf = append(b.buf, 0) // shorter than a pointer
	} else {
		b.buf = b.appendPointer(node)
	}
	b.remember(n, node, offs[:fresh], at)
}

func (b *Builder) appendPointer(node uint16) []byte {
	off := node - questionNode + HeaderSize
	if node >= firstNode {
		off = b.nodes[node-firstNode].off
	}
	return binary.BigEndian.AppendUint16(b.buf, 0xc000|off)
}

// shared finds the longest suffix that n and the name in the question have in common: its node, and where it begins
// in n.
func (b *Builder) shared(n Name) (node uint16, at int) {
	q := b.buf[HeaderSize : HeaderSize+b.asked]
	same := sameTail(q, n)
	i, j := 0, 0
	for j < len(n)-1 {
		switch x, y := len(q)-i, len(n)-j; {
		case i == len(q) || y > x:
			j += 1 + int(n[j])
		case x > y:
			i += 1 + int(q[i])
		case x <= same:
			return questionNode + uint16(i), j
		default: // so long a tail is not the same
			i += 1 + int(q[i])
			j += 1 + int(n[j])
		}
	}
	return rootNode, j
}

// sameTail gives the number of octets at the end of both that are equal without case. Octets of lengths are no letters.
func sameTail(a []byte, n Name) int {
	i, j := len(a), len(n)
	for i >= 8 && j >= 8 && binary.LittleEndian.Uint64(a[i-8:]) == load(n[j-8:]) {
		i, j = i-8, j-8
	}
	for i > 0 && j > 0 && (a[i-1] == n[j-1] || lower(a[i-1]) == lower(n[j-1])) {
		i, j = i-1, j-1
	}
	return len(a) - i
}

// load gives the first eight octets.
func load(n Name) uint64 {
	_ = n[7]
	return uint64(n[0]) | uint64(n[1])<<8 | uint64(n[2])<<16 | uint64(n[3])<<24 |
		uint64(n[4])<<32 | uint64(n[5])<<40 | uint64(n[6])<<48 | uint64(n[7])<<56
}

// remember enters the labels of n at offs, written at offset at of the message, below node: the last label first.
func (b *Builder) remember(n Name, node uint16, offs []uint8, at int) {
	for i := len(offs) - 1; i >= 0; i-- {
		off := at + int(offs[i])
		if off > maxPointer || b.used == firstNode+maxKnown {
			return
		}
		h := labelHash(node, n[offs[i]:])
		b.nodes[b.used-firstNode] = known{parent: node, next: b.heads[h], off: uint16(off)}
		b.touched[b.used-firstNode] = h
		b.heads[h] = uint16(b.used)
		node = uint16(b.used)
		b.used++
	}
}

// child finds the name made of the first label of n below node.
func (b *Builder) child(node uint16, n Name) uint16 {
	length := int(n[0]) + 1
	i := b.heads[labelHash(node, n)]
	for probes := 0; i != unknownNode && probes < maxProbe; probes++ {
		k := &b.nodes[i-firstNode]
		if k.parent == node && int(b.buf[k.off])+1 == length && equalFold(b.buf[k.off:], n, length) {
			return i
		}
		i = k.next
	}
	return unknownNode
}

func equalFold(a []byte, n Name, length int) bool {
	for i := 0; i < length; i++ {
		if a[i] != n[i] && lower(a[i]) != lower(n[i]) {
			return false
		}
	}
	return true
}

// labelHash picks the bucket of the first label of n below node, the same for both cases of letters. It reads sixteen
// octets of a label at most: the first and the last.
func labelHash(node uint16, n Name) uint8 {
	const (
		fold   = 0x2020202020202020
		spread = 0x9e3779b97f4a7c15
	)
	size := int(n[0])
	h := uint64(node)<<8 ^ uint64(size)
	if size < 8 {
		var x uint64
		for i := 1; i <= size; i++ {
			x = x<<8 | uint64(n[i])
		}
		h ^= bits.RotateLeft64(x|fold, 16)
	} else {
		h = (h^(load(n[1:])|fold))*spread ^ bits.RotateLeft64(load(n[size-7:])|fold, 32)
	}
	return uint8(h * spread >> 56)
}
