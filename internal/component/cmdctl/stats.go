package cmdctl

import "sync/atomic"

// statistics describes the module's statistics items.
type statistics struct {
	Requests           int64 `json:"requests" title:"requests" help:"HTTP requests answered"`
	Logins             int64 `json:"logins" title:"logins" help:"successful logins and digest authentications"`
	LoginFailures      int64 `json:"login_failures" title:"login failures" help:"logins and digest authentications with a wrong user or password"`
	LoginsDelayed      int64 `json:"logins_delayed" title:"logins delayed" help:"logins refused unseen because others had failed before"`
	SessionsDisplaced  int64 `json:"sessions_displaced" title:"sessions displaced" help:"sessions ended early because there were too many"`
	ConnectionsRefused int64 `json:"connections_refused" title:"connections refused" help:"connections closed at once because there were too many"`
}

type counters struct {
	requests, logins, loginFailures, loginsDelayed, sessionsDisplaced, connectionsRefused atomic.Int64
}

func (c *counters) values() map[string]any {
	return map[string]any{
		"requests":            c.requests.Load(),
		"logins":              c.logins.Load(),
		"login_failures":      c.loginFailures.Load(),
		"logins_delayed":      c.loginsDelayed.Load(),
		"sessions_displaced":  c.sessionsDisplaced.Load(),
		"connections_refused": c.connectionsRefused.Load(),
	}
}
