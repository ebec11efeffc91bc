package zonefile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
)

// What a LOC record is made of (RFC 1876 section 2). The library reads it only with all its words; minutes, seconds and
// what stands behind the altitude may be left out.
const (
	equator       = 1 << 31    // and the prime meridian, in thousandths of a second of arc
	belowGround   = 10_000_000 // centimetres below which no altitude is
	mostAltitude  = 1<<32 - 1 - belowGround
	mostPrecision = 9_000_000_000 // centimetres
	defaultSize   = 0x12          // 1 m
	defaultHoriz  = 0x16          // 10 km
	defaultVert   = 0x13          // 10 m
)

var errLocation = errors.New("not a position")

// parseLocation reads the text form of a LOC record (RFC 1876 section 3).
func parseLocation(words [][]byte) ([]byte, error) {
	data := []byte{0, defaultSize, defaultHoriz, defaultVert}
	for _, axis := range []struct {
		most       uint64
		plus, less byte
	}{{90, 'N', 'S'}, {180, 'E', 'W'}} {
		arc, used, err := parseArc(words, axis.most, axis.plus, axis.less)
		if err != nil {
			return nil, err
		}
		data = binary.BigEndian.AppendUint32(data, arc)
		words = words[used:]
	}
	if len(words) == 0 {
		return nil, errFewFields
	}
	low := bytes.HasPrefix(words[0], []byte("-"))
	height, err := parseMetres(bytes.TrimPrefix(words[0], []byte("-")), mostAltitude)
	if err != nil || low && height > belowGround {
		return nil, bad(errLocation, words[0])
	}
	if low {
		data = binary.BigEndian.AppendUint32(data, uint32(belowGround-height))
	} else {
		data = binary.BigEndian.AppendUint32(data, uint32(belowGround+height))
	}
	for i, w := range words[1:] {
		if i == 3 {
			return nil, bad(errManyFields, w)
		}
		length, err := parseMetres(w, mostPrecision)
		if err != nil {
			return nil, bad(errLocation, w)
		}
		exponent := byte(0)
		for length > 9 {
			length /= 10
			exponent++
		}
		data[1+i] = byte(length)<<4 | exponent
	}
	return data, nil
}

// parseArc reads degrees, minutes and seconds up to the letter of a hemisphere.
func parseArc(words [][]byte, most uint64, plus, less byte) (arc uint32, used int, err error) {
	var thousandths uint64
	unit := uint64(3_600_000)
	for i, w := range words[:min(len(words), 4)] {
		if len(w) == 1 && (w[0]&^0x20 == plus || w[0]&^0x20 == less) && i > 0 {
			if thousandths > most*3_600_000 {
				return 0, 0, bad(errLocation, words[0])
			}
			if w[0]&^0x20 == plus {
				return equator + uint32(thousandths), i + 1, nil
			}
			return equator - uint32(thousandths), i + 1, nil
		}
		var n uint64
		switch i {
		case 0:
			n, err = parseNumber(w, most)
		case 1:
			n, err = parseNumber(w, 59)
		case 2:
			n, err = parseDecimal(w, 59_999, 3)
		default:
			err = errLocation
		}
		if err != nil {
			return 0, 0, bad(errLocation, w)
		}
		thousandths += n * unit
		unit /= 60
		if i == 1 {
			unit = 1
		}
	}
	return 0, 0, errFewFields
}

// parseMetres reads metres, with or without the letter, as centimetres.
func parseMetres(text []byte, most uint64) (uint64, error) {
	return parseDecimal(bytes.TrimSuffix(bytes.TrimSuffix(text, []byte("m")), []byte("M")), most, 2)
}

// parseDecimal reads a number with so many digits at most behind its point, as the whole number that it is without it.
func parseDecimal(text []byte, most uint64, digits int) (uint64, error) {
	whole, part, _ := bytes.Cut(text, []byte("."))
	if len(part) > digits {
		return 0, errLocation
	}
	all := append(bytes.Clone(whole), part...)
	all = append(all, strings.Repeat("0", digits-len(part))...)
	if len(whole) == 0 {
		return 0, errLocation
	}
	return parseNumber(all, most)
}
