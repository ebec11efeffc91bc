package packet6

import "encoding/binary"

// Peek finds the type of the client's message without reading the rest of it; 0 when it cannot be found.
func Peek(data []byte) Type {
	for range MaxRelays + 1 {
		if len(data) < headerSize {
			return 0
		}
		if Type(data[0]) != RelayForward {
			return Type(data[0])
		}
		if len(data) < relayHeaderSize {
			return 0
		}
		if data = relayed(data[relayHeaderSize:]); data == nil {
			return 0
		}
	}
	return 0
}

// relayed finds the message among the options of a relay agent; nil if it is not there.
func relayed(options []byte) []byte {
	for len(options) >= optionHeader {
		n := int(binary.BigEndian.Uint16(options[2:]))
		if len(options)-optionHeader < n {
			return nil
		}
		if binary.BigEndian.Uint16(options) == OptRelayMessage {
			return options[optionHeader : optionHeader+n]
		}
		options = options[optionHeader+n:]
	}
	return nil
}
