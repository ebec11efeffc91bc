package dhcpddns

import (
	"sync/atomic"
	"time"

	"bundy/internal/naming/owned"
	"bundy/internal/naming/reconcile"
)

// family counts what was done for one address family.
type family struct {
	Added     uint64 `json:"added" help:"records added"`
	Removed   uint64 `json:"removed" help:"records removed"`
	Conflicts uint64 `json:"conflicts" help:"additions refused since the name belongs to somebody else"`
	Failures  uint64 `json:"failures" help:"transactions that failed and are tried again"`
}

// statistics describes the module's statistics items.
type statistics struct {
	V4          family `json:"v4" help:"records of IPv4 addresses"`
	V6          family `json:"v6" help:"records of IPv6 addresses"`
	Received    uint64 `json:"requests_received" help:"name change requests received"`
	Invalid     uint64 `json:"requests_invalid" help:"datagrams that were no usable request or came from elsewhere"`
	Dropped     uint64 `json:"requests_dropped" help:"requests that could not be kept"`
	QueueFull   uint64 `json:"queue_full" help:"times that reading requests paused because the queue was full"`
	Reconciled  uint64 `json:"reconciled" help:"comparisons of an address' leases with its records"`
	Verified    uint64 `json:"verified" help:"records that should be in DNS and were looked for there"`
	Restored    uint64 `json:"restored" help:"names that were gone from DNS and were put back"`
	Found       uint64 `json:"found" help:"records of this installation that were found in DNS and not in the state, and taken over"`
	BadRows     uint64 `json:"lease_rows_skipped" help:"rows of the lease file that could not be read"`
	Owned       uint64 `json:"owned" help:"records in the state store"`
	Pending     uint64 `json:"pending" help:"records still to be added or removed, conflicts included"`
	Updates     totals `json:"dhcp_ddns_updates_total" help:"additions of records, by family, type and result"`
	Deletes     totals `json:"dhcp_ddns_deletes_total" help:"removals of records, by family, type and result"`
	Runs        runs   `json:"dhcp_ddns_reconcile_runs_total" help:"rounds in which leases were compared with records"`
	Retries     uint64 `json:"dhcp_ddns_pending_retries" help:"records still to be added or removed, conflicts included"`
	SuccessTime int64  `json:"dhcp_ddns_last_success_timestamp_seconds" help:"when a transaction last succeeded, in seconds since 1970; 0 never"`
	LastError   string `json:"dhcp_ddns_last_error" help:"name, address and reason of the transaction that failed last"`
	LastSuccess string `json:"last_success" format:"date-time" help:"when a transaction last succeeded"`
}

// totals counts by family, type and result.
type totals struct {
	V4 types4 `json:"v4" help:"records of IPv4 addresses"`
	V6 types6 `json:"v6" help:"records of IPv6 addresses"`
}

type types4 struct {
	A   results `json:"A" help:"A records"`
	PTR results `json:"PTR" help:"PTR records"`
}

type types6 struct {
	AAAA results `json:"AAAA" help:"AAAA records"`
	PTR  results `json:"PTR" help:"PTR records"`
}

type results struct {
	Success  uint64 `json:"success" help:"DNS is as wanted"`
	Conflict uint64 `json:"conflict" help:"the name belongs to somebody else"`
	Failure  uint64 `json:"failure" help:"tried again later"`
}

type runs struct {
	Success uint64 `json:"success" help:"what followed was written down"`
	Failure uint64 `json:"failure" help:"the state could not be written"`
}

// tally counts one kind of work by family, direction and outcome.
type tally [families][2][3]atomic.Uint64

func (t *tally) values() map[string]any {
	out := map[string]any{}
	for family, name := range []string{"v4", "v6"} {
		types := map[string]any{}
		for kind, typ := range []string{[]string{"A", "AAAA"}[family], "PTR"} {
			n := &t[family][kind]
			types[typ] = map[string]any{
				"success": n[reconcile.Done].Load(), "conflict": n[reconcile.Taken].Load(), "failure": n[reconcile.Failed].Load(),
			}
		}
		out[name] = types
	}
	return out
}

type counters struct {
	updates, deletes                    tally
	runs, badRuns                       atomic.Uint64
	families                            [2]struct{ added, removed, conflicts, failures atomic.Uint64 }
	received, invalid, dropped, full    atomic.Uint64
	reconciled, badRows, owned, pending atomic.Uint64
	verified, restored, found           atomic.Uint64
	lastSuccess                         atomic.Int64 // Unix seconds; 0 never
	lastError                           atomic.Value // string: of the last transaction that failed
}

func (c *counters) outcome(k owned.Key, o reconcile.Outcome, removing bool) {
	a, work := k.Address, &c.updates
	if removing {
		work = &c.deletes
	}
	work[familyOf(a)][k.Kind][o].Add(1)
	f := &c.families[0]
	if a.Is6() {
		f = &c.families[1]
	}
	switch {
	case o == reconcile.Failed:
		f.failures.Add(1)
	case o == reconcile.Taken:
		f.conflicts.Add(1)
	case removing:
		f.removed.Add(1)
	default:
		f.added.Add(1)
	}
}

func (c *counters) values() map[string]any {
	last, _ := c.lastError.Load().(string)
	out := map[string]any{
		"requests_received": c.received.Load(), "requests_invalid": c.invalid.Load(),
		"requests_dropped": c.dropped.Load(), "queue_full": c.full.Load(), "reconciled": c.reconciled.Load(),
		"verified": c.verified.Load(), "restored": c.restored.Load(), "found": c.found.Load(),
		"lease_rows_skipped": c.badRows.Load(), "owned": c.owned.Load(), "pending": c.pending.Load(),
		"last_success":            timeText(c.lastSuccess.Load()),
		"dhcp_ddns_updates_total": c.updates.values(), "dhcp_ddns_deletes_total": c.deletes.values(),
		"dhcp_ddns_reconcile_runs_total":           map[string]any{"success": c.runs.Load(), "failure": c.badRuns.Load()},
		"dhcp_ddns_pending_retries":                c.pending.Load(),
		"dhcp_ddns_last_success_timestamp_seconds": c.lastSuccess.Load(), "dhcp_ddns_last_error": last,
	}
	for i, name := range []string{"v4", "v6"} {
		f := &c.families[i]
		out[name] = map[string]any{
			"added": f.added.Load(), "removed": f.removed.Load(), "conflicts": f.conflicts.Load(),
			"failures": f.failures.Load(),
		}
	}
	return out
}

func timeText(unix int64) string {
	if unix == 0 {
		return ""
	}
	return time.Unix(unix, 0).UTC().Format(time.RFC3339)
}
