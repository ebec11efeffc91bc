package parent

import (
	"slices"

	"bundy/internal/suite/host"
	"bundy/internal/suite/logging"
	"bundy/internal/suite/sockets"
	"bundy/internal/suite/supervisor"
)

// Messages lists the messages of this package.
func Messages() []*logging.Message {
	return []*logging.Message{
		msgStarting, msgStartedCC, msgStartupComplete, msgStartupError, msgShutdownComplete, msgReceivedSignal, msgRefreshFailed,
		msgReceivedCommand, msgReconfigureError, msgAlreadyRunning, msgInvalidUser, msgListenerFailed,
		msgPIDFile, msgNotifyError, msgEventsLost,
	}
}

// messages are those of all that the program bundy is made of.
func messages() []*logging.Message {
	return slices.Concat(Messages(), supervisor.Messages(), host.Messages(), sockets.Messages())
}

var (
	msgStarting = logging.NewMessage("BUNDY_STARTING", logging.Info,
		"starting bundy {version}",
		"The parent process begins to start the suite.")
	msgStartedCC = logging.NewDebug("BUNDY_STARTED_CC", 0,
		"the parent's own session on the command channel is up",
		"The parent process answers commands for the module Init.")
	msgStartupComplete = logging.NewMessage("BUNDY_STARTUP_COMPLETE", logging.Info,
		"start-up is complete",
		"Every configured component has started, or failed and waits to be started again.")
	msgStartupError = logging.NewMessage("BUNDY_STARTUP_ERROR", logging.Fatal,
		"cannot start: {why}",
		"The suite could not start. Repair what the message names and start it again.")
	msgShutdownComplete = logging.NewMessage("BUNDY_SHUTDOWN_COMPLETE", logging.Info,
		"all processes have stopped",
		"The suite has stopped.")
	msgReceivedSignal = logging.NewMessage("BUNDY_RECEIVED_SIGNAL", logging.Info,
		"received signal {signal}",
		"The parent process got a signal: SIGHUP asks for a new look at zone files, the others tell it to stop the suite.")
	msgRefreshFailed = logging.NewMessage("BUNDY_REFRESH_FAILED", logging.Error,
		"cannot ask for a new look at files: {error}",
		"SIGHUP came, but the command channel could not carry the request. Zones stay as they were.")
	msgReceivedCommand = logging.NewDebug("BUNDY_RECEIVED_COMMAND", 10,
		"received command {command}",
		"The module Init got a command.")
	msgReconfigureError = logging.NewMessage("BUNDY_RECONFIGURE_ERROR", logging.Error,
		"new components refused: {why}",
		"The section Init of a new configuration cannot be used. Nothing was changed.")
	msgAlreadyRunning = logging.NewMessage("BUNDY_MSGQ_ALREADY_RUNNING", logging.Fatal,
		"a suite is running already: {why}",
		"Another parent process serves the command channel of this directory. Stop it first, or choose another directory with --data-path.")
	msgInvalidUser = logging.NewMessage("BUNDY_INVALID_USER", logging.Fatal,
		"cannot run as another user: {why}",
		"The user given with --user does not exist, or the suite was not started as root.")
	msgListenerFailed = logging.NewMessage("BUNDY_MSGQ_LISTENER_FAILED", logging.Fatal,
		"the command channel takes no connections any more: {why}",
		"No process can be started any more, so the suite stops.")
	msgPIDFile = logging.NewMessage("BUNDY_PID_FILE_ERROR", logging.Warn,
		"cannot remove the pid file: {why}",
		"The file given with --pid-file could not be removed. Its process id will soon be wrong.")
	msgNotifyError = logging.NewMessage("BUNDY_NOTIFY_ERROR", logging.Warn,
		"cannot tell the service manager {state}: {why}",
		"The environment names a socket of a service manager in NOTIFY_SOCKET, and it does not take messages.")
	msgEventsLost = logging.NewMessage("MSGQ_EVENTS_LOST", logging.Warn,
		"{count} events were lost on the way to processes that did not read them",
		"A process was too slow, or stuck, and events for it were dropped so that the others need not wait. Events are hints; what they tell is found otherwise, only later.")
)
