package stats

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"sync"
	"time"

	"bundy/internal/suite/bus"
	"bundy/internal/suite/schema"
)

const (
	// answerTime is what one module gets to answer.
	answerTime = 4 * time.Second

	// maxAsking bounds the modules that are asked at once.
	maxAsking = 8

	// fresh is how old statistics may be when somebody asks for them.
	fresh = time.Second
)

const configManager = "ConfigManager"

// collect asks all modules for their statistics, unless it was done less than maxAge ago, perhaps while this call waited:
// only one collection runs at a time.
func (c *component) collect(ctx context.Context, maxAge time.Duration) {
	select {
	case c.polling <- struct{}{}:
		defer func() { <-c.polling }()
	case <-ctx.Done():
		return
	}
	c.mu.Lock()
	polled := c.polled
	c.mu.Unlock()
	if c.now().Sub(polled) > maxAge {
		c.collectNow(ctx)
	}
}

func (c *component) collectNow(ctx context.Context) {
	var specs map[string]*schema.Module
	if err := c.deps.Bus.Call(ctx, configManager, "get_module_spec", nil, &specs); err != nil {
		c.deps.Log.Log(msgSkipPolling, err)
		return
	}
	old := c.snapshot()
	next := map[string]schema.Section{}
	var mu sync.Mutex // guards next
	var wait sync.WaitGroup
	asking := make(chan struct{}, maxAsking)
	updated := false
	for module, spec := range specs {
		if module == name || len(spec.Statistics) == 0 {
			continue
		}
		asking <- struct{}{}
		wait.Go(func() {
			defer func() { <-asking }()
			values, err := c.ask(ctx, module, spec)
			mu.Lock()
			defer mu.Unlock()
			switch last, known := old[module]; {
			case err == nil:
				next[module], updated = values, true
			case errors.Is(err, bus.ErrNotRunning): // it has vanished, and its statistics with it
			case known:
				next[module] = last
			default:
				next[module] = schema.Complete(spec.Statistics, nil)
			}
		})
	}
	wait.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.values, c.polled = next, c.now()
	if updated {
		c.updated = c.polled
	}
}

// ask gets the statistics of one module: what fits its specification, and the defaults of what it does not send.
func (c *component) ask(ctx context.Context, module string, spec *schema.Module) (schema.Section, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	c.deps.Log.Log(msgSendRequest, module)
	var answer json.RawMessage
	err := c.deps.Bus.Call(ctx, module, "getstats", nil, &answer)
	if err != nil {
		if !errors.Is(err, bus.ErrNotRunning) {
			c.deps.Log.Log(msgSkipCollecting, module, err)
		}
		return nil, err
	}
	v, err := schema.Parse(answer)
	sent, ok := v.(schema.Section)
	if err != nil || !ok {
		c.deps.Log.Log(msgInvalid, module, "the answer is not a map")
		return schema.Complete(spec.Statistics, nil), nil
	}
	accepted := schema.Section{}
	described := &schema.Module{Name: module, Config: spec.Statistics}
	for item, v := range sent {
		one := schema.Section{item: v}
		if errs := schema.Validate(described, one); len(errs) > 0 {
			c.deps.Log.Log(msgInvalid, module, errs[0])
			continue
		}
		accepted[item] = v
	}
	return schema.Complete(spec.Statistics, accepted), nil
}

func (c *component) snapshot() map[string]schema.Section {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.values)
}

// show answers the command show.
func (c *component) show(ctx context.Context, owner, item string) (any, error) {
	if owner == "" && item != "" {
		return nil, incorrect(owner, item)
	}
	c.collect(ctx, fresh)
	all := c.snapshot()
	all[name] = c.Stats()
	if owner == "" {
		return all, nil
	}
	section, ok := all[owner]
	if !ok {
		return nil, incorrect(owner, item)
	}
	if item == "" {
		return map[string]any{owner: section}, nil
	}
	v, ok := section[item]
	if !ok {
		return nil, incorrect(owner, item)
	}
	return map[string]any{owner: map[string]any{item: v}}, nil
}

func incorrect(owner, item string) error {
	return bus.Errorf("specified arguments are incorrect: owner: %s, name: %s", owner, item)
}

// showSchema answers the command showschema from the specifications.
func (c *component) showSchema(ctx context.Context, owner, item string) (any, error) {
	if owner == "" && item != "" {
		return nil, bus.Errorf("module name is not specified")
	}
	var specs map[string]struct {
		Statistics []map[string]any `json:"statistics"`
	}
	if err := c.deps.Bus.Call(ctx, configManager, "get_module_spec", nil, &specs); err != nil {
		return nil, err
	}
	out := map[string][]map[string]any{}
	for module, spec := range specs {
		for _, one := range spec.Statistics {
			if (owner == "" || owner == module) && (item == "" || item == one["item_name"]) {
				out[module] = append(out[module], one)
			}
		}
	}
	if owner != "" && len(out) == 0 {
		return nil, incorrect(owner, item)
	}
	return out, nil
}
