package option

import (
	"fmt"
	"maps"
	"slices"
)

// Set holds configured values, one for each space and code. It is immutable; the zero value is empty.
type Set struct{ data map[key][]byte }

// NewSet makes a set; a later value of the same option replaces an earlier one.
func NewSet(values ...Value) Set {
	s := Set{data: make(map[key][]byte, len(values))}
	for _, v := range values {
		s.data[key{v.Space, v.Code}] = v.Data
	}
	return s
}

// Override gives the set with the values of over in place of its own: a subnet's over the global ones.
func (s Set) Override(over Set) Set {
	out := Set{data: make(map[key][]byte, len(s.data)+len(over.data))}
	maps.Copy(out.data, s.data)
	maps.Copy(out.data, over.data)
	return out
}

// Wire is a set ready to be sent: options of the main space with their sub-options inside, by code; and vendor
// options by enterprise number and code. It is immutable.
type Wire struct {
	Options map[uint8][]byte
	Vendor  map[uint32]map[uint8][]byte
}

// Wire packs a set. An option that carries a space with values is sent even when it is not configured itself,
// provided it has no data of its own. Too long sub-options are an error.
func (c *Catalog) Wire(s Set) (Wire, error) {
	w := Wire{Options: map[uint8][]byte{}, Vendor: map[uint32]map[uint8][]byte{}}
	for k := range s.data {
		data, err := c.pack(s, k)
		if err != nil {
			return Wire{}, err
		}
		if k.space == SpaceDHCP4 {
			w.Options[k.code] = data
		} else if n, ok := Enterprise(k.space); ok {
			if w.Vendor[n] == nil {
				w.Vendor[n] = map[uint8][]byte{}
			}
			w.Vendor[n][k.code] = data
		}
	}
	for _, d := range c.carry {
		if d.Space != SpaceDHCP4 || d.Type != Empty || d.Encapsulates == SpaceRelay || w.Options[d.Code] != nil {
			continue
		}
		data, err := c.pack(s, key{d.Space, d.Code})
		if err != nil {
			return Wire{}, err
		}
		if len(data) > 0 {
			w.Options[d.Code] = data
		}
	}
	return w, nil
}

// pack gives an option's data with sub-options behind it. Definitions cannot be circular (Catalog.check).
func (c *Catalog) pack(s Set, k key) ([]byte, error) {
	out := slices.Clone(s.data[k])
	if out == nil {
		out = []byte{}
	}
	d := c.byCode[k]
	if d == nil || d.Encapsulates == "" {
		return out, nil
	}
	for code := range 255 {
		sub := key{d.Encapsulates, uint8(code)}
		_, configured := s.data[sub]
		if !configured {
			continue
		}
		data, err := c.pack(s, sub)
		if err != nil {
			return nil, err
		}
		if len(data) > 255 {
			return nil, fmt.Errorf("sub-option %d of space %q has %d octets, more than 255", code, sub.space, len(data))
		}
		out = append(append(out, byte(code), byte(len(data))), data...)
	}
	if len(out) > MaxData {
		return nil, fmt.Errorf("option %q with its sub-options has %d octets, more than %d", d.Name, len(out), MaxData)
	}
	return out, nil
}
