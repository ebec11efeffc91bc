package grammar

import "fmt"

// Parameter is an argument that a command takes.
type Parameter struct {
	Name     string
	Optional bool
}

// Reason is an error as it is shown to the user.
type Reason string

func (r Reason) Error() string { return string(r) }

func reason(format string, args ...any) error { return Reason(fmt.Sprintf(format, args...)) }

// Fit gives the arguments of a line by the names of a command's parameters. Values in positional form keep their
// quotation marks. Surplus words belong to the last parameter. When there are as many words as mandatory parameters,
// they are for those, although optional ones may stand before them.
func (l Line) Fit(parameters []Parameter) (map[string]string, error) {
	args := map[string]string{}
	if l.Named != nil {
		for _, n := range l.Named {
			if !known(parameters, n.Name) {
				return nil, reason("Unknown parameter '%s' to command '%s' of module '%s'", n.Name, l.Command, l.Module)
			}
			args[n.Name] = n.Value
		}
	} else if err := l.fitWords(parameters, args); err != nil {
		return nil, err
	}
	for _, p := range parameters {
		if _, given := args[p.Name]; !given && !p.Optional {
			return nil, reason("Parameter '%s' is missed for command '%s' of module '%s'", p.Name, l.Command, l.Module)
		}
	}
	return args, nil
}

func (l Line) fitWords(parameters []Parameter, args map[string]string) error {
	if len(l.words) == 0 {
		return nil
	}
	var mandatory []Parameter
	for _, p := range parameters {
		if !p.Optional {
			mandatory = append(mandatory, p)
		}
	}
	if len(l.words) == len(mandatory) {
		parameters = mandatory
	}
	if len(parameters) == 0 {
		return reason("Unknown parameter '%s' to command '%s' of module '%s'", l.text, l.Command, l.Module)
	}
	for i, p := range parameters {
		if i == len(l.words) {
			break
		}
		end := l.words[i].to
		if i == len(parameters)-1 {
			end = l.words[len(l.words)-1].to
		}
		args[p.Name] = l.text[l.words[i].from:end]
	}
	return nil
}

func known(parameters []Parameter, name string) bool {
	for _, p := range parameters {
		if p.Name == name {
			return true
		}
	}
	return false
}
