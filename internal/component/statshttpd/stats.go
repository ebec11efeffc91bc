package statshttpd

import "sync/atomic"

// statistics describes the module's statistics items.
type statistics struct {
	Served  int64 `json:"served" help:"requests for statistics that were answered"`
	Failed  int64 `json:"failed" help:"requests for statistics that could not be answered"`
	Refused int64 `json:"connections_refused" help:"connections closed at once since too many were open"`
}

type counters struct{ served, failed, refused atomic.Int64 }

// Stats implements module.Component.
func (c *component) Stats() map[string]any {
	n := &c.counters
	return map[string]any{"served": n.served.Load(), "failed": n.failed.Load(), "connections_refused": n.refused.Load()}
}
