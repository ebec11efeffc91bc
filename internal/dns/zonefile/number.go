package zonefile

import (
	"errors"
	"strconv"
)

// MaxTTL is the longest TTL (RFC 2181 section 8). A longer one is taken as 0, as that section asks.
const MaxTTL = 1<<31 - 1

var (
	errNumber = errors.New("not a number")
	errRange  = errors.New("number too large")
)

// parseNumber reads a decimal number up to max.
func parseNumber(text []byte, max uint64) (uint64, error) {
	if len(text) == 0 {
		return 0, errNumber
	}
	var n uint64
	for _, c := range text {
		if c < '0' || c > '9' {
			return 0, errNumber
		}
		if n = n*10 + uint64(c-'0'); n > max {
			return 0, errRange
		}
	}
	return n, nil
}

// parseNumber64 reads a decimal number of 64 bits.
func parseNumber64(text []byte) (uint64, error) {
	n, err := strconv.ParseUint(string(text), 10, 64)
	switch {
	case errors.Is(err, strconv.ErrRange):
		return 0, errRange
	case err != nil:
		return 0, errNumber
	}
	return n, nil
}

// parseSeconds reads a number of seconds, or numbers with the units w, d, h, m and s in a row as 1h30m, up to 2^32-1.
func parseSeconds(text []byte) (uint32, error) {
	var total, n uint64
	digits, units := false, false
	for _, c := range text {
		if c >= '0' && c <= '9' {
			if n = n*10 + uint64(c-'0'); n > 1<<32-1 {
				return 0, errRange
			}
			digits = true
			continue
		}
		if !digits {
			return 0, errNumber
		}
		unit := secondsIn(c)
		if unit == 0 {
			return 0, errNumber
		}
		if total += n * unit; total > 1<<32-1 {
			return 0, errRange
		}
		n, digits, units = 0, false, true
	}
	if !digits && !units {
		return 0, errNumber
	}
	if total += n; total > 1<<32-1 {
		return 0, errRange
	}
	return uint32(total), nil
}

func secondsIn(unit byte) uint64 {
	switch unit {
	case 's', 'S':
		return 1
	case 'm', 'M':
		return 60
	case 'h', 'H':
		return 3600
	case 'd', 'D':
		return 86400
	case 'w', 'W':
		return 604800
	}
	return 0
}
