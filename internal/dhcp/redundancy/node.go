package redundancy

import (
	"context"
	"encoding/json"
	"sync/atomic"
	"time"
)

// Event is published on the command channel when a role has changed. Roles is the command of the module Ha that gives
// all of them: a map of roles by name of group.
const (
	Event = "ha_roles"
	Roles = "roles"
)

const (
	// askAgain is how long a role may be wrong when an event was lost, or while the module Ha is away.
	askAgain = 2 * time.Second

	// patience is what the module Ha gets to answer.
	patience = time.Second

	// grace is how long roles count after the last answer: a busy moment must not end a mastership, but two masters harm
	// more than none. Other nodes take over after three seconds of silence, by the default of VRRP.
	grace = 5 * time.Second
)

// Channel is what a Node needs of the command channel.
type Channel interface {
	Call(ctx context.Context, to, command string, args, result any) error
	Subscribe(event string, fn func(params json.RawMessage)) (cancel func())
}

// Node knows the duties of this node. Duties may be asked at any time from any goroutine; it takes no lock.
type Node struct {
	groups atomic.Pointer[Groups]
	duties atomic.Pointer[Duties]
	look   chan struct{}
}

// NewNode makes a node that is backup of all its groups.
func NewNode(groups *Groups) *Node {
	n := &Node{look: make(chan struct{}, 1)}
	n.Use(groups)
	return n
}

// Use brings other groups into force. The roles of groups that stay go on.
func (n *Node) Use(groups *Groups) {
	old := n.duties.Load()
	roles := map[string]Role{}
	if old != nil {
		for name := range old.masters {
			roles[name] = Master
		}
	}
	n.groups.Store(groups)
	n.duties.Store(NewDuties(groups, roles))
	n.Look()
}

// Duties gives what is to be served now.
func (n *Node) Duties() *Duties { return n.duties.Load() }

// Look lets Run ask for the roles now. It never waits.
func (n *Node) Look() {
	select {
	case n.look <- struct{}{}:
	default:
	}
}

// Run follows the roles until ctx ends. It calls changed, in its own goroutine, whenever the duties are others. Without a
// channel nobody can be asked, and the node stays backup of all groups.
func (n *Node) Run(ctx context.Context, channel Channel, changed func()) {
	if channel == nil {
		return
	}
	cancel := channel.Subscribe(Event, func(json.RawMessage) { n.Look() })
	defer cancel()
	timer := time.NewTimer(0)
	defer timer.Stop()
	var roles map[string]Role
	var answered time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-n.look:
		case <-timer.C:
		}
		groups := n.groups.Load()
		next := NewDuties(groups, nil)
		if len(groups.Names()) > 0 {
			if now, err := ask(ctx, channel); err == nil {
				roles, answered = now, time.Now()
			} else if time.Since(answered) > grace {
				roles = nil
			}
			next = NewDuties(groups, roles)
			timer.Reset(askAgain)
		}
		before := n.duties.Load()
		if ctx.Err() != nil || next.equal(before) || groups != n.groups.Load() {
			continue // other groups ask again by themselves
		}
		if n.duties.CompareAndSwap(before, next) {
			changed()
		}
	}
}

func ask(ctx context.Context, channel Channel) (roles map[string]Role, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err = channel.Call(ctx, Module, Roles, nil, &roles)
	return roles, err
}
