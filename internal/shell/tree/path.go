package tree

import (
	"strconv"
	"strings"
)

// maxSteps bounds identifiers; the deepest item of the suite has about ten steps.
const maxSteps = 64

// path is an identifier taken apart: Module/a/list[0]/b.
type path struct {
	module string
	steps  []step
}

// step leads from one place to a place inside: the element of a list by index, or a member by name.
type step struct {
	name    string
	index   int
	indexed bool
}

// parsePath takes an identifier apart. Slashes at both ends are allowed.
func parsePath(identifier string) (path, error) {
	text := strings.Trim(identifier, "/")
	if text == "" {
		return path{}, errorf("the name of a module is needed")
	}
	var p path
	for i, part := range strings.Split(text, "/") {
		name, indices, err := cutIndices(part, identifier)
		switch {
		case err != nil:
			return path{}, err
		case name == "":
			return path{}, errorf("%s: a name is empty", identifier)
		case i == 0 && len(indices) > 0:
			return path{}, errorf("%s: a module is not a list", identifier)
		case i == 0:
			p.module = name
		default:
			p.steps = append(p.steps, step{name: name})
			p.steps = append(p.steps, indices...)
		}
		if len(p.steps) > maxSteps {
			return path{}, errorf("%.60s...: more than %d parts", identifier, maxSteps)
		}
	}
	return p, nil
}

// cutIndices splits "name[0][1]".
func cutIndices(part, identifier string) (name string, indices []step, err error) {
	open := strings.IndexByte(part, '[')
	if open < 0 {
		if strings.IndexByte(part, ']') >= 0 {
			return "", nil, errorf("%s: ] without [", identifier)
		}
		return part, nil, nil
	}
	for rest := part[open:]; rest != ""; {
		end := strings.IndexByte(rest, ']')
		if rest[0] != '[' || end < 0 {
			return "", nil, errorf("%s: after an index only / or another index may follow", identifier)
		}
		index, err := strconv.ParseUint(rest[1:end], 10, 31)
		if err != nil {
			return "", nil, errorf("%s: %q is not an index", identifier, rest[1:end])
		}
		indices = append(indices, step{index: int(index), indexed: true})
		rest = rest[end+1:]
	}
	if strings.IndexByte(part[:open], ']') >= 0 {
		return "", nil, errorf("%s: ] without [", identifier)
	}
	return part[:open], indices, nil
}

// parent splits off the last step. There must be one.
func (p path) parent() (path, step) {
	last := len(p.steps) - 1
	return path{p.module, p.steps[:last]}, p.steps[last]
}
