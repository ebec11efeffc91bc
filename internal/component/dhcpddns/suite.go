package dhcpddns

import (
	"context"
	"errors"
	"fmt"
	"time"

	"bundy/internal/dns/update"
	"bundy/internal/dns/wire"
	"bundy/internal/naming/owned"
	"bundy/internal/naming/publish"
	"bundy/internal/naming/reconcile"
	"bundy/internal/suite/bus"
)

// ddnsName is the module that changes the zones of this suite.
const ddnsName = "DDNS"

// callTime bounds a call to it. It gives up waiting for a zone that is being loaded after two seconds; what has begun takes as
// long as the disk.
const callTime = 10 * time.Second

// dnsOfSuite implements publish.Suite over the command channel.
type dnsOfSuite struct {
	bus     bus.Client
	timeout time.Duration
}

func (s dnsOfSuite) Update(ctx context.Context, ts []update.Transaction) ([][]error, error) {
	call, err := update.Pack(ts)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", publish.ErrOver, err)
	}
	var reply update.Reply
	if err := s.call(ctx, "update", call, &reply); err != nil {
		return nil, err
	}
	return reply.Errors(ts)
}

func (s dnsOfSuite) Look(ctx context.Context, zone, name wire.Name, types ...wire.Type) (sight update.Sight, err error) {
	l := update.Look{Name: name.String()}
	if zone != "" {
		l.Zone = zone.String()
	}
	for _, t := range types {
		l.Types = append(l.Types, t.String())
	}
	return sight, s.call(ctx, "look", l, &sight)
}

// call asks the module. When it does not run, or refuses, nothing goes on there that could still change a zone.
func (s dnsOfSuite) call(ctx context.Context, command string, args, result any) error {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	err := s.bus.Call(ctx, ddnsName, command, args, result)
	var refusal *bus.Error
	if errors.Is(err, bus.ErrNotRunning) || errors.As(err, &refusal) {
		return fmt.Errorf("%w: %w", publish.ErrOver, err)
	}
	return err
}

// trouble is what is wrong with zones of this suite: why they cannot be changed, by zone. That of "" is why the suite does
// not answer at all. It is told once, and not for each record.
type trouble map[wire.Name]string

// heard takes the result for a record of a zone of this suite, and tells what is news.
func (e *engine) heard(r owned.Record, result publish.Result) {
	log := e.c.deps.Log
	if result.Outcome != reconcile.Failed {
		for _, zone := range []wire.Name{"", r.Zone} {
			if _, bad := e.trouble[zone]; bad {
				delete(e.trouble, zone)
				log.Log(msgSuiteWorks, describe(zone))
			}
		}
		return
	}
	zone, why := r.Zone, result.Reason
	for _, refusal := range result.Refusals {
		if why = refusal.Said(); refusal.Err != nil {
			zone, why = "", refusal.Err.Error()
		}
	}
	if e.trouble[zone] != why {
		e.trouble[zone] = why
		log.Log(msgSuiteTrouble, describe(zone), why)
	}
}

// describe says what cannot be changed.
func describe(zone wire.Name) string {
	if zone == "" {
		return "zones of this suite"
	}
	return "zone " + zone.String()
}

// shown gives the trouble for people.
func (t trouble) shown() map[string]string {
	out := map[string]string{}
	for zone, why := range t {
		out[describe(zone)] = why
	}
	return out
}
