package parent

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"bundy/internal/suite/module"
	"bundy/internal/suite/paths"
	"bundy/internal/suite/schema"
	"bundy/internal/suite/supervisor"
)

// ModuleName is the name of the parent's own module, ComponentName that of the component behind it.
const (
	ModuleName    = "Init"
	ComponentName = "bundy-init"
)

// componentsPath begins the path of every entry.
const componentsPath = ModuleName + "/components/"

// Config is the section Init.
type Config struct {
	Components map[string]Entry `json:"components" default:"{\"bundy-stats\":{\"address\":\"Stats\",\"kind\":\"dispensable\"},\"bundy-cmdctl\":{\"special\":\"cmdctl\",\"kind\":\"needed\"}}" help:"Components to keep running, by name."`
}

// Entry is one component to run.
type Entry struct {
	Special  *string   `json:"special" optional:"true" help:"Selects the component by its short name, as auth, if the name of the entry is not that of a component."`
	Process  *string   `json:"process" optional:"true" help:"Process that hosts the component. Components that name the same process share it."`
	Kind     string    `json:"kind" default:"dispensable" enum:"core,needed,dispensable" help:"What a failure means: core stops the suite, needed stops it at the start and is started again later, dispensable is always started again."`
	Address  *string   `json:"address" optional:"true" help:"Name of the module on the command channel. Accepted for older configurations; each component knows its own."`
	Params   *[]string `json:"params" optional:"true" help:"Accepted for older configurations, never used."`
	Priority *int      `json:"priority" optional:"true" help:"Components with higher numbers are started earlier; absent means 0."`
}

// notHere are the components of the guide that this program does not have, by name and by special. Older
// configurations that list them as dispensable are accepted.
var notHere = map[string]string{
	"bundy-xfrin": "", "bundy-xfrout": "", "bundy-zonemgr": "", "bundy-dhcp6": "",
	"bundy-resolver": "resolver",
}

// implicit are the parts of the parent that were processes once.
var implicit = []string{"sockcreator", "msgq", "cfgmgr"}

// sameProcess are components that share zones and must live together.
var sameProcess = []string{"bundy-auth", "bundy-ddns"}

var processName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$`)

// Describe returns the module Init for a table of components, as the configuration manager and the reference manual
// need it. It cannot be run: the parent runs its own.
func Describe(p paths.Paths, table []*module.Descriptor) *module.Descriptor {
	spec := schema.New(ModuleName, "The parent process, which keeps the configured components running.", Config{}, p)
	spec.Command("shutdown", "Stop the whole system.", nil)
	spec.Command("ping", "Answer pong.", nil)
	spec.Command("show_processes", "List the running components: process id, name of the component, address.", nil)
	spec.PrivateCommand("getstats", "Values of the statistics.", nil)
	spec.Statistic(Statistics{})
	return &module.Descriptor{
		Component: ComponentName,
		Process:   "bundy",
		Spec:      spec,
		Check: func(doc schema.Document) []error {
			_, errs := planOf(spec, table, doc)
			return errs
		},
		Messages: messages,
	}
}

// plan is what a section Init asks for.
type plan struct {
	run     []supervisor.Component
	skipped []string // entries for components that this program does not have
}

func planOf(spec *schema.Module, table []*module.Descriptor, doc schema.Document) (plan, []error) {
	var c Config
	if err := schema.Decode(spec, doc[ModuleName], &c); err != nil {
		return plan{}, []error{err}
	}
	var p plan
	var errs []error
	byModule := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(c.Components)) {
		entry := c.Components[name]
		path := componentsPath + name
		d, err := find(table, name, entry)
		switch {
		case err != nil:
			errs = append(errs, fmt.Errorf("%s%w", path, err))
			continue
		case d == nil && entry.Kind == string(supervisor.Dispensable):
			p.skipped = append(p.skipped, name)
			continue
		case d == nil:
			errs = append(errs, fmt.Errorf("%s/kind: this program has no such component; remove it or make it dispensable", path))
			continue
		}
		if other, ok := byModule[d.Spec.Name]; ok {
			errs = append(errs, fmt.Errorf("%s: %s runs already as %s; one is enough, it uses all processors", path, d.Component, other))
			continue
		}
		byModule[d.Spec.Name] = name
		component := supervisor.Component{Name: name, Program: d.Component, Module: d.Spec.Name}
		if component.Kind, err = supervisor.ParseKind(entry.Kind); err != nil {
			errs = append(errs, fmt.Errorf("%s/kind: %w", path, err))
		}
		if component.Process, err = processOf(table, d, entry); err != nil {
			errs = append(errs, fmt.Errorf("%s/process: %w", path, err))
		}
		if entry.Priority != nil {
			component.Priority = *entry.Priority
		}
		p.run = append(p.run, component)
	}
	return p, append(errs, together(p.run)...)
}

// find returns the component that an entry selects; nil without error when it is one of the guide's that this program
// does not have. The error begins where the path of the entry ends.
func find(table []*module.Descriptor, name string, entry Entry) (*module.Descriptor, error) {
	selected, item := name, ""
	if entry.Special != nil && *entry.Special != "" {
		selected, item = *entry.Special, "/special"
	} else if entry.Process != nil && isComponent(table, *entry.Process) {
		selected, item = *entry.Process, "/process" // the older meaning: the program to run
	}
	if slices.Contains(implicit, strings.TrimPrefix(selected, "bundy-")) || slices.Contains(implicit, strings.TrimPrefix(name, "bundy-")) {
		return nil, errors.New(": is part of bundy itself and must not be listed")
	}
	for _, d := range table {
		if !d.Virtual && (item == "/special" && d.Special == selected || item != "/special" && d.Component == selected) {
			return d, nil
		}
	}
	for foreign, special := range notHere {
		if selected == foreign && item != "/special" || selected == special && item == "/special" {
			return nil, nil
		}
	}
	return nil, fmt.Errorf("%s: unknown component %q", item, selected)
}

func isComponent(table []*module.Descriptor, name string) bool {
	if _, ok := notHere[name]; ok {
		return true
	}
	return slices.ContainsFunc(table, func(d *module.Descriptor) bool { return !d.Virtual && d.Component == name })
}

// processOf returns the process that hosts a component.
func processOf(table []*module.Descriptor, d *module.Descriptor, entry Entry) (string, error) {
	switch {
	case entry.Process == nil || *entry.Process == "" || isComponent(table, *entry.Process):
		if d.Process == "" {
			return d.Component, nil
		}
		return d.Process, nil
	case !processName.MatchString(*entry.Process):
		return "", fmt.Errorf("%q should be up to 32 letters, digits, - and _", *entry.Process)
	case *entry.Process == "bundy" || *entry.Process == ComponentName:
		return "", fmt.Errorf("%q is the parent process, which hosts no components", *entry.Process)
	}
	return *entry.Process, nil
}

func together(list []supervisor.Component) []error {
	var first *supervisor.Component
	for i, c := range list {
		switch {
		case !slices.Contains(sameProcess, c.Program):
		case first == nil:
			first = &list[i]
		case c.Process != first.Process:
			return []error{fmt.Errorf("%s%s/process: %s and %s must share a process, as they share zones; here %q and %q",
				componentsPath, c.Name, first.Program, c.Program, first.Process, c.Process)}
		}
	}
	return nil
}
