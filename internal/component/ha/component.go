package ha

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"bundy/internal/dhcp/redundancy"
	"bundy/internal/suite/bus"
	"bundy/internal/suite/module"
	"bundy/internal/suite/schema"
)

type component struct {
	deps module.Deps
	now  func() time.Time

	mu      sync.Mutex
	groups  *redundancy.Groups
	states  map[string]state // of groups that were told their role
	start   time.Time
	changes int64
}

// state is the role in one group, as it was told.
type state struct {
	role  redundancy.Role
	since time.Time
}

func newComponent(doc schema.Document, deps module.Deps) (*component, error) {
	groups, errs := redundancy.Parse(doc[name])
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return &component{deps: deps, now: time.Now, groups: groups, states: map[string]state{}}, nil
}

// Run implements module.Component. Nothing is to be done but to answer; whoever knows roles of a former run is told that
// they ended.
func (c *component) Run(ctx context.Context, ready func()) error {
	c.mu.Lock()
	c.start = c.now()
	c.mu.Unlock()
	c.deps.Log.Log(msgStarting, len(c.groups.Names()))
	c.publish()
	ready()
	<-ctx.Done()
	c.mu.Lock()
	clear(c.states)
	c.mu.Unlock()
	c.publish()
	return nil
}

// publish tells that roles changed. A lost event costs the reader a moment: it also asks by itself.
func (c *component) publish() {
	if err := c.deps.Bus.Publish(redundancy.Event, nil); err != nil {
		c.deps.Log.Log(msgNotTold, err)
	}
}

// Prepare implements module.Component. Groups that stay keep their role.
func (c *component) Prepare(_ context.Context, doc schema.Document) (module.Change, error) {
	groups, errs := redundancy.Parse(doc[name])
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return module.Swap(func() {
		c.mu.Lock()
		c.groups = groups
		for group := range c.states {
			if !groups.Has(group) {
				delete(c.states, group)
			}
		}
		c.mu.Unlock()
		c.publish()
	}, nil), nil
}

// Call implements module.Component.
func (c *component) Call(_ context.Context, command string, args map[string]json.RawMessage) (any, error) {
	switch command {
	case "set_role":
		var group, role string
		if err := errors.Join(json.Unmarshal(args["group"], &group), json.Unmarshal(args["role"], &role)); err != nil {
			return nil, bus.Errorf("set_role: %v", err)
		}
		return c.setRole(group, redundancy.Role(role))
	case "status":
		return c.status(), nil
	case redundancy.Roles:
		return c.roles(), nil
	}
	return nil, &bus.Error{Code: 2, Text: fmt.Sprintf("unknown command '%s'", command)}
}

func (c *component) setRole(group string, role redundancy.Role) (any, error) {
	c.mu.Lock()
	if !c.groups.Has(group) {
		c.mu.Unlock()
		return nil, bus.Errorf("group: there is no redundancy group %q", group)
	}
	old, told := c.states[group]
	if !told || old.role != role {
		c.states[group] = state{role, c.now()}
		c.changes++
	}
	c.mu.Unlock()
	if !told || old.role != role {
		c.deps.Log.Log(msgRole, role, group)
	}
	c.publish() // also when nothing changed: who says it again may know of somebody who did not hear
	return map[string]any{"group": group, "role": role}, nil
}

// groupStatus is what is shown of a group.
type groupStatus struct {
	Group string          `json:"group"`
	Role  redundancy.Role `json:"role"`
	Told  bool            `json:"told"`  // false: backup because nobody said anything since the start
	Since string          `json:"since"` // UTC
}

func (c *component) status() any {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := []groupStatus{}
	for _, g := range c.groups.Names() {
		s, told := c.states[g]
		if !told {
			s = state{redundancy.Backup, c.start}
		}
		out = append(out, groupStatus{g, s.role, told, s.since.UTC().Format(time.RFC3339)})
	}
	return map[string]any{"groups": out}
}

func (c *component) roles() map[string]redundancy.Role {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := map[string]redundancy.Role{}
	for _, g := range c.groups.Names() {
		out[g] = redundancy.Backup
		if s, told := c.states[g]; told {
			out[g] = s.role
		}
	}
	return out
}

// Stats implements module.Component.
func (c *component) Stats() map[string]any {
	c.mu.Lock()
	defer c.mu.Unlock()
	masters := 0
	for _, s := range c.states {
		if s.role == redundancy.Master {
			masters++
		}
	}
	return map[string]any{"role_changes": c.changes, "master_groups": masters}
}
