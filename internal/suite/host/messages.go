package host

import "bundy/internal/suite/logging"

// Messages lists the messages of this package.
func Messages() []*logging.Message {
	return []*logging.Message{msgComponentPanic, msgComponentStopFailed, msgConfigGetFailed, msgConnEstablished, msgConnError, msgEventsLost}
}

var (
	msgComponentPanic = logging.NewMessage("BUNDY_COMPONENT_PANIC", logging.Error,
		"component {name} panicked: {value}\n{stack}",
		"A defect of the program made the component stop. It is started again by the rule of its kind. Please report the lines that follow.")

	msgComponentStopFailed = logging.NewMessage("BUNDY_COMPONENT_STOP_FAILED", logging.Warn,
		"component {name} stopped with an error: {why}",
		"The component was told to stop and did, but something went wrong on the way, for example it could not write out a file.")

	msgConfigGetFailed = logging.NewMessage("CONFIG_GET_FAILED", logging.Error,
		"cannot get the configuration: {why}",
		"A process could not read its configuration from the configuration manager. It keeps the one it has.")

	msgConnEstablished = logging.NewDebug("CC_ESTABLISHED", 0,
		"connected to the command channel {path}",
		"A process of the suite has connected to its parent.")

	msgConnError = logging.NewMessage("CC_CONN_ERROR", logging.Fatal,
		"the command channel is lost: {why}",
		"A process of the suite lost the connection to its parent, most likely because the parent ended. It ends as well.")

	msgEventsLost = logging.NewMessage("CC_EVENTS_LOST", logging.Warn,
		"{count} events came faster than they were taken and were lost",
		"Components of this process were too slow for the events on the command channel. Events are hints and what they tell is found otherwise, only later; but the machine may be overloaded.")
)
