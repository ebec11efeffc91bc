package zonefile

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
)

// Bounds of $GENERATE: one line must not fill a disk.
const (
	MaxGenerated     = 1 << 20 // records of one directive
	maxGenerateWidth = 255     // characters of one number: no name is longer
)

// generate handles "$GENERATE start-stop[/step] lhs [ttl] [class] type rhs".
func (f *file) generate() error {
	e := &f.scan.entry
	if len(e.tokens) < 5 {
		return errors.New("$GENERATE needs a range, an owner, a type and RDATA")
	}
	from, to, step, err := parseRange(e.word(1))
	if err != nil {
		return err
	}
	if (to-from)/step >= MaxGenerated {
		return &fault{fmt.Sprintf("$GENERATE of more than %d records", MaxGenerated), e.word(1)}
	}
	// Between owner and RDATA everything stands as it is. The RDATA, in which alone else a $ may stand, can be told
	// from it by the type.
	h, err := e.head(3)
	if err != nil {
		return err
	}
	// A single quoted text is all of the RDATA, as BIND and BIND 10 have it: "10 mail$" of MX.
	whole := len(e.tokens) == h.rest+1 && e.tokens[h.rest].quoted
	var made entry
	var line []byte
	for n := from; n <= to && !f.done; n += step {
		line = line[:0]
		for i := 2; i < len(e.tokens); i++ {
			text, quoted := e.word(i), e.tokens[i].quoted
			if whole && i == h.rest {
				text, quoted = unquote(text), false
			}
			if quoted {
				line = append(line, '"')
			}
			if i == 2 || i >= h.rest {
				if line, err = expand(line, text, n); err != nil {
					return err
				}
			} else {
				line = append(line, text...)
			}
			if quoted {
				line = append(line, '"')
			}
			line = append(line, ' ')
		}
		made.reset()
		if err := made.add(line); err != nil {
			return err
		}
		if len(made.tokens) == 0 || made.depth > 0 {
			return &fault{"$GENERATE makes no record", line}
		}
		owner, err := made.owner(f.origin)
		if err != nil {
			return err
		}
		if err := f.record(&made, owner, 1); err != nil {
			return err
		}
	}
	return nil
}

// unquote takes the backslashes before quotation marks away.
func unquote(text []byte) []byte {
	var out []byte
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' && i+1 < len(text) {
			if i++; text[i] != '"' {
				out = append(out, '\\')
			}
		}
		out = append(out, text[i])
	}
	return out
}

// parseRange reads start-stop[/step].
func parseRange(text []byte) (from, to, step int64, err error) {
	bad := &fault{"bad range of $GENERATE", text}
	bounds, by, stepped := bytes.Cut(text, []byte("/"))
	a, b, ok := bytes.Cut(bounds, []byte("-"))
	x, err1 := parseNumber(a, 1<<31-1)
	y, err2 := parseNumber(b, 1<<31-1)
	z := uint64(1)
	var err3 error
	if stepped {
		z, err3 = parseNumber(by, 1<<31-1)
	}
	if !ok || err1 != nil || err2 != nil || err3 != nil || z == 0 || x > y {
		return 0, 0, 0, bad
	}
	return int64(x), int64(y), int64(z), nil
}

// expand appends text with $ and ${offset,width,base} replaced by the number. $$ and \$ stand for a dollar sign.
func expand(dst, text []byte, n int64) ([]byte, error) {
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '\\' && i+1 < len(text):
			dst = append(dst, c, text[i+1])
			i++
		case c != '$':
			dst = append(dst, c)
		case i+1 < len(text) && text[i+1] == '$':
			dst = append(dst, `\$`...)
			i++
		case i+1 < len(text) && text[i+1] == '{':
			end := bytes.IndexByte(text[i:], '}')
			if end < 0 {
				return nil, &fault{"$GENERATE: no closing brace", text}
			}
			var err error
			if dst, err = modify(dst, text[i+2:i+end], n); err != nil {
				return nil, err
			}
			i += end
		default:
			dst = strconv.AppendInt(dst, n, 10)
		}
		if len(dst) > MaxEntry {
			return nil, errLineLong
		}
	}
	return dst, nil
}

// modify appends the number as "offset[,width[,base]]" says.
func modify(dst, text []byte, n int64) ([]byte, error) {
	bad := &fault{"bad modifier of $GENERATE", text}
	parts := bytes.Split(text, []byte(","))
	offset, err := strconv.ParseInt(string(parts[0]), 10, 32)
	width, base := uint64(0), byte('d')
	if err == nil && len(parts) > 1 {
		width, err = parseNumber(parts[1], maxGenerateWidth)
	}
	if len(parts) > 2 && len(parts[2]) == 1 {
		base = parts[2][0]
	}
	if n += offset; err != nil || n < 0 && base != 'd' || len(parts) > 3 || len(parts) == 3 && len(parts[2]) != 1 {
		return nil, bad
	}
	switch base {
	case 'd':
		return fmt.Appendf(dst, "%0*d", int(width), n), nil
	case 'o':
		return fmt.Appendf(dst, "%0*o", int(width), n), nil
	case 'x':
		return fmt.Appendf(dst, "%0*x", int(width), n), nil
	case 'X':
		return fmt.Appendf(dst, "%0*X", int(width), n), nil
	case 'n':
		return appendNibbles(dst, n, int(width), "0123456789abcdef"), nil
	case 'N':
		return appendNibbles(dst, n, int(width), "0123456789ABCDEF"), nil
	}
	return nil, bad
}

// appendNibbles appends hexadecimal digits, lowest first, with dots between them. The width counts the dots too, so that
// an even one ends in a dot.
func appendNibbles(dst []byte, n int64, width int, digits string) []byte {
	for {
		dst = append(dst, digits[n&15])
		n >>= 4
		width--
		if n == 0 && width <= 0 {
			return dst
		}
		dst = append(dst, '.')
		if width--; n == 0 && width <= 0 {
			return dst
		}
	}
}
