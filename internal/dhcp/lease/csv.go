package lease

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// Family is DHCPv4 or DHCPv6. A lease file holds one of them.
type Family uint8

const (
	Family4 Family = iota
	Family6
)

func (f Family) String() string {
	if f == Family6 {
		return "DHCPv6"
	}
	return "DHCPv4"
}

// MaxLine is the longest line of a lease file that is read, in bytes. The longest row we write has identifiers and names
// of a few hundred octets, all escaped; user contexts of others may be longer.
const MaxLine = 64 << 10

// Hardware addresses and identifiers of clients in a file are no longer than those that messages can carry, in octets.
const (
	maxHWAddr   = 255
	maxIdentity = 512
)

// ErrHeader says that a file does not begin like a lease file.
var ErrHeader = errors.New("not a lease file")

type column uint8

const (
	colAddress column = iota
	colHWAddr
	colClientID
	colDUID
	colValidLifetime
	colExpire
	colSubnetID
	colPreferred
	colKind
	colIAID
	colPrefixLength
	colFQDNForward
	colFQDNReverse
	colHostname
	colState
	colUserContext
	colHWType
	colHWSource
	colUnknown
)

var columnNames = [colUnknown]string{
	"address", "hwaddr", "client_id", "duid", "valid_lifetime", "expire", "subnet_id", "pref_lifetime", "lease_type",
	"iaid", "prefix_len", "fqdn_fwd", "fqdn_rev", "hostname", "state", "user_context", "hwtype", "hwaddr_source",
}

// The columns that we write are those of Kea 2.2, so that files can be exchanged with Kea. The first ones, up to the
// host name, are those of the first version and must be there.
var columnsWritten = [2][]column{
	{
		colAddress, colHWAddr, colClientID, colValidLifetime, colExpire, colSubnetID, colFQDNForward, colFQDNReverse,
		colHostname, colState, colUserContext,
	},
	{
		colAddress, colDUID, colValidLifetime, colExpire, colSubnetID, colPreferred, colKind, colIAID, colPrefixLength,
		colFQDNForward, colFQDNReverse, colHostname, colHWAddr, colState, colUserContext, colHWType, colHWSource,
	},
}

// Header is the first line of a lease file as we write it.
func (f Family) Header() string {
	names := make([]string, 0, colUnknown)
	for _, c := range columnsWritten[f] {
		names = append(names, columnNames[c])
	}
	return strings.Join(names, ",")
}

// Columns is the order of columns in one file. Files of older and newer versions have fewer or more.
type Columns struct {
	family Family
	order  []column
	needed int // how many columns a row must have at least
}

// ParseHeader reads the first line of a lease file of either family, without its line feed. Unknown columns are passed
// over; the ones of the first version must be there.
func ParseHeader(line string) (Columns, error) {
	var c Columns
	at := map[column]int{}
	for i, text := range strings.Split(strings.TrimSuffix(line, "\r"), ",") {
		kind := colUnknown
		for k, name := range columnNames {
			if text == name {
				kind = column(k)
			}
		}
		if kind != colUnknown {
			if at[kind] > 0 {
				return Columns{}, fmt.Errorf("%w: two columns %q in the first line %q", ErrHeader, text, clip(line))
			}
			at[kind] = i + 1
		}
		c.order = append(c.order, kind)
	}
	if at[colDUID] > 0 {
		c.family = Family6
	}
	for _, k := range columnsWritten[c.family] {
		if at[k] == 0 {
			return Columns{}, fmt.Errorf("%w: no column %q in the first line %q", ErrHeader, columnNames[k], clip(line))
		}
		c.needed = max(c.needed, at[k])
		if k == colHostname {
			break
		}
	}
	return c, nil
}

// Family tells what leases the file holds.
func (c Columns) Family() Family { return c.family }

// Current tells whether the file has exactly the columns that we write.
func (c Columns) Current() bool {
	written := columnsWritten[c.family]
	if len(c.order) != len(written) {
		return false
	}
	for i, k := range c.order {
		if k != written[i] {
			return false
		}
	}
	return true
}

// Parse reads one row without its line feed. A row shorter than the header takes defaults for what is missing. A
// lifetime of 0 marks a tombstone: the lease of that address is gone. Strings of the lease may be parts of line.
func (c Columns) Parse(line string) (Lease, error) {
	r := row{lease: Lease{HWType: 1}}
	rest, more := strings.TrimSuffix(line, "\r"), true
	fields := 0
	for _, kind := range c.order {
		if !more {
			break
		}
		var text string
		text, rest, more = strings.Cut(rest, ",")
		fields++
		if kind == colUnknown {
			continue
		}
		if !r.set(kind, text, c.family) {
			return Lease{}, fmt.Errorf("%s: bad value %q", columnNames[kind], clip(text))
		}
	}
	if more {
		return Lease{}, fmt.Errorf("more than %d columns: %q", len(c.order), clip(line))
	}
	if fields < c.needed {
		return Lease{}, fmt.Errorf("only %d columns: %q", fields, clip(line))
	}
	return r.finish()
}

// row is a lease while its columns are read.
type row struct {
	lease  Lease
	expire uint64
	raw    [128]byte // the octets of identifiers, made one string at the end
	used   int
	hwAddr [2]int // where it stands in raw
	client [2]int
}

// set reads one column and tells whether it could.
func (r *row) set(kind column, text string, f Family) (ok bool) {
	l := &r.lease
	var n uint64
	switch kind {
	case colAddress:
		a, err := netip.ParseAddr(text)
		l.Address = a
		return err == nil && a.Is4() == (f == Family4) && a.Zone() == "" && !a.Is4In6()
	case colHWAddr:
		l.HWAddr, ok = r.identity(text, &r.hwAddr)
		return ok && len(text) < 3*maxHWAddr
	case colClientID:
		l.ClientID, ok = r.identity(text, &r.client)
		return ok
	case colDUID:
		l.DUID, ok = r.identity(text, &r.client)
		return ok
	case colFQDNForward:
		l.FQDNForward, ok = parseBool(text)
		return ok
	case colFQDNReverse:
		l.FQDNReverse, ok = parseBool(text)
		return ok
	case colHostname:
		l.Hostname = unescape(text)
		return true
	case colUserContext:
		l.UserContext = unescape(text)
		return true
	case colExpire:
		r.expire, ok = parseUint(text, 1<<40)
		return ok
	case colState, colHWType, colHWSource:
		if text == "" {
			return true
		}
	}
	if n, ok = parseUint(text, 1<<32-1); !ok {
		return false
	}
	switch kind {
	case colValidLifetime:
		l.ValidLifetime = uint32(n)
	case colSubnetID:
		l.SubnetID = uint32(n)
	case colPreferred:
		l.Preferred = uint32(n)
	case colKind: // Kea's numbers begin with 0 for IA_NA
		l.Kind = NA + Kind(min(n, 3))
		return n <= 2
	case colIAID:
		l.IAID = uint32(n)
	case colPrefixLength:
		l.PrefixLength = uint8(n)
		return n <= 128
	case colState:
		const released = 3 // of Kea 2.7 and later: given back and remembered
		if n == released {
			n = uint64(Reclaimed)
		}
		l.State = State(n)
		return n <= 255
	case colHWType:
		l.HWType = 0
		if n <= 255 {
			l.HWType = uint8(n)
		}
	case colHWSource:
		if n <= 255 {
			l.HWSource = uint8(n)
		}
	}
	return true
}

// identity reads colon hexadecimal into raw, or gives it as a string when it does not fit there.
func (r *row) identity(text string, at *[2]int) (string, bool) {
	if text == "" {
		return "", true
	}
	n := (len(text) + 1) / 3
	if len(text)%3 != 2 || n > maxIdentity {
		return "", false
	}
	var out []byte
	fits := r.used+n <= len(r.raw)
	if fits {
		out = r.raw[r.used:r.used]
		*at = [2]int{r.used, r.used + n}
		r.used += n
	} else {
		out = make([]byte, 0, n)
	}
	for i := 0; i < len(text); i += 3 {
		a, b := unhex(text[i]), unhex(text[i+1])
		if a < 0 || b < 0 || i+2 < len(text) && text[i+2] != ':' {
			return "", false
		}
		out = append(out, byte(a<<4|b))
	}
	if fits {
		return "", true
	}
	return string(out), true
}

// finish checks what columns say together.
func (r *row) finish() (Lease, error) {
	l := &r.lease
	if raw := string(r.raw[:r.used]); raw != "" {
		if r.hwAddr[1] > 0 {
			l.HWAddr = raw[r.hwAddr[0]:r.hwAddr[1]]
		}
		if client := raw[r.client[0]:r.client[1]]; client == "" {
		} else if l.Kind == V4 {
			l.ClientID = client
		} else {
			l.DUID = client
		}
	}
	l.Start = time.Unix(int64(r.expire)-int64(l.ValidLifetime), 0).UTC()
	if l.Kind == V4 {
		return *l, nil
	}
	if len(l.DUID) <= 3 && strings.Trim(l.DUID, "\x00") == "" {
		l.DUID = "" // zeros stand for nobody, as in declined leases
	}
	if l.HWAddr == "" {
		l.HWType = 0
	}
	if l.Kind != PD {
		l.PrefixLength = 0
	} else if l.PrefixLength == 0 {
		return Lease{}, errors.New("prefix_len: bad value \"0\" of a delegated prefix")
	}
	return *l, nil
}

func parseUint(text string, limit uint64) (uint64, bool) {
	n, err := strconv.ParseUint(text, 10, 64)
	return n, err == nil && n <= limit
}

func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

func parseBool(text string) (value, ok bool) {
	switch text {
	case "1", "true":
		return true, true
	case "0", "false", "":
		return false, true
	}
	return false, false
}

func unescape(s string) string {
	if !strings.Contains(s, "&#x") {
		return s
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if strings.HasPrefix(s[i:], "&#x") && i+4 < len(s) {
			if a, b := unhex(s[i+3]), unhex(s[i+4]); a >= 0 && b >= 0 {
				out = append(out, byte(a<<4|b))
				i += 4
				continue
			}
		}
		out = append(out, s[i])
	}
	return string(out)
}

// clip bounds offending text in an error.
func clip(s string) string {
	if len(s) > 120 {
		return s[:120] + "…"
	}
	return s
}
