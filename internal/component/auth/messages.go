package auth

import "bundy/internal/suite/logging"

var (
	msgCreated = logging.NewMessage("AUTH_SERVER_CREATED", logging.Info, "the authoritative server was made",
		"The server has its first configuration. It does not answer yet.")
	msgStarted = logging.NewMessage("AUTH_SERVER_STARTED", logging.Info, "answering on {addresses}, {zones} zones",
		"The server is ready: its addresses are open and its zones are loaded.")
	msgExiting = logging.NewMessage("AUTH_SERVER_EXITING", logging.Info, "stopping",
		"The server was told to stop. Queries that have arrived are still answered.")
	msgCommand = logging.NewDebug("AUTH_RECEIVED_COMMAND", 10, "command {command}",
		"The server was given a command over the command channel.")
	msgCommandFailed = logging.NewMessage("AUTH_COMMAND_FAILED", logging.Error, "command {command} failed: {reason}",
		"A command could not be carried out. The server goes on as it was.")
	msgConfigLoad = logging.NewMessage("AUTH_CONFIG_LOAD_FAIL", logging.Error, "the configuration cannot be used: {reason}",
		"The server was started with a configuration that it cannot use.")
	msgConfigUpdate = logging.NewMessage("AUTH_CONFIG_UPDATE_FAIL", logging.Error, "the new configuration was refused: {reason}",
		"A change of the configuration cannot be carried out. The server goes on with the old one.")
	msgPacket = logging.NewDebug("AUTH_PACKET_RECEIVED", 50, "request from {client}: {octets} octets, {name} {type} {class}",
		"A message with a readable question has arrived.")
	msgNormal = logging.NewDebug("AUTH_SEND_NORMAL_RESPONSE", 50, "reply to {client}: {octets} octets, {rcode}",
		"A query is answered.")
	msgErrorReply = logging.NewDebug("AUTH_SEND_ERROR_RESPONSE", 50, "reply to {client}: {octets} octets, {rcode}",
		"A message is answered with an error without being looked at further.")
	msgProtocol = logging.NewDebug("AUTH_PACKET_PROTOCOL_FAILURE", 40, "message from {client} refused: {rcode}",
		"A message is malformed, or of a version of EDNS that the server does not speak.")
	msgTSIG = logging.NewMessage("AUTH_TSIG_FAIL", logging.Info, "signature of {client} refused: {reason}",
		"A message carries a signature that cannot be verified: the key is not in tsig_keys, its secret or algorithm "+
			"differs, or a clock is wrong. At most some of these messages are written when there are many; the counter badsig tells them all.")
	msgUnreadable = logging.NewMessage("AUTH_STORED_ZONE_UNREADABLE", logging.Error, "{name} {type} {class} answered SERVFAIL: {reason}",
		"A data source with cache-enable false has the zone, whose database could not be read for this answer. It is tried again with the next query. "+
			"At most some of these messages are written when there are many; the counter of SERVFAIL tells them all.")
	msgNoKey = logging.NewMessage("AUTH_ACL_KEY_UNKNOWN", logging.Warn, "an access control list asks for key {key}, which is not in tsig_keys",
		"No query can be signed with this key, so that conditions which ask for it never hold. Either the key is still to be added, or its name is misspelled in Auth/query_acl or the lists of Auth/zones.")
	msgRefusedByACL = logging.NewDebug("AUTH_QUERY_REFUSED_BY_ACL", 40, "query {name} {type} {class} from {client}: {action}",
		"The access control list query_acl does not let this client ask.")
	msgRateLimited = logging.NewDebug("AUTH_RATE_LIMITED", 40, "answer to {name} {type} {class} for {client} held back",
		"More of the same than rate_limit allows would go to the network of this client, as in an attack with forged "+
			"addresses. The answer was dropped or truncated, or would have been without log_only.")
	msgAXFRUDP = logging.NewDebug("AUTH_AXFR_UDP", 40, "transfer of {zone} asked over UDP by {client}",
		"Zone transfers need TCP. The client is answered FORMERR.")
	msgOpcode = logging.NewDebug("AUTH_UNSUPPORTED_OPCODE", 40, "opcode {opcode} from {client}",
		"A message asks for an operation that the server does not have. It is answered NOTIMP.")
	msgNotify = logging.NewDebug("AUTH_RECEIVED_NOTIFY", 40, "NOTIFY for {zone}/{class} from {client}",
		"Another server says that a zone has changed. The zone is primary here, so nothing follows from it.")
	msgNotifyNotAuth = logging.NewDebug("AUTH_RECEIVED_NOTIFY_NOTAUTH", 40, "NOTIFY for {zone}/{class} from {client}: no such zone",
		"Another server says that a zone has changed which is not served here. It is answered NOTAUTH.")
	msgNotifyType = logging.NewDebug("AUTH_NOTIFY_RRTYPE", 40, "NOTIFY from {client} is about {type}, not SOA",
		"Only changes of zones can be notified. It is answered FORMERR.")
	msgNotifyQuestions = logging.NewDebug("AUTH_NOTIFY_QUESTIONS", 40, "NOTIFY from {client} has {count} questions",
		"A NOTIFY must be about one zone. It is answered FORMERR.")
	msgBadQuestions = logging.NewDebug("AUTH_QUERY_QUESTIONS", 40, "message from {client} has {count} questions",
		"A message must have one question. It is answered FORMERR.")
	msgStartForwarder = logging.NewDebug("AUTH_START_DDNS_FORWARDER", 10, "told to hand updates on",
		"An old caller asks for updates to be handed on. They are as soon as something in the process handles them.")
	msgStopForwarder = logging.NewDebug("AUTH_STOP_DDNS_FORWARDER", 10, "told not to hand updates on",
		"An old caller asks for updates to be refused. They are when nothing in the process handles them.")
	msgLoadTSIG = logging.NewDebug("AUTH_LOAD_TSIG", 40, "the keys of tsig_keys are in use", "The ring of TSIG keys was replaced.")

	msgReconfigure = logging.NewMessage("AUTH_DATASRC_CLIENTS_BUILDER_RECONFIGURE_STARTED", logging.Info, "loading the data sources",
		"The data sources are loaded by a new configuration. Until that is done the old zones are served.")
	msgReconfigured = logging.NewMessage("AUTH_DATASRC_CLIENTS_BUILDER_RECONFIGURE_SUCCESS", logging.Info, "data sources of generation {generation} are in use, {zones} zones",
		"The zones of the new data sources are served. The generation counts the changes since the start.")
	msgReconfigureError = logging.NewMessage("AUTH_DATASRC_CLIENTS_BUILDER_RECONFIGURE_ERROR", logging.Error, "the data sources cannot be used: {reason}",
		"The data sources of a new configuration cannot be opened. The old ones stay in use.")
	msgLoaded = logging.NewDebug("AUTH_DATASRC_CLIENTS_BUILDER_LOAD_ZONE", 10, "zone {zone}/{class} is loaded",
		"A zone was loaded again and is served.")
	msgReloaded = logging.NewMessage("AUTH_ZONES_RELOADED", logging.Info, "looked for zones that have changed: {zones}",
		"The command reload, or SIGHUP to the suite, has looked at all zones that are not followed, and tried to load again this many of them.")
	msgTellFailed = logging.NewMessage("AUTH_ZONE_EVENT_FAILED", logging.Error, "the suite cannot be told that zone {zone} was loaded: {reason}",
		"The command channel does not take the event. Names of leases that are missing in the zone now come back at the next round of verification only.")
	msgLoadFailed = logging.NewMessage("AUTH_DATASRC_CLIENTS_BUILDER_COMMAND_ERROR", logging.Error, "loading zone {zone}/{class} failed: {reason}",
		"A zone could not be loaded again. If it was served before, it still is, as it was.")

	msgZoneError = logging.NewMessage("DATASRC_LOAD_ZONE_ERROR", logging.Error, "zone {zone}/{class} of {source} cannot be loaded: {reason}",
		"The zone is answered SERVFAIL, or served as it was if it was loaded before. Other zones are not affected. Mend "+
			"the data and use `Auth loadzone`.")
	msgCheckError = logging.NewMessage("DATASRC_CHECK_ERROR", logging.Error, "zone {zone}/{class}: {finding}",
		"The zone breaks a rule that every zone must keep and cannot be served.")
	msgCheckWarning = logging.NewMessage("DATASRC_CHECK_WARNING", logging.Warn, "zone {zone}/{class}: {finding}",
		"The zone is served, but something in it is most likely not meant so.")
	msgFileError = logging.NewMessage("DATASRC_MASTER_LOAD_ERROR", logging.Error, "zone {zone}/{class}: {finding}",
		"A master file has an error at the place shown.")
	msgFileWarning = logging.NewMessage("DATASRC_MASTER_LOAD_WARN", logging.Warn, "zone {zone}/{class}: {finding}",
		"A master file was read, but something in it is most likely not meant so.")
	msgNotFound = logging.NewMessage("DATASRC_CACHE_ZONE_NOTFOUND", logging.Error, "zone {zone}/{class} is not in {source}",
		"A zone of the list cache-zones is not in the database. It is passed over.")
	msgLibrary = logging.NewMessage("DATASRC_LIBRARY_ERROR", logging.Error, "data source {source} of class {class} cannot be used: {reason}",
		"The type of the data source is not known. It is passed over; the others are served.")
	msgSQLiteSetup = logging.NewMessage("DATASRC_SQLITE_SETUP", logging.Warn, "new database made: {file}",
		"The database of a data source was not there and was made, empty. Load zones with bundy-loadzone.")
	msgSQLiteUnavailable = logging.NewMessage("DATASRC_SQLITE_OPEN_ERROR", logging.Error, "database {file} cannot be opened and is tried again: {reason}",
		"The database of a data source could not be opened when the server started. The zones of the other data sources are served. Queries for the zones of this one are refused until it can be opened, which is tried every second.")
	msgSQLiteOpened = logging.NewMessage("DATASRC_SQLITE_OPENED", logging.Info, "database {file} is opened and its zones are loaded",
		"A database that could not be opened before, or whose file was replaced by another one, was opened. Its zones are served.")
	msgSQLiteFailed = logging.NewMessage("DATASRC_SQLITE_READ_ERROR", logging.Error, "database {file} cannot be read: {reason}",
		"A database in use could not be read. Its zones are served as they were.")
)

// Messages lists the messages of the component.
func Messages() []*logging.Message {
	return []*logging.Message{
		msgCreated, msgStarted, msgExiting, msgCommand, msgCommandFailed, msgConfigLoad, msgConfigUpdate,
		msgPacket, msgNormal, msgErrorReply, msgProtocol, msgTSIG, msgUnreadable, msgNoKey, msgRefusedByACL, msgRateLimited, msgAXFRUDP, msgOpcode, msgNotify, msgNotifyNotAuth,
		msgNotifyType, msgNotifyQuestions, msgBadQuestions, msgStartForwarder, msgStopForwarder, msgLoadTSIG, msgReconfigure, msgReconfigured, msgReconfigureError, msgLoaded, msgReloaded, msgTellFailed,
		msgLoadFailed, msgZoneError, msgCheckError, msgCheckWarning, msgFileError, msgFileWarning, msgNotFound, msgLibrary,
		msgSQLiteSetup, msgSQLiteUnavailable, msgSQLiteOpened, msgSQLiteFailed,
	}
}
