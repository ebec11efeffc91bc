package dhcpddns

import (
	"context"
	"time"

	"bundy/internal/dns/wire"
)

// targetsTime bounds the questions to one domain's servers.
const targetsTime = 10 * time.Second

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

// askTargets asks for the targets of all forward zones anew, beside the engine's work. Only one round runs at a time.
func (e *engine) askTargets(ctx context.Context) {
	domains := e.settings.catalog.Forward
	if e.targetsAsked {
		e.targetsAgain = true
		return
	}
	e.targetsAsked = true
	e.wg.Go(func() {
		for _, d := range domains {
			if d.Any {
				continue
			}
			limited, cancel := context.WithTimeout(ctx, targetsTime)
			names, err := e.c.publisher.Targets(limited, d)
			cancel()
			if err != nil {
				continue // updates to the zone fail as well, and say so
			}
			select {
			case e.c.asks <- func(e *engine) { e.learnTargets(d.Zone, names) }:
			case <-ctx.Done():
				return
			}
		}
		select {
		case e.c.asks <- func(e *engine) {
			e.targetsAsked = false
			if e.targetsAgain {
				e.targetsAgain = false
				e.askTargets(ctx)
			}
		}:
		case <-ctx.Done():
		}
	})
}

// learnTargets takes the targets of one zone. If they are new, every name is judged anew.
func (e *engine) learnTargets(zone wire.Name, names []wire.Name) {
	now := make(map[wire.Name]struct{}, len(names))
	for _, n := range names {
		now[n] = struct{}{}
	}
	old, known := e.targets.zones[zone]
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
