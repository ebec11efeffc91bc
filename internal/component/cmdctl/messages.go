package cmdctl

import "bundy/internal/suite/logging"

var (
	msgStarted = logging.NewDebug("CMDCTL_STARTED", 0, "listening on {address}",
		"The control interface answers on this address.")
	msgExiting = logging.NewMessage("CMDCTL_EXITING", logging.Info, "exiting",
		"The control interface has stopped.")
	msgCertificateMade = logging.NewMessage("CMDCTL_CERTIFICATE_MADE", logging.Info, "made certificate {file} and key {key}",
		"There was neither a certificate nor a key, as at the first start, so a self-signed certificate was made. Replace the files if you have a certificate from an authority; the change acts on the next connection.")
	msgLogin = logging.NewDebug("CMDCTL_LOGIN", 10, "user {user} logged in from {client}",
		"A user has logged in.")
	msgBadPassword = logging.NewMessage("CMDCTL_BAD_PASSWORD", logging.Info, "wrong password for user {user} from {client}",
		"Somebody tried to log in with a wrong password. Many of these messages mean that somebody tries to guess one; further tries are slowed down.")
	msgNoSuchUser = logging.NewMessage("CMDCTL_NO_SUCH_USER", logging.Info, "unknown user {user} from {client}",
		"Somebody tried to log in as a user who is not in the accounts file, or who has no digest secret there. Add users with bundy-cmdctl-usermgr.")
	msgLoginDelayed = logging.NewMessage("CMDCTL_LOGIN_DELAYED", logging.Info, "login of user {user} from {client} refused for {seconds} more seconds after failures",
		"After several failed logins of a user or from an address, further ones are refused for a growing time.")
	msgNoUserEntries = logging.NewMessage("CMDCTL_NO_USER_ENTRIES_READ", logging.Error, "no user in accounts file {file}",
		"The accounts file is empty, so nobody can log in. Add a user with bundy-cmdctl-usermgr.")
	msgUserDatabaseError = logging.NewMessage("CMDCTL_USER_DATABASE_READ_ERROR", logging.Error, "accounts file {file} cannot be read: {reason}",
		"Nobody can log in until the accounts file can be read. If it is missing, add a user with bundy-cmdctl-usermgr; the change acts at once.")
	msgUserDatabaseWriteError = logging.NewMessage("CMDCTL_USER_DATABASE_WRITE_ERROR", logging.Error, "accounts file {file} cannot be written: {reason}",
		"A row of an older form could not be replaced, or digest secrets that are no longer wanted could not be removed. Check that the user the server runs under may write the file and its directory.")
	msgSendCommand = logging.NewDebug("CMDCTL_SEND_COMMAND", 10, "sending command {command} to module {module} for user {user}",
		"A command is about to be sent to a module.")
	msgCommandSent = logging.NewDebug("CMDCTL_COMMAND_SENT", 10, "command {command} answered by module {module}",
		"A module has answered a command.")
	msgCommandError = logging.NewMessage("CMDCTL_COMMAND_ERROR", logging.Error, "command {command} to module {module} failed: {reason}",
		"A module refused a command or did not answer. The user was told the same reason.")
	msgBadConfigData = logging.NewMessage("CMDCTL_BAD_CONFIG_DATA", logging.Error, "configuration refused: {reason}",
		"The new configuration of the control interface cannot be used. The old one stays in force.")
	msgKeyDenied = logging.NewMessage("CMDCTL_SSL_SETUP_FAILURE_USER_DENIED", logging.Error, "certificate or key may not be read: {reason}",
		"Connections are dropped because the user the server runs under may not read the certificate or its key.")
	msgCertificateError = logging.NewMessage("CMDCTL_SSL_SETUP_FAILURE_READING_CERT", logging.Error, "certificate or key cannot be used: {reason}",
		"Connections are dropped because the certificate or its key is missing, damaged, or one does not belong to the other. Make new ones with bundy-certgen; the change acts on the next connection.")
	msgUncaught = logging.NewMessage("CMDCTL_UNCAUGHT_EXCEPTION", logging.Fatal, "request {request} failed: {reason}",
		"A fault in the program ended one request. Please report it with this message.")
)

// Messages lists the module's log messages.
func Messages() []*logging.Message {
	return []*logging.Message{
		msgStarted, msgExiting, msgCertificateMade, msgLogin, msgBadPassword, msgNoSuchUser, msgLoginDelayed, msgNoUserEntries,
		msgUserDatabaseError, msgUserDatabaseWriteError, msgSendCommand, msgCommandSent, msgCommandError, msgBadConfigData,
		msgKeyDenied, msgCertificateError, msgUncaught,
	}
}
