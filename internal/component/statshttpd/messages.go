package statshttpd

import "bundy/internal/suite/logging"

var (
	msgStarted = logging.NewMessage("STATHTTPD_STARTED", logging.Info, "listening on {address}",
		"Statistics are served over HTTP on this address.")
	msgFailed = logging.NewMessage("STATHTTPD_SERVER_DATAERROR", logging.Warn, "statistics not served: {reason}",
		"The collector of statistics, bundy-stats, or the configuration manager did not answer. Whoever asked was told with status 503.")
)

// Messages lists the module's log messages.
func Messages() []*logging.Message { return []*logging.Message{msgStarted, msgFailed} }
