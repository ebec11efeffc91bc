package host

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"bundy/internal/suite/bus"
)

// register takes the module's public and private names.
func (i *instance) register() (func(), error) {
	name := i.descriptor.Spec.Name
	public, err := i.host.options.Bus.Register(i.ctx, name, i.answer)
	if err != nil {
		return nil, err
	}
	private, err := i.host.options.Bus.Register(i.ctx, ModuleName(name), i.change)
	if err != nil {
		public()
		return nil, err
	}
	return func() {
		private()
		public()
	}, nil
}

// answer runs a command of the module. The arguments are checked against its specification before it sees them.
func (i *instance) answer(ctx context.Context, command string, raw json.RawMessage) (any, error) {
	spec := i.descriptor.Spec
	described := spec.FindCommand(command)
	switch {
	case command == "shutdown":
		return nil, i.shutdown(raw)
	case command == "getstats" && (described != nil || len(spec.Statistics) > 0):
		return i.stats()
	case described == nil:
		return nil, &bus.Error{Code: 2, Text: fmt.Sprintf("unknown command %s of module %s", command, spec.Name)}
	}
	args, err := spec.Arguments(described, raw)
	if err != nil {
		return nil, err
	}
	var result any
	err = i.protect(func() (err error) {
		result, err = i.component.Call(ctx, command, args)
		return err
	})
	return result, err
}

// stats encodes inside protect, as the values may be the component's own types.
func (i *instance) stats() (result any, err error) {
	err = i.protect(func() error {
		text, err := json.Marshal(i.component.Stats())
		result = json.RawMessage(text)
		return err
	})
	return result, err
}

// shutdown ends the component. A process id that is not ours means another process of the same module. What the kind
// of the component says about an unexpected end holds for this one too: it is started again.
func (i *instance) shutdown(raw json.RawMessage) error {
	var args struct {
		PID *int `json:"pid"`
	}
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &args); err != nil {
			return fmt.Errorf("shutdown: %w", err)
		}
	}
	if args.PID == nil || *args.PID == os.Getpid() {
		i.cancel(errStopped)
	}
	return nil
}
