package config

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"bundy/internal/suite/bus"
	"bundy/internal/suite/module"
	"bundy/internal/suite/schema"
)

// ModuleName is the name of the configuration manager on the bus.
const ModuleName = "ConfigManager"

// Known are the arguments of get_document: which revision the asker has already, 0 for none. It is not sent again.
type Known struct {
	Number int `json:"known,omitempty"`
}

// Visible is the answer of get_document.
type Visible struct {
	Number   int             `json:"number"` // of the revision
	Document schema.Document `json:"document,omitzero"`
}

// Call answers the commands of the module ConfigManager; it is a bus.Handler. Arguments:
//
//	get_module_spec, get_config      nothing, or {"module_name": M}
//	get_commands_spec, get_statistics_spec   nothing
//	set_config    ["M", {changes}], [{"M": {changes}, ...}], or either form as {"changes": FORM, "author": A, "comment": C}
//	history       nothing; answers a list of Summary
//	show          {"number": N}; answers a Shown
//	rollback      {"number": N, "author": A, "comment": C}
//	get_document  {"module_name": M}, without it everything; answers Visible. For the processes of the suite, which may
//	              add "known": N and get no document when that is its number.
//
// An error is a *bus.Error: code 1 for a refusal, with everything that was wrong, code 2 for an unknown command.
func (k *Keeper) Call(ctx context.Context, command string, args json.RawMessage) (any, error) {
	var result any
	err := module.Protect(func() (err error) { // it runs in the parent, whose end is that of the whole suite
		result, err = k.call(ctx, command, args)
		return err
	})
	var refusal *bus.Error
	if err == nil || errors.As(err, &refusal) {
		return result, err
	}
	return nil, bus.Errorf("%s", err.Error())
}

func (k *Keeper) call(ctx context.Context, command string, args json.RawMessage) (any, error) {
	switch command {
	case "get_module_spec":
		return k.moduleSpec(args)
	case "get_config":
		return k.getConfig(args)
	case "get_commands_spec":
		return k.specParts("commands")
	case "get_statistics_spec":
		return k.specParts("statistics")
	case "set_config":
		changes, by, err := parseSetConfig(args)
		if err != nil {
			return nil, err
		}
		return nil, k.Commit(ctx, changes, by)
	case "history":
		return k.History()
	case "show":
		a, err := parseNumber(args)
		if err != nil {
			return nil, err
		}
		return k.Show(a.Number)
	case "rollback":
		a, err := parseNumber(args)
		if err != nil {
			return nil, err
		}
		return nil, k.Rollback(ctx, a.Number, a.Author)
	case "get_document":
		name, err := moduleName(args)
		if err != nil {
			return nil, err
		}
		var known Known
		if len(args) > 0 {
			if err := json.Unmarshal(args, &known); err != nil {
				return nil, fmt.Errorf("arguments: %w", err)
			}
		}
		document, number := k.Document()
		if name != "" {
			document, number, err = k.DocumentFor(name)
		}
		if err == nil && number == known.Number {
			document = nil
		}
		return Visible{number, document}, err
	}
	return nil, &bus.Error{Code: 2, Text: fmt.Sprintf("Unknown command '%s' to module '%s'", command, ModuleName)}
}

// moduleName reads the optional argument module_name.
func moduleName(args json.RawMessage) (string, error) {
	if len(args) == 0 {
		return "", nil
	}
	var a struct {
		Name string `json:"module_name"`
	}
	if err := json.Unmarshal(args, &a); err != nil {
		return "", fmt.Errorf("arguments: %w", err)
	}
	return a.Name, nil
}

func (k *Keeper) moduleSpec(args json.RawMessage) (any, error) {
	name, err := moduleName(args)
	if err != nil {
		return nil, err
	}
	if name != "" {
		if d := k.byName[name]; d != nil {
			return d.Spec, nil
		}
		return struct{}{}, nil
	}
	all := map[string]*schema.Module{}
	for name, d := range k.byName {
		all[name] = d.Spec
	}
	return all, nil
}

func (k *Keeper) getConfig(args json.RawMessage) (any, error) {
	name, err := moduleName(args)
	if err != nil {
		return nil, err
	}
	document, _ := k.Document()
	if name != "" {
		if section, ok := document[name]; ok {
			return section, nil
		}
		return map[string]any{schema.VersionKey: currentVersion}, nil
	}
	all := map[string]any{schema.VersionKey: currentVersion}
	for name, section := range document {
		all[name] = section
	}
	return all, nil
}

// specParts gives one member of all specifications, by module.
func (k *Keeper) specParts(member string) (any, error) {
	out := map[string]json.RawMessage{}
	for name, d := range k.byName {
		text, err := json.Marshal(d.Spec)
		if err != nil {
			return nil, err
		}
		var parts map[string]json.RawMessage
		if err := json.Unmarshal(text, &parts); err != nil {
			return nil, fmt.Errorf("specification of %s: %w", name, err)
		}
		out[name] = parts[member]
	}
	return out, nil
}

type numberArgs struct {
	Number int `json:"number"`
	Author
}

func parseNumber(args json.RawMessage) (numberArgs, error) {
	var a numberArgs
	if err := json.Unmarshal(args, &a); err != nil {
		return a, fmt.Errorf("arguments: %w", err)
	}
	if a.Number < 1 {
		return a, errors.New("missing 'number'")
	}
	return a, nil
}

// parseSetConfig reads the three forms of arguments of set_config.
func parseSetConfig(args json.RawMessage) (map[string]schema.Section, Author, error) {
	var by Author
	v, err := schema.Parse(args)
	if err != nil {
		return nil, by, fmt.Errorf("arguments of set_config: %w", err)
	}
	changes := v
	if v, ok := v.(map[string]any); ok {
		changes = v["changes"]
		by.Name, _ = v["author"].(string)
		by.Comment, _ = v["comment"].(string)
	}
	if v, ok := changes.([]any); ok {
		if name, ok := first(v).(string); ok && len(v) == 2 {
			changes = map[string]any{name: v[1]}
		} else if len(v) == 1 {
			changes = v[0]
		}
	}
	sections, ok := changes.(map[string]any)
	if !ok {
		return nil, by, errors.New("set_config needs a map of changes by module")
	}
	out := map[string]schema.Section{}
	for name, section := range sections {
		if out[name], ok = section.(map[string]any); !ok {
			return nil, by, fmt.Errorf("%s: the changes of a module should be a map", name)
		}
	}
	return out, by, nil
}

func first(list []any) any {
	if len(list) == 0 {
		return nil
	}
	return list[0]
}
