package supervisor

import "bundy/internal/suite/logging"

// Messages lists the messages of this package.
func Messages() []*logging.Message {
	return []*logging.Message{
		msgComponentStart, msgComponentRestart, msgComponentRecovered, msgComponentStop, msgComponentFailed,
		msgComponentStillFails, msgComponentUnsatisfied, msgRestartSkipped,
		msgStartingProcess, msgStartedProcess, msgStartException, msgProcessEnded, msgStopProcess,
		msgSendSigterm, msgSendSigkill, msgStopFailed, msgShutdown, msgMsgqDisappeared,
	}
}

var (
	msgComponentStart = logging.NewMessage("BUNDY_COMPONENT_START", logging.Info,
		"component {name} is starting",
		"The component is told to start.")
	msgComponentRestart = logging.NewDebug("BUNDY_COMPONENT_RESTART", 10,
		"component {name} is starting again",
		"The component failed, as BUNDY_COMPONENT_FAILED said, and is tried again.")
	msgComponentRecovered = logging.NewMessage("BUNDY_COMPONENT_RECOVERED", logging.Info,
		"component {name} serves again",
		"The component had failed, and its restart succeeded.")
	msgComponentStop = logging.NewMessage("BUNDY_COMPONENT_STOP", logging.Info,
		"component {name} is being stopped",
		"The component was removed from the configuration, or is started anew because its entry in Init/components changed.")
	msgComponentFailed = logging.NewMessage("BUNDY_COMPONENT_FAILED", logging.Error,
		"component {name} failed: {how}",
		"The component ended without being told to, or could not start. Whether it is started again depends on its kind; restarts that fail for the same reason are not reported again, and BUNDY_COMPONENT_RECOVERED tells when one succeeds. The reason, and the messages of the component before this one, say what to repair.")
	msgComponentStillFails = logging.NewDebug("BUNDY_COMPONENT_STILL_FAILS", 10,
		"component {name} failed as before: {how}",
		"A restart of the component failed for the reason that BUNDY_COMPONENT_FAILED gave. It is tried again, less and less often, at least once a minute.")
	msgComponentUnsatisfied = logging.NewMessage("BUNDY_COMPONENT_UNSATISFIED", logging.Fatal,
		"component {name} is required and failed, the suite stops",
		"A component of kind core failed, or one of kind needed failed at its start. Repair the cause, or make the component dispensable.")
	msgRestartSkipped = logging.NewMessage("BUNDY_RESTART_COMPONENT_SKIPPED", logging.Info,
		"component {name} is not started again: it was removed",
		"The component had failed and waited for its restart when it was removed from the configuration.")
	msgStartingProcess = logging.NewMessage("BUNDY_STARTING_PROCESS", logging.Info,
		"starting process {name}",
		"The parent is about to start a process.")
	msgStartedProcess = logging.NewDebug("BUNDY_STARTED_PROCESS_PID", 10,
		"started process {name}, PID {pid}",
		"The process was started and has this process id.")
	msgStartException = logging.NewMessage("BUNDY_COMPONENT_START_EXCEPTION", logging.Error,
		"cannot start {name}: {why}",
		"The system refused to start the process, and it is tried again by the rules of the kinds of its components. Or the configuration lists a component that this program does not have: it is accepted because it is dispensable, and never started; remove it to be rid of this message.")
	msgProcessEnded = logging.NewMessage("BUNDY_PROCESS_ENDED", logging.Info,
		"process {name} (PID {pid}) ended: {status}",
		"A process of the suite has ended. Its components are started again by the rules of their kinds, unless they were to stop.")
	msgStopProcess = logging.NewMessage("BUNDY_STOP_PROCESS", logging.Info,
		"asking process {name} to stop",
		"The suite stops, or no configured component uses the process any more.")
	msgSendSigterm = logging.NewMessage("BUNDY_SEND_SIGTERM", logging.Info,
		"sending SIGTERM to {name} (PID {pid})",
		"The process could not be asked to stop, or did not stop in time.")
	msgSendSigkill = logging.NewMessage("BUNDY_SEND_SIGKILL", logging.Info,
		"sending SIGKILL to {name} (PID {pid})",
		"The process did not stop in time, even after SIGTERM, and is ended by force.")
	msgStopFailed = logging.NewMessage("BUNDY_COMPONENT_STOP_TIMEOUT", logging.Error,
		"component {name} did not stop: {why}",
		"A component that was told to stop did not, within the time for it. Its process is ended by force; other components in it are started again.")
	msgShutdown = logging.NewMessage("BUNDY_SHUTDOWN", logging.Info,
		"stopping",
		"The suite was told to stop, or cannot go on, and is stopping its processes.")
	msgMsgqDisappeared = logging.NewMessage("BUNDY_MSGQ_DISAPPEARED", logging.Fatal,
		"the command channel is lost, the suite stops",
		"The parent lost its own connection to the command channel. This is a defect of the program.")
)
