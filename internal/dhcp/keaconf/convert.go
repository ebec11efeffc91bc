package keaconf

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"bundy/internal/suite/schema"
)

// Remark is what the operator has to know about one item.
type Remark struct {
	Path string // in Kea's file, as Dhcp4/subnet4[0]/allocator
	Text string
	Lost bool // it changes what clients get, and is not carried over; else it only needs to be known
}

// converter turns one server's map into a section.
type converter struct {
	server  string // Dhcp4, Dhcp6 or DhcpDdns
	remarks []Remark
}

// Convert gives the section of a module that does what the map of a server in Kea's file says, and what is different. It may
// change the map.
func Convert(m *schema.Module, kea map[string]any) (schema.Section, []Remark) {
	c := converter{server: m.Name}
	if m.Name == "DhcpDdns" {
		kea = underscored(kea).(map[string]any)
	} else {
		c.global(kea)
		c.level(c.server, kea)
		c.presets(kea)
	}
	out := c.known(c.server, m.Config, kea)
	slices.SortStableFunc(c.remarks, func(a, b Remark) int { return strings.Compare(a.Path, b.Path) })
	return out, c.remarks
}

func (c *converter) family() string { return strings.TrimPrefix(c.server, "Dhcp") }

func (c *converter) note(path, format string, args ...any) {
	c.remarks = append(c.remarks, Remark{Path: path, Text: fmt.Sprintf(format, args...)})
}

func (c *converter) lose(path, format string, args ...any) {
	c.remarks = append(c.remarks, Remark{Path: path, Text: fmt.Sprintf(format, args...), Lost: true})
}

// known gives what the module has items for, and tells of the rest.
func (c *converter) known(path string, items []*schema.Item, m map[string]any) map[string]any {
	out := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(m)) {
		at := path + "/" + name
		i := slices.IndexFunc(items, func(item *schema.Item) bool { return item.Name == name })
		if i < 0 {
			c.unknown(at, name)
			continue
		}
		out[name] = c.value(at, items[i], m[name])
	}
	return out
}

func (c *converter) value(path string, item *schema.Item, v any) any {
	switch v := v.(type) {
	case map[string]any:
		if item.Type == schema.Map {
			return c.known(path, item.Members, v)
		}
	case []any:
		if item.Element == nil {
			break
		}
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = c.value(fmt.Sprintf("%s[%d]", path, i), item.Element, e)
		}
		return out
	}
	return v
}

func (c *converter) unknown(path, name string) {
	if text, ok := elsewhere(name); ok {
		c.note(path, "%s", text)
		return
	}
	c.lose(path, "there is no such item here")
}

// maps of a list, with their paths.
func each(path string, v any, do func(path string, m map[string]any)) {
	list, _ := v.([]any)
	for i, e := range list {
		if m, ok := e.(map[string]any); ok {
			do(fmt.Sprintf("%s[%d]", path, i), m)
		}
	}
}

// level turns what may stand at the level of the server, a shared network, a subnet, and below.
func (c *converter) level(path string, m map[string]any) {
	c.options(path, m)
	c.renamed(m)
	c.mode(path, m)
	if path != c.server {
		c.replacement(path, m, "ddns-replace-client-name")
	}
	for _, list := range []string{"shared-networks", "subnet" + c.family(), "pools", "pd-pools", "reservations", "client-classes"} {
		each(path+"/"+list, m[list], c.level)
	}
}

// options makes csv-format explicit, which is true in Kea if nothing is said.
func (c *converter) options(path string, m map[string]any) {
	each(path+"/option-data", m["option-data"], func(_ string, o map[string]any) {
		if _, said := o["csv-format"]; !said {
			o["csv-format"] = true
		}
	})
}

// renamed takes the names of Kea 2.7 and later back.
func (c *converter) renamed(m map[string]any) {
	for later, name := range map[string]string{"evaluate-additional-classes": "require-client-classes", "only-in-additional-list": "only-if-required"} {
		if v, ok := m[later]; ok {
			delete(m, later)
			m[name] = v
		}
	}
}

// mode splits the item of Kea before 1.9.1 in three.
func (c *converter) mode(path string, m map[string]any) {
	v, ok := m["reservation-mode"]
	if !ok {
		return
	}
	delete(m, "reservation-mode")
	switch v {
	case "all", "out-of-pool":
		m["reservations-global"], m["reservations-in-subnet"] = false, true
	case "global":
		m["reservations-global"], m["reservations-in-subnet"] = true, false
	case "disabled", "off":
		m["reservations-global"], m["reservations-in-subnet"] = false, false
	default:
		c.lose(path+"/reservation-mode", "%v is not known", v)
	}
}

// replacement turns a mode of four into the two that are here.
func (c *converter) replacement(path string, m map[string]any, name string) {
	switch v := m[name]; v {
	case nil, true, false:
	case "never", "always":
		m[name] = v == "always"
	default:
		delete(m, name)
		c.lose(path+"/"+name, "%v is not known here: names are replaced always (true) or never (false)", v)
	}
}

// underscored puts underscores in the place of the hyphens in names, as DhcpDdns has them.
func underscored(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, e := range v {
			if name != "user-context" {
				name = strings.ReplaceAll(name, "-", "_")
			}
			out[name] = underscored(e)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = underscored(e)
		}
		return out
	}
	return v
}
