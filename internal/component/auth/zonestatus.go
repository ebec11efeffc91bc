package auth

import (
	"encoding/json"
	"fmt"

	"bundy/internal/dns/authority"
	"bundy/internal/dns/wire"
	"bundy/internal/dns/zone"
)

// maxListedZones bounds the zones that the command zonestatus lists: as many as a person can look through.
const maxListedZones = 1000

// zonestatusArgs are the arguments of the command zonestatus.
type zonestatusArgs struct {
	Origin *string `json:"origin" help:"Name of a zone; without it all are told of, those with trouble first if there are more than a thousand."`
	Class  string  `json:"class" default:"IN" optional:"true" help:"Class of the zone."`
}

// zoneState is what is told of one zone.
type zoneState struct {
	State   string       `json:"state"`            // served, stale or failed
	Serial  *zone.Serial `json:"serial,omitempty"` // of what is served
	Records int          `json:"records,omitempty"`
	Source  string       `json:"source"`
	Reason  string       `json:"reason,omitempty"` // why it is not served, or not as it is stored
}

// zoneList is what is told of all zones.
type zoneList struct {
	Served  int                             `json:"served"`
	Stale   int                             `json:"stale"`
	Failed  int                             `json:"failed"`
	Omitted int                             `json:"omitted"` // zones that are counted, but not listed
	Zones   map[string]map[string]zoneState `json:"zones"`   // by class and origin
}

// zoneStatus answers the command.
func (c *component) zoneStatus(args map[string]json.RawMessage) (any, error) {
	a := zonestatusArgs{Class: "IN"}
	for name, to := range map[string]any{"class": &a.Class, "origin": &a.Origin} {
		if raw, ok := args[name]; ok {
			if err := json.Unmarshal(raw, to); err != nil {
				return nil, fmt.Errorf("zonestatus: argument %s: %w", name, err)
			}
		}
	}
	if a.Origin == nil {
		return listZones(c.authority.Status()), nil
	}
	class, err := wire.ParseClass(a.Class)
	if err != nil {
		return nil, fmt.Errorf("zonestatus: %w", err)
	}
	origin, err := wire.ParseName(*a.Origin)
	if err != nil {
		return nil, fmt.Errorf("zonestatus: %w", err)
	}
	z, ok := c.authority.StatusOf(class, origin)
	if !ok {
		return nil, fmt.Errorf("zonestatus: %s/%s: %w", origin, class, authority.ErrNotServed)
	}
	return stateOf(z), nil
}

// stateOf says it in words.
func stateOf(z authority.ZoneStatus) zoneState {
	s := zoneState{State: "served", Source: z.Source}
	if z.Err != nil {
		s.Reason = z.Err.Error()
		s.State = "stale"
	}
	if z.Served {
		s.Serial, s.Records = &z.Serial, z.Records
	} else {
		s.State = "failed"
	}
	return s
}

func listZones(all []authority.ZoneStatus) zoneList {
	list := zoneList{Zones: map[string]map[string]zoneState{}}
	listed := 0
	add := func(z authority.ZoneStatus) {
		if listed++; listed > maxListedZones {
			list.Omitted++
			return
		}
		class := list.Zones[z.Class.String()]
		if class == nil {
			class = map[string]zoneState{}
			list.Zones[z.Class.String()] = class
		}
		class[z.Origin.String()] = stateOf(z)
	}
	for _, z := range all {
		switch {
		case !z.Served:
			list.Failed++
			add(z)
		case z.Err != nil:
			list.Stale++
			add(z)
		default:
			list.Served++
		}
	}
	for _, z := range all {
		if z.Served && z.Err == nil {
			add(z)
		}
	}
	return list
}
