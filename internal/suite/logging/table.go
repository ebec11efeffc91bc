package logging

import "slices"

// table is one configuration at work: which route each logger takes. It is immutable.
type table struct {
	entries  map[string]entry // by "process.library", "process", "*.library" or "*"
	start    threshold
	fallback *output // standard error, for loggers that nothing is configured for
}

type entry struct {
	threshold
	additive bool
	outputs  []*output
}

// route is what becomes of the messages of one logger.
type route struct {
	threshold
	outputs []*output
}

// route finds the entries that concern a logger, the most specific first: the logger itself, the same library of every
// module, the module, every module. The first one decides what passes. Outputs are taken from the first one that has
// some, and from those above it as long as they are additive.
func (t *table) route(process, library string) *route {
	r := &route{threshold: t.start}
	found := false
	done := false
	for i, name := range [...]string{process + "." + library, "*." + library, process, "*"} {
		e, ok := t.entries[name]
		if !ok {
			continue
		}
		if i == 1 {
			if _, explicit := t.entries[process+"."+library]; explicit {
				continue // the explicit name replaces the * form of the same logger
			}
		}
		if !found {
			r.threshold, found = e.threshold, true
		}
		if done {
			continue
		}
		for _, o := range e.outputs {
			if !slices.Contains(r.outputs, o) {
				r.outputs = append(r.outputs, o)
			}
		}
		done = len(e.outputs) > 0 && !e.additive
	}
	if len(r.outputs) == 0 {
		r.outputs = []*output{t.fallback}
	}
	return r
}
