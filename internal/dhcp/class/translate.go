package class

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"strconv"
	"strings"

	"bundy/internal/dhcp/option"
)

// translator turns an expression of Kea's language into one of the library's: values become calls of our functions,
// literals become octets. Operators and parentheses stay, so grammar and types are the library's affair. Two things
// differ: "not" binds weaker than "==", and a number is four octets but where a function wants it as a number.
type translator struct {
	family  option.Family
	catalog *option.Catalog
	text    string

	at      int
	out     strings.Builder
	frames  []frame
	members []string
}

// frame is an open parenthesis.
type frame struct {
	function string
	argument int
	nots     int // parentheses opened for "not", closed before the next weaker operator
}

func (t *translator) translate() (string, error) {
	t.frames = []frame{{}}
	for {
		token := t.next()
		if token.kind == ended {
			break
		}
		if err := t.one(token); err != nil {
			return "", err
		}
	}
	t.closeNots()
	if len(t.frames) != 1 {
		return "", errors.New("a parenthesis is not closed")
	}
	return t.out.String(), nil
}

func (t *translator) emit(parts ...string) {
	for _, p := range parts {
		t.out.WriteString(p)
	}
	t.out.WriteByte(' ')
}

func (t *translator) octets(s string) { t.emit(`octets("`, hex.EncodeToString([]byte(s)), `")`) }

func (t *translator) top() *frame { return &t.frames[len(t.frames)-1] }

func (t *translator) closeNots() {
	for ; t.top().nots > 0; t.top().nots-- {
		t.emit(")")
	}
}

type kind uint8

const (
	ended  kind = iota
	word        // identifier
	text        // literal of octets, value decoded
	digits      // integer
	sign        // anything else
)

type token struct {
	kind  kind
	value string
}

func (t *translator) next() token {
	for t.at < len(t.text) && strings.IndexByte(" \t\r\n", t.text[t.at]) >= 0 {
		t.at++
	}
	rest := t.text[t.at:]
	if rest == "" {
		return token{}
	}
	take := func(k kind, n int, value string) token {
		t.at += n
		return token{k, value}
	}
	span := func(in func(byte) bool) string {
		n := 0
		for n < len(rest) && in(rest[n]) {
			n++
		}
		return rest[:n]
	}
	if rest[0] == '\'' {
		if end := strings.IndexByte(rest[1:], '\''); end >= 0 {
			return take(text, end+2, rest[1:1+end])
		}
		return take(sign, 1, "'")
	}
	if strings.HasPrefix(rest, "0x") || strings.HasPrefix(rest, "0X") {
		d := span(func(c byte) bool { return isHex(c) || c == 'x' || c == 'X' })[2:]
		even := d
		if len(d)%2 == 1 {
			even = "0" + d
		}
		if b, err := hex.DecodeString(even); err == nil && d != "" {
			return take(text, 2+len(d), string(b))
		}
	}
	if run := span(func(c byte) bool { return isHex(c) || c == '.' || c == ':' }); strings.ContainsAny(run, ".:") {
		if a, err := netip.ParseAddr(run); err == nil {
			return take(text, len(run), string(a.AsSlice()))
		}
	}
	if d := span(isDigit); d != "" {
		return take(digits, len(d), d)
	}
	if rest[0] == '-' {
		if d := span(func(c byte) bool { return c == '-' || isDigit(c) }); len(d) > 1 {
			return take(digits, len(d), d)
		}
	}
	if isLetter(rest[0]) {
		w := span(func(c byte) bool { return isLetter(c) || isDigit(c) || c == '-' || c == '_' })
		return take(word, len(w), w)
	}
	for _, s := range []string{"==", "!="} {
		if strings.HasPrefix(rest, s) {
			return take(sign, 2, s)
		}
	}
	return take(sign, 1, rest[:1])
}

func isDigit(c byte) bool  { return '0' <= c && c <= '9' }
func isHex(c byte) bool    { return isDigit(c) || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F' }
func isLetter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }

func (t *translator) one(k token) error {
	switch k.kind {
	case text:
		t.octets(k.value)
		return nil
	case digits:
		return t.number(k.value)
	case sign:
		return t.sign(k.value)
	}
	switch k.value {
	case "and", "or":
		t.closeNots()
		t.emit(k.value)
	case "not":
		t.emit("not (")
		t.top().nots++
	case "all":
		t.emit(strconv.Itoa(everything))
	case "known", "unknown":
		t.members = append(t.members, Known)
		if k.value == "unknown" {
			t.emit("not")
		}
		t.emit(`member(P, "KNOWN")`)
	case "member":
		return t.member()
	case "match":
		return t.match()
	case "substring", "concat", "ifelse", "hexstring", "lcase", "ucase", "split", "addrtotext",
		"int8totext", "int16totext", "int32totext", "uint8totext", "uint16totext", "uint32totext":
		if err := t.expect("("); err != nil {
			return err
		}
		t.emit(k.value, "(")
		t.frames = append(t.frames, frame{function: k.value})
	case "option", "relay4", "relay6", "vendor", "vendor-class", "pkt", "pkt4", "pkt6":
		return t.value(k.value)
	default:
		return fmt.Errorf("%q is not known", k.value)
	}
	return nil
}

// number is an integer: as such where a function counts, else four octets.
func (t *translator) number(value string) error {
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil || n > 0xffffffff || n < -0x80000000 {
		return fmt.Errorf("%s is no number of 32 bits", value)
	}
	f := t.top()
	if f.function == "substring" && f.argument > 0 || f.function == "split" && f.argument == 2 {
		t.emit(strconv.FormatInt(min(max(n, -everything), everything), 10))
		return nil
	}
	s := number(uint32(n))
	switch f.function { // the text of an integer of so many bits
	case "int8totext", "uint8totext":
		s = s[3:]
	case "int16totext", "uint16totext":
		s = s[2:]
	}
	t.octets(s)
	return nil
}

func (t *translator) sign(s string) error {
	switch s {
	case "(":
		t.emit("(")
		t.frames = append(t.frames, frame{})
	case ")":
		t.closeNots()
		if len(t.frames) == 1 {
			return errors.New("a parenthesis is not opened")
		}
		t.emit(")")
		t.frames = t.frames[:len(t.frames)-1]
	case ",":
		t.closeNots()
		if t.top().function == "" {
			return errors.New("a comma stands outside of a function")
		}
		t.emit(",")
		t.top().argument++
	case "==", "!=", "+":
		t.emit(s)
	default:
		return fmt.Errorf("%q is not known", s)
	}
	return nil
}

func (t *translator) expect(s string) error {
	if k := t.next(); k.kind != sign || k.value != s {
		return fmt.Errorf("%q instead of %q", k.value, s)
	}
	return nil
}

// argument reads "('literal'" of a function.
func (t *translator) argument() (string, error) {
	if err := t.expect("("); err != nil {
		return "", err
	}
	k := t.next()
	if k.kind != text {
		return "", fmt.Errorf("%q instead of a literal in quotes", k.value)
	}
	return k.value, nil
}

func (t *translator) member() error {
	name, err := t.argument()
	if err != nil {
		return err
	}
	t.members = append(t.members, name)
	t.emit("member(P, ", strconv.Quote(name), ")")
	return t.expect(")")
}

// match compiles the pattern, which must fit the whole value.
func (t *translator) match() error {
	pattern, err := t.argument()
	if err != nil {
		return err
	}
	if _, err := regexp.Compile(whole(pattern)); err != nil {
		return err
	}
	t.emit("match(")
	t.octets(pattern)
	t.frames = append(t.frames, frame{function: "match"})
	return nil
}

func whole(pattern string) string { return `\A(?s:` + pattern + `)\z` }

// index reads [code], [name] of a space, or [*] where there is none. The space "-" holds no names.
func (t *translator) index(space string) (int, error) {
	if err := t.expect("["); err != nil {
		return 0, err
	}
	k := t.next()
	n := 0
	switch {
	case k.kind == digits:
		var err error
		if n, err = strconv.Atoi(k.value); err != nil || n > 0xffffffff {
			return 0, fmt.Errorf("%s is no number of 32 bits", k.value)
		}
	case k.kind == sign && k.value == "*" && space == "":
		n = anyone
	case k.kind == word && space != "":
		d := t.catalog.ByName(space, k.value)
		if d == nil {
			return 0, fmt.Errorf("no option %q in space %q", k.value, space)
		}
		n = int(d.Code)
	default:
		return 0, fmt.Errorf("%q instead of a number or name", k.value)
	}
	if space != "" && (n < 0 || n > 0xffff) {
		return 0, fmt.Errorf("%d is no code of an option", n)
	}
	return n, t.expect("]")
}

// follows tells whether a sign is next, and steps over it.
func (t *translator) follows(s string) bool {
	before := t.at
	if k := t.next(); k.kind == sign && k.value == s {
		return true
	}
	t.at = before
	return false
}

// dot reads ".word".
func (t *translator) dot() (string, error) {
	if err := t.expect("."); err != nil {
		return "", err
	}
	k := t.next()
	if k.kind != word {
		return "", fmt.Errorf("%q instead of a word", k.value)
	}
	return k.value, nil
}

// call emits a function that gives octets, or its sibling that tells whether there are any, as the last word says.
func (t *translator) call(last, function string, arguments ...int) error {
	switch last {
	case "hex", "text":
	case "exists":
		function = "has" + strings.ToUpper(function[:1]) + function[1:]
		if function == "hasOption" {
			function = "has"
		}
	default:
		return fmt.Errorf("%q instead of hex, text or exists", last)
	}
	t.emit(function, "(P")
	for _, a := range arguments {
		t.emit(",", strconv.Itoa(a))
	}
	t.emit(")")
	return nil
}

// value reads what stands for a part of the packet.
func (t *translator) value(name string) error {
	switch name {
	case "option":
		return t.option()
	case "relay4":
		if t.family != option.Family4 {
			return errors.New("relay4 is of DHCPv4 only")
		}
		code, err := t.index(option.SpaceRelay)
		if err != nil {
			return err
		}
		last, err := t.dot()
		if err != nil {
			return err
		}
		const relayAgent = 82
		return t.call(last, "inner", relayAgent, code)
	case "relay6":
		return t.relay6()
	case "vendor", "vendor-class":
		return t.vendor(name == "vendor-class")
	}
	last, err := t.dot()
	if err != nil {
		return err
	}
	return t.field(name, last)
}

func (t *translator) option() error {
	code, err := t.index(t.family.Main())
	if err != nil {
		return err
	}
	last, err := t.dot()
	if err != nil || last != "option" {
		if err != nil {
			return err
		}
		return t.call(last, "option", code)
	}
	space := "-" // no names there
	if d := t.catalog.Lookup(t.family.Main(), uint16(code)); d != nil && d.Encapsulates != "" {
		space = d.Encapsulates
	}
	sub, err := t.index(space)
	if err != nil {
		return err
	}
	if last, err = t.dot(); err != nil {
		return err
	}
	return t.call(last, "inner", code, sub)
}

func (t *translator) relay6() error {
	if t.family != option.Family6 {
		return errors.New("relay6 is of DHCPv6 only")
	}
	nest, err := t.index("")
	if err != nil {
		return err
	}
	last, err := t.dot()
	switch {
	case err != nil:
		return err
	case last == "peeraddr" || last == "linkaddr":
		t.emit(`field(P, "relay6.`, last, `", `, strconv.Itoa(nest), ")")
		return nil
	case last != "option":
		return fmt.Errorf("relay6 has no %q", last)
	}
	code, err := t.index(option.SpaceDHCP6)
	if err != nil {
		return err
	}
	if last, err = t.dot(); err != nil {
		return err
	}
	return t.call(last, "relayOption", nest, code)
}

func (t *translator) vendor(class bool) error {
	if t.follows(".") {
		if k := t.next(); k.kind != word || k.value != "enterprise" {
			return fmt.Errorf("%q instead of enterprise", k.value)
		}
		t.emit("enterprise(P, ", strconv.FormatBool(class), ")")
		return nil
	}
	enterprise, err := t.index("")
	if err != nil {
		return err
	}
	if enterprise == 0 {
		enterprise = anyone
	}
	last, err := t.dot()
	switch {
	case err != nil:
		return err
	case class && last == "data":
		piece := 0
		if t.at < len(t.text) && t.text[t.at] == '[' {
			if piece, err = t.index(""); err != nil {
				return err
			}
		}
		return t.call("hex", "vendorClass", enterprise, piece)
	case class:
		if last != "exists" {
			return fmt.Errorf("vendor-class has no %q", last)
		}
		return t.call(last, "vendorClass", enterprise)
	case last != "option":
		if last != "exists" {
			return fmt.Errorf("vendor has no %q", last)
		}
		return t.call(last, "vendor", enterprise, anyone)
	}
	code, err := t.index("-")
	if err != nil {
		return err
	}
	if last, err = t.dot(); err != nil {
		return err
	}
	return t.call(last, "vendor", enterprise, code)
}

// field reads a field of the packet.
func (t *translator) field(of, name string) error {
	fields := map[string]string{
		"pkt":  "iface src dst len",
		"pkt4": "mac hlen htype ciaddr giaddr yiaddr siaddr msgtype transid",
		"pkt6": "msgtype transid",
	}
	if of == "pkt4" && t.family != option.Family4 || of == "pkt6" && t.family != option.Family6 {
		return fmt.Errorf("%s is of the other family", of)
	}
	for f := range strings.FieldsSeq(fields[of]) {
		if f == name {
			t.emit(`field(P, "`, of, ".", name, `", 0)`)
			return nil
		}
	}
	return fmt.Errorf("%s has no field %q", of, name)
}
