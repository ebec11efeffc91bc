package dhcpddns

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"bundy/internal/naming/owned"
	"bundy/internal/naming/publish"
)

// filter is what the command show was asked for.
type filter struct {
	state string // "" for all
	limit int
}

func parseFilter(args map[string]json.RawMessage) (filter, error) {
	f := filter{limit: defaultShown}
	for name, into := range map[string]any{"state": &f.state, "limit": &f.limit} {
		if raw, ok := args[name]; ok {
			if err := json.Unmarshal(raw, into); err != nil {
				return f, fmt.Errorf("argument %s: %w", name, err)
			}
		}
	}
	f.limit = min(max(f.limit, 0), maxShown)
	return f, nil
}

// How many records show gives: by default, and at most, so that the answer stays small enough for the command channel.
const (
	defaultShown = 100
	maxShown     = 10_000
)

// shown is one record as show gives it.
type shown struct {
	Direction string `json:"direction"`
	Record    string `json:"record"` // owner name in DNS
	Name      string `json:"name"`
	Address   string `json:"address"`
	State     string `json:"state"`
	Source    string `json:"source"`
	Zone      string `json:"zone"`
	Tries     uint32 `json:"tries,omitempty"`
	NextTry   string `json:"next_try,omitempty"`
	LastError string `json:"last_error,omitempty"`
}

// show lists records by address, those with something to do first.
func (e *engine) show(f filter) any {
	counts := map[string]int{}
	var records []owned.Record
	for r := range e.store.All() {
		counts[r.State.String()]++
		if f.state == "" || f.state == r.State.String() {
			records = append(records, r)
		}
	}
	slices.SortFunc(records, func(a, b owned.Record) int {
		if x, y := a.State == owned.Present, b.State == owned.Present; x != y {
			if y {
				return -1
			}
			return 1
		}
		return cmp.Or(a.Address.Compare(b.Address), cmp.Compare(a.Kind, b.Kind), a.Name.Compare(b.Name))
	})
	list := make([]shown, 0, min(len(records), f.limit))
	for _, r := range records[:min(len(records), f.limit)] {
		list = append(list, show(r))
	}
	return map[string]any{"total": e.store.Len(), "states": counts, "records": list}
}

// show writes one record.
func show(r owned.Record) shown {
	s := shown{
		Direction: r.Kind.String(), Record: publish.Owner(r.Key, r.Zone).String(), Name: r.Name.String(),
		Address: r.Address.String(), State: r.State.String(), Source: r.Source.String(), Zone: r.Zone.String(),
		Tries: r.Tries, LastError: r.LastError,
	}
	if !r.NextTry.IsZero() {
		s.NextTry = r.NextTry.UTC().Format(time.RFC3339)
	}
	return s
}
