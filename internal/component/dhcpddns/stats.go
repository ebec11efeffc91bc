package dhcpddns

import (
	"net/netip"
	"sync/atomic"
	"time"

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
	BadRows     uint64 `json:"lease_rows_skipped" help:"rows of the lease file that could not be read"`
	Owned       uint64 `json:"owned" help:"records in the state store"`
	Pending     uint64 `json:"pending" help:"records still to be added or removed, conflicts included"`
	LastSuccess string `json:"last_success" format:"date-time" help:"when a transaction last succeeded"`
}

type counters struct {
	families                            [2]struct{ added, removed, conflicts, failures atomic.Uint64 }
	received, invalid, dropped, full    atomic.Uint64
	reconciled, badRows, owned, pending atomic.Uint64
	verified, restored                  atomic.Uint64
	lastSuccess                         atomic.Int64 // Unix seconds; 0 never
	lastError                           atomic.Value // string: of the last transaction that failed
}

func (c *counters) outcome(a netip.Addr, o reconcile.Outcome, removing bool) {
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
	out := map[string]any{
		"requests_received": c.received.Load(), "requests_invalid": c.invalid.Load(),
		"requests_dropped": c.dropped.Load(), "queue_full": c.full.Load(), "reconciled": c.reconciled.Load(),
		"verified": c.verified.Load(), "restored": c.restored.Load(),
		"lease_rows_skipped": c.badRows.Load(), "owned": c.owned.Load(), "pending": c.pending.Load(),
		"last_success": timeText(c.lastSuccess.Load()),
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
