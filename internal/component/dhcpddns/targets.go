package dhcpddns

import (
	"context"
	"time"

	"bundy/internal/dns/wire"
	"bundy/internal/naming/reconcile"
)

const (
	// targetsTime bounds the questions to one domain's servers.
	targetsTime = 10 * time.Second

	// targetsWait is how long nothing is sent after the start, or when there is a new zone, before it is known which names in a zone must be
	// kept from clients.
	targetsWait = time.Second
)

// targets is the host names that the zones stand on, which no client may take.
type targets struct {
	zones map[wire.Name]map[wire.Name]struct{} // by zone; one that could not be asked keeps what it had
}

// Barred implements policy.Bar.
func (t *targets) Barred(name wire.Name) string {
	for zone, names := range t.zones {
		if zone == name {
			return "it is the zone itself"
		}
		if _, ok := names[name]; ok {
			return "it is a name server or mail exchanger of " + zone.String()
		}
	}
	return ""
}

// targetsPending tells whether nothing may be sent yet, as the servers of some zone have not said which names must be kept from
// clients. Soon after the start they may be starting too.
func (e *engine) targetsPending(now time.Time) bool {
	if !now.Before(e.targetsHold) {
		return false
	}
	for _, d := range e.settings.catalog.Forward {
		if _, known := e.targets.zones[d.Zone]; !known && !d.Any {
			return true
		}
	}
	e.targetsHold = time.Time{}
	return false
}

// askTargets asks for the targets of all forward zones anew, beside the engine's work. Only one round runs at a time. When no
// server of a zone answers there is another one soon.
func (e *engine) askTargets(ctx context.Context) {
	domains := e.settings.catalog.Forward
	if e.targetsAsked {
		e.targetsAgain = true
		return
	}
	e.targetsAsked = true
	e.wg.Go(func() {
		silent := false
		for _, d := range domains {
			if d.Any {
				continue
			}
			limited, cancel := context.WithTimeout(ctx, targetsTime)
			names, answered, err := e.c.publisher.Targets(limited, d)
			cancel()
			if silent = silent || !answered; err != nil && !answered {
				continue // updates to the zone fail as well, and say so
			}
			select {
			case e.c.asks <- func(e *engine) { e.learnTargets(d.Zone, names, err == nil) }:
			case <-ctx.Done():
				return
			}
		}
		select {
		case e.c.asks <- func(e *engine) { e.targetsTold(ctx, silent) }:
		case <-ctx.Done():
		}
	})
}

// targetsTold ends a round of questions.
func (e *engine) targetsTold(ctx context.Context, silent bool) {
	e.targetsAsked = false
	switch {
	case e.targetsAgain:
		e.targetsAgain = false
		e.askTargets(ctx)
	case silent:
		e.targetsTries++
		e.targetsNext = e.c.now().Add(reconcile.ServerDelay(e.targetsTries, true, jitter()))
	default:
		e.targetsTries = 0
	}
}

// learnTargets takes the targets of one zone, if its servers tell them. If they are new, every name is judged anew.
func (e *engine) learnTargets(zone wire.Name, names []wire.Name, told bool) {
	now := make(map[wire.Name]struct{}, len(names))
	for _, n := range names {
		now[n] = struct{}{}
	}
	old, known := e.targets.zones[zone]
	if known && !told {
		return
	}
	same := known && len(old) == len(now)
	for n := range now {
		if _, ok := old[n]; !ok {
			same = false
		}
	}
	if same {
		return
	}
	if e.targets.zones == nil {
		e.targets.zones = map[wire.Name]map[wire.Name]struct{}{}
	}
	e.targets.zones[zone] = now
	e.markAll()
}
