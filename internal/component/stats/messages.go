package stats

import "bundy/internal/suite/logging"

var (
	msgStarting = logging.NewMessage("STATS_STARTING", logging.Info, "starting, collecting every {seconds} seconds",
		"The collector of statistics starts. With 0 seconds it collects only when somebody asks.")
	msgSendRequest = logging.NewDebug("STATS_SEND_STATISTICS_REQUEST", 10, "asking module {module} for its statistics",
		"A module is asked for its statistics.")
	msgSkipCollecting = logging.NewMessage("STATS_SKIP_COLLECTING", logging.Warn, "no statistics from module {module}: {reason}",
		"A module that runs did not answer in time, or refused. Its last known statistics are shown meanwhile.")
	msgSkipPolling = logging.NewMessage("STATS_SKIP_POLLING", logging.Warn, "statistics not collected: {reason}",
		"The configuration manager could not be asked which modules there are, so nothing was collected this time.")
	msgInvalid = logging.NewMessage("STATS_RECEIVED_INVALID_STATISTICS_DATA", logging.Warn, "statistics of module {module} ignored: {reason}",
		"An item that a module sent does not fit the module's own specification. The item is left out. Please report it.")
)

// Messages lists the module's log messages.
func Messages() []*logging.Message {
	return []*logging.Message{msgStarting, msgSendRequest, msgSkipCollecting, msgSkipPolling, msgInvalid}
}
