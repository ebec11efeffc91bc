package policy

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// aLabel begins labels that stand for international ones (RFC 5890 section 2.3.2.1).
const aLabel = "xn--"

// sanitise makes a host name label (RFC 1123 section 2.1) of any bytes: letters in lower case, digits and inner
// hyphens stay, a label in UTF-8 becomes its A-label (RFC 5891 section 4.4), every other byte becomes a hyphen, and
// hyphens at the ends go. The result may be empty; it is for a label that only looks like an A-label, as nobody knows
// what that would be shown as.
func sanitise(label string) string {
	b := []byte(label)
	international := false
	for i, c := range b {
		switch {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
		case 'A' <= c && c <= 'Z':
			b[i] = c + ('a' - 'A')
		case c >= utf8.RuneSelf:
			international = true
		default:
			b[i] = '-'
		}
	}
	if international && utf8.Valid(b) {
		text := strings.Trim(string(b), "-")
		// The mapping may make dots and hyphens of look-alikes: what comes out is judged like what comes in.
		if a, err := idna.Lookup.ToASCII(text); err == nil && len(a) <= maxLabel && isHostLabel(a) && a != text {
			return a
		}
	}
	if international {
		for i, c := range b {
			if c >= utf8.RuneSelf {
				b[i] = '-'
			}
		}
	}
	text := strings.Trim(string(b[:min(len(b), maxLabel)]), "-")
	if strings.HasPrefix(text, aLabel) {
		if a, err := idna.Lookup.ToASCII(text); err != nil || a != text {
			return ""
		}
	}
	return text
}

// isHostLabel tells whether a label has nothing but lower-case letters, digits and inner hyphens.
func isHostLabel(l string) bool {
	return l != "" && strings.Trim(l, "-") == l && strings.Trim(l, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}
