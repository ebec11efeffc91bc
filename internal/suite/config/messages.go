package config

import "bundy/internal/suite/logging"

var (
	msgConfigFile = logging.NewMessage("CFGMGR_CONFIG_FILE", logging.Info, "configuration is kept in {path}",
		"The configuration manager reads and writes this file. A file that is not there is made at the first commit.")
	msgBackedUp = logging.NewMessage("CFGMGR_BACKED_UP_CONFIG_FILE", logging.Info, "configuration {file} was moved to {backup}",
		"The suite was started with --clear-config. It begins with an empty configuration; the old one is kept under "+
			"the new name, and can be used again by renaming it while the suite is stopped.")
	msgDatabaseUpdate = logging.NewMessage("CFGMGR_AUTOMATIC_CONFIG_DATABASE_UPDATE", logging.Info,
		"the configuration was converted from version {from} to version {to}",
		"The file was written by an older program. It is converted in memory; the file itself changes at the next commit.")
	msgDataReadError = logging.NewMessage("CFGMGR_DATA_READ_ERROR", logging.Fatal, "{why}",
		"The stored configuration cannot be used, and starting without it would stop services silently. Mend the file "+
			"at the place that is named, put back an earlier revision from the history directory beside it, or begin "+
			"anew with --clear-config.")
	msgUnknownModule = logging.NewMessage("CFGMGR_UNKNOWN_MODULE", logging.Warn,
		"the configuration of module {module} in {path} is kept but not used",
		"This program has no module of that name. The section was written by another version; it stays in the file.")
	msgCommitted = logging.NewMessage("CFGMGR_COMMITTED", logging.Info, "revision {number} by {author} changed {modules}",
		"A commit was stored and is in force. The revisions are listed by 'config history'.")
	msgBadUpdateResponse = logging.NewMessage("CFGMGR_BAD_UPDATE_RESPONSE_FROM_MODULE", logging.Error,
		"module {module} did not answer after a commit: {why}",
		"The module had accepted the change, but could not be told how the commit ended. It has probably stopped; it "+
			"reads the stored configuration when it starts again. If it goes on without the new configuration, restart it.")
	msgWriteError = logging.NewMessage("CFGMGR_IOERROR_WHILE_WRITING_CONFIGURATION", logging.Error, "{why}",
		"The commit could not be stored, so it was refused and nothing has changed. Look at the disk and at the "+
			"permissions of the directory, then commit again.")
	msgPublishError = logging.NewMessage("CFGMGR_PUBLISH_FAILED", logging.Error,
		"revision {number} could not be announced: {why}",
		"The commit is stored and in force in the modules it concerns. Others that show the configuration notice later.")
)

// Messages lists the package's part of the message catalogue.
func Messages() []*logging.Message {
	return []*logging.Message{
		msgConfigFile, msgBackedUp, msgDatabaseUpdate, msgDataReadError, msgUnknownModule, msgCommitted,
		msgBadUpdateResponse, msgWriteError, msgPublishError,
	}
}
