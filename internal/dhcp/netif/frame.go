package netif

import (
	"encoding/binary"
	"net/netip"
)

const (
	etherHeader = 14
	ipHeader    = 20
	udpHeader   = 8
	frameHeader = etherHeader + ipHeader + udpHeader
	protocolUDP = 17
	initialTTL  = 64
)

// appendFrame adds an Ethernet frame with one UDP datagram over IPv4 in it. Hardware addresses have six octets.
func appendFrame(dst []byte, fromHW, toHW string, from, to netip.AddrPort, payload []byte) []byte {
	dst = append(append(append(dst, toHW...), fromHW...), 0x08, 0x00)
	start := len(dst)
	src, dest := from.Addr().As4(), to.Addr().As4()
	dst = append(dst, 0x45, 0x10) // version and header length; low delay
	dst = binary.BigEndian.AppendUint16(dst, uint16(ipHeader+udpHeader+len(payload)))
	dst = append(dst, 0, 0, 0x40, 0, initialTTL, protocolUDP, 0, 0) // do not fragment
	dst = append(append(dst, src[:]...), dest[:]...)
	binary.BigEndian.PutUint16(dst[start+10:], ^fold(sum(0, dst[start:])))

	start = len(dst)
	dst = binary.BigEndian.AppendUint16(dst, from.Port())
	dst = binary.BigEndian.AppendUint16(dst, to.Port())
	length := uint16(udpHeader + len(payload))
	dst = binary.BigEndian.AppendUint16(dst, length)
	dst = append(dst, 0, 0)
	dst = append(dst, payload...)
	s := sum(sum(sum(uint32(protocolUDP)+uint32(length), src[:]), dest[:]), dst[start:])
	check := ^fold(s)
	if check == 0 { // 0 means no checksum (RFC 768)
		check = 0xffff
	}
	binary.BigEndian.PutUint16(dst[start+6:], check)
	return dst
}

// sum adds 16 bit words (RFC 1071). The data are below 64 KiB, so that 32 bits are enough.
func sum(s uint32, b []byte) uint32 {
	for ; len(b) >= 2; b = b[2:] {
		s += uint32(b[0])<<8 | uint32(b[1])
	}
	if len(b) == 1 {
		s += uint32(b[0]) << 8
	}
	return s
}

func fold(s uint32) uint16 {
	for s > 0xffff {
		s = s>>16 + s&0xffff
	}
	return uint16(s)
}
