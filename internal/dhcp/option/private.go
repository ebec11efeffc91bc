package option

import (
	"fmt"
	"maps"
	"slices"
)

// Codes that clients of one class may understand in their own way (RFC 2132 section 8.4, RFC 3942 section 2).
const (
	vendorSpecific = 43
	siteSpecific   = 224
)

// Within gives the catalog with definitions that hold for the clients of one class alone. They may be of option 43 and of
// the codes from 224 on of DHCPv4, in place of those that hold for all. Errors are by index.
func (c *Catalog) Within(custom []Definition) (*Catalog, map[int]error) {
	out := &Catalog{family: c.family, byCode: maps.Clone(c.byCode), byName: maps.Clone(c.byName), spaces: maps.Clone(c.spaces), carry: c.carry}
	wrong := map[int]error{}
	for i, d := range custom {
		if i >= MaxDefinitions {
			wrong[i] = fmt.Errorf("more than %d option definitions", MaxDefinitions)
			break
		}
		if d.Space == c.family.Main() {
			if c.family != Family4 || d.Code != vendorSpecific && d.Code < siteSpecific {
				wrong[i] = fmt.Errorf("option %d has one meaning for all: a class can define option %d and those from %d on", d.Code, vendorSpecific, siteSpecific)
				continue
			}
			if old := out.byCode[key{d.Space, d.Code}]; old != nil {
				delete(out.byName, nameKey{old.Space, old.Name})
				delete(out.byCode, key{d.Space, d.Code})
			}
		}
		if err := out.check(&d); err != nil {
			wrong[i] = err
			continue
		}
		d.Fields = slices.Clone(d.Fields)
		d.replaceable = false
		out.add(&d)
	}
	return out, wrong
}

// Whole gives the set with sub-options packed into the options of these codes, as the catalog defines them: what other
// catalogs say of those codes counts no more. The spaces that they carry are not in it.
func (c *Catalog) Whole(s Set, codes []uint16) (Set, error) {
	out := Set{data: maps.Clone(s.data)}
	for _, code := range codes {
		k := key{c.family.Main(), code}
		e, said := s.data[k]
		data, err := c.pack(s, k)
		if err != nil {
			return Set{}, err
		}
		if d := c.byCode[k]; d != nil && d.Encapsulates != "" {
			if !said {
				e.use = c.asked(s, d.Encapsulates)
			}
			for inner := range s.data {
				if inner.space == d.Encapsulates {
					delete(out.data, inner)
				}
			}
		}
		if said || len(data) > 0 {
			out.data[k] = entry{data: data, use: e.use, whole: true}
		}
	}
	return out, nil
}
