package option

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// MaxDefinitions bounds the operator's definitions: far above the codes that sensible spaces can hold.
const MaxDefinitions = 4096

type key struct {
	space string
	code  uint16
}

type nameKey struct{ space, name string }

// Catalog is a set of definitions: the standard ones and an operator's. It is immutable.
type Catalog struct {
	family Family
	byCode map[key]*Definition
	byName map[nameKey]*Definition
	spaces map[string]bool
	carry  []*Definition // those that encapsulate a space
}

// NewCatalog adds the operator's definitions to the standard ones of a family. Errors are by index of the definition
// refused; the catalog is good for the others.
func NewCatalog(family Family, custom []Definition) (*Catalog, map[int]error) {
	c := &Catalog{
		family: family,
		byCode: map[key]*Definition{},
		byName: map[nameKey]*Definition{},
		spaces: map[string]bool{},
	}
	standard := standard4()
	if family == Family6 {
		standard = standard6()
	}
	for _, d := range standard {
		c.add(&d)
	}
	wrong := map[int]error{}
	for i, d := range custom {
		if i >= MaxDefinitions {
			wrong[i] = fmt.Errorf("more than %d option definitions", MaxDefinitions)
			break
		}
		if err := c.check(&d); err != nil {
			wrong[i] = err
			continue
		}
		d.Fields = slices.Clone(d.Fields)
		d.replaceable = false
		c.add(&d)
	}
	for _, d := range c.byCode {
		if d.Encapsulates != "" {
			c.carry = append(c.carry, d)
		}
	}
	slices.SortFunc(c.carry, func(a, b *Definition) int {
		return cmp.Or(strings.Compare(a.Space, b.Space), int(a.Code)-int(b.Code))
	})
	return c, wrong
}

// Family is the protocol of the catalog.
func (c *Catalog) Family() Family { return c.family }

func (c *Catalog) add(d *Definition) {
	d.family = c.family
	if old := c.byCode[key{d.Space, d.Code}]; old != nil {
		delete(c.byName, nameKey{old.Space, old.Name})
	}
	c.byCode[key{d.Space, d.Code}] = d
	c.byName[nameKey{d.Space, d.Name}] = d
	c.spaces[d.Space] = true
	if d.Encapsulates != "" {
		c.spaces[d.Encapsulates] = true
	}
}

func spaceName(s string) bool { return regexp.MustCompile(`^[A-Za-z0-9_-]+$`).MatchString(s) }

// Enterprise gives the number in the name of a vendor space "vendor-<number>".
func Enterprise(space string) (uint32, bool) {
	digits, ok := strings.CutPrefix(space, "vendor-")
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 10, 32)
	return uint32(n), err == nil
}

func (c *Catalog) check(d *Definition) error {
	switch {
	case d.Name == "" || strings.ContainsAny(d.Name, " \t\r\n"):
		return fmt.Errorf("option name %q must not be empty nor hold blanks", d.Name)
	case d.Code < 1 || int(d.Code) > c.family.MaxCode():
		return fmt.Errorf("option code %d is not in 1 to %d", d.Code, c.family.MaxCode())
	case !spaceName(d.Space):
		return fmt.Errorf("option space %q may hold only letters, digits, - and _", d.Space)
	case !d.Type.valid():
		return fmt.Errorf("unknown option type %q", d.Type)
	case d.Encapsulates != "" && !spaceName(d.Encapsulates):
		return fmt.Errorf("encapsulated space %q may hold only letters, digits, - and _", d.Encapsulates)
	case d.Encapsulates != "" && d.Encapsulates == d.Space:
		return fmt.Errorf("option %q cannot encapsulate its own space %q", d.Name, d.Space)
	case d.Encapsulates != "" && d.Array:
		return fmt.Errorf("option %q cannot be an array and encapsulate a space", d.Name)
	case d.Type == Record && len(d.Fields) == 0:
		return fmt.Errorf("option %q is a record and needs record-types", d.Name)
	case d.Type != Record && len(d.Fields) > 0:
		return fmt.Errorf("option %q has record-types but is of type %q", d.Name, d.Type)
	case d.Array && !d.Type.delimited() && d.Type != Record:
		return fmt.Errorf("option %q cannot be an array of %q: the end of a value could not be found", d.Name, d.Type)
	}
	for i, f := range d.Fields {
		last := i == len(d.Fields)-1
		switch {
		case !f.valid() || f == Empty || f == Record:
			return fmt.Errorf("option %q has a record field of type %q", d.Name, f)
		case !f.delimited() && (!last || d.Array || d.Encapsulates != ""):
			return fmt.Errorf("option %q: a field of type %q must be the last of the record", d.Name, f)
		}
	}
	if d.Encapsulates != "" && d.Type != Empty && d.Type != Record && !d.Type.delimited() {
		return fmt.Errorf("option %q of type %q cannot carry sub-options: its end could not be found", d.Name, d.Type)
	}
	if old := c.byCode[key{d.Space, d.Code}]; old != nil && !old.replaceable {
		return fmt.Errorf("option %d in space %q is already defined as %q", d.Code, d.Space, old.Name)
	}
	if old := c.byName[nameKey{d.Space, d.Name}]; old != nil && old.Code != d.Code {
		return fmt.Errorf("option name %q in space %q already has code %d", d.Name, d.Space, old.Code)
	}
	if c.encloses(d.Encapsulates, d.Space) {
		return fmt.Errorf("option %q: space %q already lies inside %q", d.Name, d.Space, d.Encapsulates)
	}
	return nil
}

// encloses tells whether outer holds inner at any depth: then inner must not hold outer too.
func (c *Catalog) encloses(outer, inner string) bool {
	if outer == "" {
		return false
	}
	for _, d := range c.byCode {
		if d.Space == outer && d.Encapsulates != "" && (d.Encapsulates == inner || c.encloses(d.Encapsulates, inner)) {
			return true
		}
	}
	return false
}

// Lookup finds a definition by space and code, or nil. It must not be changed.
func (c *Catalog) Lookup(space string, code uint16) *Definition { return c.byCode[key{space, code}] }

// ByName finds a definition by space and name, or nil. It must not be changed.
func (c *Catalog) ByName(space, name string) *Definition { return c.byName[nameKey{space, name}] }
