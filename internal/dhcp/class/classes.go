package class

import (
	"errors"
	"fmt"
	"slices"

	"bundy/internal/dhcp/option"
)

// Definition is a class as the operator wrote it.
type Definition struct {
	Name     string
	Test     string // who belongs to it; empty: nobody but by a reservation
	Required bool   // looked at only where a subnet or pool asks for it
}

// Classes is an operator's definitions, ready to be evaluated. It is immutable.
type Classes struct{ all []compiled }

type compiled struct {
	Definition
	test *Expression
	late bool // depends on what is known only when the client's reservation was looked up
}

// NewClasses compiles definitions. Errors come by index. A test may name only classes that are defined before it.
func NewClasses(family option.Family, catalog *option.Catalog, definitions []Definition) (*Classes, map[int]error) {
	c, wrong := &Classes{}, map[int]error{}
	for i, d := range definitions {
		next := compiled{Definition: d}
		switch {
		case d.Name == "":
			wrong[i] = errors.New("the class has no name")
		case c.find(d.Name) != nil:
			wrong[i] = fmt.Errorf("class %q is already defined", d.Name)
		case d.Test != "":
			var err error
			if next.test, err = Compile(family, catalog, d.Test); err != nil {
				wrong[i] = err
				break
			}
			for _, name := range next.test.members {
				before := c.find(name)
				switch {
				case before == nil && !builtin(name):
					wrong[i] = fmt.Errorf("test %q: class %q is not defined before this one", d.Test, name)
				case before != nil:
					next.late = next.late || before.late || before.test == nil
				default:
					next.late = next.late || name == Known || name == Unknown
				}
			}
		}
		c.all = append(c.all, next)
	}
	return c, wrong
}

func (c *Classes) find(name string) *compiled {
	for i := range c.all {
		if c.all[i].Name == name {
			return &c.all[i]
		}
	}
	return nil
}

// Has tells whether a class of that name is defined or needs no definition.
func (c *Classes) Has(name string) bool { return builtin(name) || c.find(name) != nil }

// Names lists the classes in their order.
func (c *Classes) Names() []string {
	var out []string
	for _, d := range c.all {
		out = append(out, d.Name)
	}
	return out
}

// Early adds the classes that a packet belongs to before anything else is known about its client.
func (c *Classes) Early(e *Evaluator, p Packet, s Set) Set { return c.add(e, p, s, false) }

// Late adds those that depend on whether the client has a reservation, and on which one. The set holds KNOWN or UNKNOWN
// and the classes of the reservation.
func (c *Classes) Late(e *Evaluator, p Packet, s Set) Set { return c.add(e, p, s, true) }

func (c *Classes) add(e *Evaluator, p Packet, s Set, late bool) Set {
	for i := range c.all {
		d := &c.all[i]
		if d.test != nil && !d.Required && d.late == late && e.Test(d.test, p, s) {
			s = s.With(d.Name)
		}
	}
	return s
}

// Additional adds those classes of a list that a packet belongs to: one without a test always.
func (c *Classes) Additional(e *Evaluator, p Packet, s Set, names []string) Set {
	for _, name := range names {
		d := c.find(name)
		if d != nil && !slices.Contains(s, name) && (d.test == nil || e.Test(d.test, p, s)) {
			s = s.With(name)
		}
	}
	return s
}
