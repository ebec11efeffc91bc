package acl

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"bundy/internal/dns/wire"
)

// maxDepth bounds how deep NOT, ANY and ALL may stand in one another: no rule that a person writes goes deeper, and
// both Parse and Decide recurse.
const maxDepth = 16

// Parse reads a list from its JSON value (a []any of map[string]any). All that is wrong is returned, each error
// beginning with the place of the value below path, as "DDNS/zones[0]/update_acl[1]/from[2]: ".
func Parse(value any, path string) (List, []error) {
	var p parser
	var list List
	for i, v := range p.list(value, path) {
		at := fmt.Sprintf("%s[%d]", path, i)
		if items, ok := p.items(v, at); ok {
			list.rules = append(list.rules, rule{action: p.action(items, at), when: p.conditions(items, at, true, 0)})
		}
	}
	if len(p.errs) > 0 {
		return List{}, p.errs
	}
	return list, nil
}

type parser struct{ errs []error }

func (p *parser) fail(path, format string, args ...any) {
	p.errs = append(p.errs, fmt.Errorf(path+": "+format, args...))
}

func (p *parser) list(value any, path string) []any {
	l, ok := value.([]any)
	if !ok && value != nil {
		p.fail(path, "want a list, found %s", shape(value))
	}
	return l
}

func (p *parser) items(value any, path string) (map[string]any, bool) {
	m, ok := value.(map[string]any)
	if !ok {
		p.fail(path, "want a map of conditions, found %s", shape(value))
	}
	return m, ok
}

func (p *parser) action(items map[string]any, path string) Action {
	v, ok := items["action"]
	if !ok {
		p.fail(path, "no action: want ACCEPT, REJECT or DROP")
		return Reject
	}
	switch v {
	case "ACCEPT":
		return Accept
	case "DROP":
		return Drop
	case "REJECT":
		return Reject
	}
	p.fail(path+"/action", "want ACCEPT, REJECT or DROP, found %s", shape(v))
	return Reject
}

// conditions reads a map whose members must all match. The member action belongs to the rule, not to expressions
// inside it.
func (p *parser) conditions(items map[string]any, path string, inRule bool, depth int) condition {
	if depth > maxDepth {
		p.fail(path, "conditions more than %d deep", maxDepth)
		return allOf{}
	}
	var all allOf
	for _, name := range slices.Sorted(maps.Keys(items)) {
		value, at := items[name], path+"/"+name
		switch {
		case name == "from":
			all = append(all, p.from(value, at))
		case name == "key":
			all = append(all, p.keyed(value, at))
		case name == "NOT":
			if inner, ok := p.items(value, at); ok {
				all = append(all, not{p.conditions(inner, at, false, depth+1)})
			}
		case name == "ANY":
			all = append(all, anyOf(p.each(value, at, depth)))
		case name == "ALL":
			all = append(all, allOf(p.each(value, at, depth)))
		case name == "action" && inRule:
		default:
			p.fail(path, "unknown condition %q: want from, key, NOT, ANY or ALL", name)
		}
	}
	return all
}

func (p *parser) each(value any, path string, depth int) []condition {
	if value == nil {
		p.fail(path, "want a list, found null")
	}
	var out []condition
	for i, v := range p.list(value, path) {
		at := fmt.Sprintf("%s[%d]", path, i)
		if items, ok := p.items(v, at); ok {
			out = append(out, p.conditions(items, at, false, depth+1))
		}
	}
	return out
}

func (p *parser) from(value any, path string) from {
	var out from
	p.texts(value, path, func(text, at string) {
		prefix, err := parsePrefix(text)
		if err != nil {
			p.fail(at, "%v", err)
			return
		}
		out = append(out, prefix)
	})
	return out
}

func (p *parser) keyed(value any, path string) keyed {
	var out keyed
	p.texts(value, path, func(text, at string) {
		name, err := wire.ParseName(text)
		if err != nil {
			p.fail(at, "%v", err)
			return
		}
		out = append(out, name)
	})
	return out
}

// texts calls fn for a single text, or for each of a list.
func (p *parser) texts(value any, path string, fn func(text, path string)) {
	switch v := value.(type) {
	case string:
		fn(v, path)
	case []any:
		for i, e := range v {
			at := fmt.Sprintf("%s[%d]", path, i)
			if text, ok := e.(string); ok {
				fn(text, at)
			} else {
				p.fail(at, "want a text, found %s", shape(e))
			}
		}
	default:
		p.fail(path, "want a text or a list of texts, found %s", shape(value))
	}
}

// parsePrefix reads "any4", "any6", an address, or address/length. Bits behind the length are ignored.
func parsePrefix(text string) (netip.Prefix, error) {
	switch text {
	case "any4":
		return netip.PrefixFrom(netip.IPv4Unspecified(), 0), nil
	case "any6":
		return netip.PrefixFrom(netip.IPv6Unspecified(), 0), nil
	}
	prefix, err := netip.ParsePrefix(text)
	if err != nil {
		addr, err := netip.ParseAddr(text)
		if err != nil || addr.Zone() != "" {
			return netip.Prefix{}, fmt.Errorf("want any4, any6, an address or address/length, found %q", text)
		}
		prefix = netip.PrefixFrom(addr, addr.BitLen())
	}
	// Decide compares IPv4 in its own form, so a range of mapped addresses becomes the range that it means.
	if addr := prefix.Addr(); addr.Is4In6() && prefix.Bits() >= 96 {
		prefix = netip.PrefixFrom(addr.Unmap(), prefix.Bits()-96)
	}
	return prefix.Masked(), nil
}

// shape shows a wrong value shortly: a text as it is, of others only their kind.
func shape(value any) string {
	switch v := value.(type) {
	case nil:
		return "null"
	case string:
		const longest = 60
		if len(v) > longest {
			v = v[:longest]
		}
		return fmt.Sprintf("%q", v)
	case bool:
		return "a boolean"
	case []any:
		return "a list"
	case map[string]any:
		return "a map"
	}
	return "a number"
}
