package option

import (
	"fmt"
	"maps"
	"slices"
)

// Set holds configured values, one for each space and code. It is immutable; the zero value is empty.
type Set struct{ data map[key]entry }

type entry struct {
	data  []byte
	use   Use
	whole bool // sub-options are in it
}

// NewSet makes a set; a later value of the same option replaces an earlier one.
func NewSet(values ...Value) Set {
	s := Set{data: make(map[key]entry, len(values))}
	for _, v := range values {
		s.data[key{v.Space, v.Code}] = entry{data: v.Data, use: v.Use}
	}
	return s
}

// Override gives the set with the values of over in place of its own: a subnet's over the global ones.
func (s Set) Override(over Set) Set {
	out := Set{data: make(map[key]entry, len(s.data)+len(over.data))}
	maps.Copy(out.data, s.data)
	maps.Copy(out.data, over.data)
	return out
}

// Len is the number of values.
func (s Set) Len() int { return len(s.data) }

// Wire is a set ready to be sent: options of the main space with their sub-options inside, by code; and vendor
// options by enterprise number and code. Options that are never to be sent are not in it, but in Never. It is immutable.
type Wire struct {
	Options map[uint16][]byte
	Vendor  map[uint32]map[uint16][]byte

	Always       []uint16            // codes of Options that every client gets, in order
	VendorAlways map[uint32][]uint16 // the same of Vendor
	Never        map[uint16]bool     // codes of the main space that nobody gets
}

// Wire packs a set. An option that carries a space with values is sent even when it is not configured itself,
// provided it has no data of its own. Too long sub-options are an error.
func (c *Catalog) Wire(s Set) (Wire, error) {
	w := Wire{
		Options: map[uint16][]byte{}, Vendor: map[uint32]map[uint16][]byte{},
		VendorAlways: map[uint32][]uint16{}, Never: map[uint16]bool{},
	}
	for k, e := range s.data {
		enterprise, vendor := Enterprise(k.space)
		main := k.space == c.family.Main()
		if e.use == Never {
			w.Never[k.code] = w.Never[k.code] || main
			continue
		}
		data, err := c.pack(s, k)
		switch {
		case err != nil:
			return Wire{}, err
		case main:
			w.Options[k.code] = data
			if e.use == Always {
				w.Always = append(w.Always, k.code)
			}
		case vendor:
			if w.Vendor[enterprise] == nil {
				w.Vendor[enterprise] = map[uint16][]byte{}
			}
			w.Vendor[enterprise][k.code] = data
			if e.use == Always {
				w.VendorAlways[enterprise] = append(w.VendorAlways[enterprise], k.code)
			}
		}
	}
	for _, d := range c.carry {
		if d.Space != c.family.Main() || d.Type != Empty || d.Encapsulates == SpaceRelay || w.Options[d.Code] != nil || w.Never[d.Code] {
			continue
		}
		data, err := c.pack(s, key{d.Space, d.Code})
		if err != nil {
			return Wire{}, err
		}
		if len(data) > 0 {
			w.Options[d.Code] = data
			if c.asked(s, d.Encapsulates) == Always {
				w.Always = append(w.Always, d.Code)
			}
		}
	}
	slices.Sort(w.Always)
	for _, codes := range w.VendorAlways {
		slices.Sort(codes)
	}
	return w, nil
}

// asked tells whether a value of a space is always to be sent: then so is the option that carries it.
func (c *Catalog) asked(s Set, space string) Use {
	for k, e := range s.data {
		if k.space == space && e.use == Always {
			return Always
		}
	}
	return Asked
}

// pack gives an option's data with sub-options behind it. Definitions cannot be circular (Catalog.check).
func (c *Catalog) pack(s Set, k key) ([]byte, error) {
	out := append([]byte{}, s.data[k].data...)
	d := c.byCode[k]
	if d == nil || d.Encapsulates == "" || s.data[k].whole {
		return out, nil
	}
	for _, code := range s.codes(d.Encapsulates) {
		sub := key{d.Encapsulates, code}
		if s.data[sub].use == Never {
			continue
		}
		data, err := c.pack(s, sub)
		if err != nil {
			return nil, err
		}
		if c.family == Family4 && len(data) > 255 {
			return nil, fmt.Errorf("sub-option %d of space %q has %d octets, more than 255", code, sub.space, len(data))
		}
		out = appendInt(out, uint32(code), c.family.codeSize())
		out = appendInt(out, uint32(len(data)), c.family.codeSize())
		out = append(out, data...)
	}
	if len(out) > c.family.maxData() {
		return nil, fmt.Errorf("option %q with its sub-options has %d octets, more than %d", d.Name, len(out), c.family.maxData())
	}
	return out, nil
}

// codes are those of the values in a space, in order.
func (s Set) codes(space string) []uint16 {
	var out []uint16
	for k := range s.data {
		if k.space == space {
			out = append(out, k.code)
		}
	}
	slices.Sort(out)
	return out
}
