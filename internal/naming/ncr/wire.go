package ncr

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"bundy/internal/dns/wire"
)

// timeForm is how the end of a lease is written: YYYYMMDDhhmmss, UTC.
const timeForm = "20060102150405"

// Bounds of a DHCID in octets: identifier type, digest type and a digest (RFC 4701 section 3). The lower bound keeps
// out what can be no digest, the upper leaves room for digests to come.
const (
	minDHCID = 4
	maxDHCID = 3 + 64
)

// Append appends the datagram for r: the length of the text in two octets, network order, and one JSON object.
func (r Request) Append(dst []byte, style Style) []byte {
	sep := "_"
	if style == Kea {
		sep = "-"
	}
	start := len(dst)
	dst = append(dst, 0, 0)
	dst = fmt.Appendf(dst, `{"change%[1]stype":%[2]d,"forward%[1]schange":%[3]t,"reverse%[1]schange":%[4]t,"fqdn":%[5]s,`+
		`"ip%[1]saddress":%[6]q,"dhcid":"%[7]X","lease%[1]sexpires%[1]son":%[8]q,"lease%[1]slength":%[9]d`,
		sep, r.Change, r.Forward, r.Reverse, jsonString(r.Name.String()), r.Address.String(), r.DHCID,
		r.Expires.UTC().Format(timeForm), r.Length)
	if style == Kea {
		dst = fmt.Appendf(dst, `,"use-conflict-resolution":%t,"conflict-resolution-mode":%q`, r.Mode == CheckWithDHCID, r.Mode.String())
	}
	dst = append(dst, '}')
	binary.BigEndian.PutUint16(dst[start:], uint16(len(dst)-start-2))
	return dst
}

// jsonString quotes a name. The presentation form is printable ASCII, so only quotes and backslashes need care.
func jsonString(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// text is the object as it stands in a datagram, after the keys got underscores.
type text struct {
	ChangeType    *int    `json:"change_type"`
	ForwardChange *bool   `json:"forward_change"`
	ReverseChange *bool   `json:"reverse_change"`
	FQDN          *string `json:"fqdn"`
	IPAddress     *string `json:"ip_address"`
	DHCID         *string `json:"dhcid"`
	ExpiresOn     *string `json:"lease_expires_on"`
	Length        *uint32 `json:"lease_length"`
}

// Parse reads a datagram. Both spellings of the keys are accepted, unknown keys are ignored. It refuses a request
// without direction, without usable name or address, or with a DHCID that can be none; the error names the item.
func Parse(datagram []byte) (Request, error) {
	bad := func(format string, args ...any) (Request, error) {
		return Request{}, fmt.Errorf("%w: %w", ErrRequest, fmt.Errorf(format, args...))
	}
	if len(datagram) > MaxDatagram {
		return bad("%d octets, at most %d are read", len(datagram), MaxDatagram)
	}
	if len(datagram) < 2 || int(binary.BigEndian.Uint16(datagram)) != len(datagram)-2 {
		return bad("length field does not fit a datagram of %d octets", len(datagram))
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(datagram[2:], &object); err != nil {
		return bad("%w", err)
	}
	var t text
	for _, item := range []struct {
		key  string
		into any
	}{
		{"change_type", &t.ChangeType}, {"forward_change", &t.ForwardChange}, {"reverse_change", &t.ReverseChange},
		{"fqdn", &t.FQDN}, {"ip_address", &t.IPAddress}, {"dhcid", &t.DHCID}, {"lease_expires_on", &t.ExpiresOn},
		{"lease_length", &t.Length},
	} {
		raw, ok := object[item.key]
		if !ok {
			raw, ok = object[strings.ReplaceAll(item.key, "_", "-")]
		}
		if !ok || string(raw) == "null" {
			return bad("%s is missing", item.key)
		}
		if err := json.Unmarshal(raw, item.into); err != nil {
			return bad("%s: %w", item.key, err)
		}
	}
	r, err := t.request()
	if err != nil {
		return r, err
	}
	if r.Mode, err = mode(object); err != nil {
		return bad("%w", err)
	}
	return r, nil
}

// mode reads what newer servers say about conflicts: Kea 2.2 a boolean, later ones, which win, the name of a mode.
func mode(object map[string]json.RawMessage) (Mode, error) {
	item := func(key string) (json.RawMessage, string) {
		if raw, ok := object[key]; ok {
			return raw, key
		}
		key = strings.ReplaceAll(key, "_", "-")
		return object[key], key
	}
	if raw, key := item("conflict_resolution_mode"); raw != nil {
		var text string
		if err := json.Unmarshal(raw, &text); err != nil {
			return 0, fmt.Errorf("%s: %w", key, err)
		}
		return Mode(max(slices.Index(modes[:], text), 0)), nil // of one yet to come: the strictest
	}
	if raw, key := item("use_conflict_resolution"); raw != nil {
		var use bool
		if err := json.Unmarshal(raw, &use); err != nil {
			return 0, fmt.Errorf("%s: %w", key, err)
		}
		if !use {
			return NoCheckWithDHCID, nil
		}
	}
	return CheckWithDHCID, nil
}

func (t text) request() (Request, error) {
	bad := func(format string, args ...any) (Request, error) {
		return Request{}, fmt.Errorf("%w: %w", ErrRequest, fmt.Errorf(format, args...))
	}
	r := Request{Change: Change(*t.ChangeType), Forward: *t.ForwardChange, Reverse: *t.ReverseChange, Length: *t.Length}
	if *t.ChangeType != int(Add) && *t.ChangeType != int(Remove) {
		return bad("change_type %d", *t.ChangeType)
	}
	if !r.Forward && !r.Reverse {
		return bad("neither forward nor reverse change is asked for")
	}
	var err error
	if r.Name, err = wire.ParseName(*t.FQDN); err != nil {
		return bad("fqdn: %w", err)
	}
	if r.Name = r.Name.Lower(); r.Name == wire.Root || r.Name.IsWildcard() {
		return bad("fqdn: %s is no host name", r.Name)
	}
	if r.Address, err = netip.ParseAddr(*t.IPAddress); err != nil {
		return bad("ip_address: %w", err)
	}
	if r.Address.Zone() != "" || r.Address.Is4In6() {
		return bad("ip_address: %s", r.Address)
	}
	if r.DHCID, err = hex.DecodeString(*t.DHCID); err != nil {
		return bad("dhcid: %w", err)
	}
	if len(r.DHCID) < minDHCID || len(r.DHCID) > maxDHCID {
		return bad("dhcid of %d octets", len(r.DHCID))
	}
	if r.Expires, err = time.Parse(timeForm, *t.ExpiresOn); err != nil {
		return bad("lease_expires_on: %w", err)
	}
	return r, nil
}
