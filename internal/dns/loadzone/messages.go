package loadzone

import "bundy/internal/suite/logging"

var (
	msgDone = logging.NewMessage("LOADZONE_DONE", logging.Info, "Loaded {count} RRs into zone {zone}/{class} in {seconds} seconds",
		"The zone was read, found valid, and stored. What it held before is gone.")
	msgEmptyDone = logging.NewMessage("LOADZONE_EMPTY_DONE", logging.Info, "zone {zone}/{class} exists and is empty",
		"The zone was asked for without contents (option -e). Servers do not answer from it until it is filled.")
	msgCreated = logging.NewMessage("LOADZONE_ZONE_CREATED", logging.Info, "zone {zone}/{class} is new in the database",
		"The database did not have the zone; it is being made.")
	msgUpdating = logging.NewMessage("LOADZONE_ZONE_UPDATING", logging.Info, "zone {zone}/{class} is being replaced",
		"The database has the zone; its contents are being replaced as a whole.")
	msgLoadError = logging.NewMessage("LOADZONE_LOAD_ERROR", logging.Error, "zone {zone}/{class} was not loaded: {reason}",
		"Nothing was changed in the database. The reason names the file and line, or the database, at fault.")
	msgCancelCreate = logging.NewMessage("LOADZONE_CANCEL_CREATE_ZONE", logging.Error, "zone {zone}/{class} was not made, as it could not be loaded",
		"The zone is new, and writing it failed. The database does not have it.")
	msgArgument = logging.NewMessage("LOADZONE_ARGUMENT_ERROR", logging.Error, "{reason}; bundy-loadzone --help shows the arguments",
		"The program was started with arguments that it does not understand.")
	msgDefault = logging.NewMessage("LOADZONE_SQLITE3_USING_DEFAULT_CONFIG", logging.Info, "using the database {file}",
		"No database was named (option -c), so the one of the default configuration is used.")
	msgDatabase = logging.NewMessage("LOADZONE_DATABASE_CREATED", logging.Info, "new database made: {file}",
		"The database file did not exist. If it should have, check the path.")
	msgFileError = logging.NewMessage("LOADZONE_FILE_ERROR", logging.Error, "{finding}",
		"An entry of a master file is wrong. Every error is reported, up to a limit; a file with errors is not loaded.")
	msgFileWarning = logging.NewMessage("LOADZONE_FILE_WARNING", logging.Warn, "{finding}",
		"An entry of a master file is odd, but was understood as the message says.")
	msgCheckError = logging.NewMessage("LOADZONE_CHECK_ERROR", logging.Error, "{finding}",
		"The records can be read, but do not make a valid zone. It is not loaded.")
	msgCheckWarning = logging.NewMessage("LOADZONE_CHECK_WARNING", logging.Warn, "{finding}",
		"The zone is loaded, but something in it is likely a mistake.")
	msgExported = logging.NewMessage("LOADZONE_EXPORTED", logging.Info, "{count} RRs of zone {zone}/{class} were written to {file}",
		"The zone was written as a master file. The file - is standard output.")
	msgExportError = logging.NewMessage("LOADZONE_EXPORT_ERROR", logging.Error, "zone {zone}/{class} was not written: {reason}",
		"The zone could not be read from the database, or the file could not be written.")
	msgChecked = logging.NewMessage("LOADZONE_CHECKED", logging.Info, "zone {zone}/{class} is good: {count} RRs, serial {serial}",
		"The file could be loaded (option --check). Nothing was stored.")
	msgCheckFailed = logging.NewMessage("LOADZONE_CHECK_FAILED", logging.Error, "zone {zone}/{class} cannot be loaded: {reason}",
		"The file was only checked (option --check), and has the errors that stand before.")
	msgRemoved = logging.NewMessage("LOADZONE_REMOVED", logging.Info, "zone {zone}/{class} was removed",
		"The database does not have the zone any more (option --remove). Servers that follow the database end serving it at once.")
	msgRemoveError = logging.NewMessage("LOADZONE_REMOVE_ERROR", logging.Error, "zone {zone}/{class} was not removed: {reason}",
		"The database does not have the zone, or could not be written. Nothing was changed.")
	msgNotified = logging.NewMessage("LOADZONE_NOTIFIED", logging.Info, "the server was told to load zone {zone}/{class}",
		"The running server looks at the zone at once (option --notify). What it finds is in its own log.")
	msgNotifyError = logging.NewMessage("LOADZONE_NOTIFY_ERROR", logging.Warn, "the server was not told of zone {zone}/{class}: {reason}",
		"The zone is loaded, but the server could not be told (option --notify): it does not run, or it runs as another "+
			"user or with another data path. One that runs notices the change within a second, unless it caches the zone.")
	msgReading = logging.NewDebug("LOADZONE_READING", 10, "reading {file}",
		"A master file, or one that it includes, is opened.")
	msgRead = logging.NewDebug("LOADZONE_READ", 40, "{count} different RRs were read in {seconds} seconds",
		"The files were read and the zone is valid; it will be written to the database now.")
)

// Messages lists the messages of this package.
func Messages() []*logging.Message {
	return []*logging.Message{msgDone, msgEmptyDone, msgCreated, msgUpdating, msgLoadError, msgCancelCreate, msgArgument, msgDefault,
		msgDatabase, msgFileError, msgFileWarning, msgCheckError, msgCheckWarning, msgExported, msgExportError, msgChecked, msgCheckFailed, msgRemoved, msgRemoveError,
		msgNotified, msgNotifyError, msgReading, msgRead}
}
