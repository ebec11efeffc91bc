package wire

import "encoding/binary"

// appendName writes n, ended by a pointer to the longest suffix that stands in the message, and remembers the rest.
func (b *Builder) appendName(n Name) {
	var offs [128]uint8
	labels := n.offsets(&offs)
	node, fresh := uint16(rootNode), labels
	for fresh > 0 {
		next := b.child(node, n[offs[fresh-1]:])
		if next == unknownNode {
			break
		}
		node = next
		fresh--
	}
	at := len(b.buf)
	switch {
	case fresh == labels: // no suffix is known; the root alone is shorter than a pointer
		b.buf = append(b.buf, n...)
	default:
		b.buf = append(b.buf, n[:offs[fresh]]...)
		b.buf = binary.BigEndian.AppendUint16(b.buf, 0xc000|b.nodes[node].off)
	}
	b.remember(n, node, offs[:fresh], at)
}

// learn remembers the name n that was written uncompressed at offset at.
func (b *Builder) learn(n Name, at int) {
	var offs [128]uint8
	labels := n.offsets(&offs)
	b.remember(n, rootNode, offs[:labels], at)
}

// remember enters the labels of n at offs, written at offset at of the message, below node: the last label first.
func (b *Builder) remember(n Name, node uint16, offs []uint8, at int) {
	for i := len(offs) - 1; i >= 0; i-- {
		off := at + int(offs[i])
		if off > maxPointer || b.used == maxKnown {
			return
		}
		h := labelHash(node, n[offs[i]:])
		b.nodes[b.used] = known{parent: node, next: b.heads[h], off: uint16(off)}
		b.touched[b.used] = h
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
		k := &b.nodes[i]
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

// labelHash picks the bucket of the first label of n below node, the same for both cases of letters.
func labelHash(node uint16, n Name) uint8 {
	h := uint32(node)*0x9e3779b1 ^ 0x811c9dc5
	for i := 0; i <= int(n[0]); i++ {
		h = (h ^ uint32(n[i]|0x20)) * 0x01000193
	}
	return uint8(h>>24) ^ uint8(h>>8)
}
