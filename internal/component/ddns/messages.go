package ddns

import "bundy/internal/suite/logging"

var (
	msgStarted = logging.NewMessage("DDNS_STARTED", logging.Info, "ready",
		"Dynamic updates are taken from now on.")
	msgShutdown = logging.NewMessage("DDNS_SHUTDOWN", logging.Info, "shutting down",
		"The component was told to stop. Updates that it has accepted are carried out first.")
	msgStopped = logging.NewMessage("DDNS_STOPPED", logging.Info, "stopped",
		"All accepted updates have been answered. From now on the authoritative server answers updates with NOTIMP.")
	msgParseFail = logging.NewMessage("DDNS_REQUEST_PARSE_FAIL", logging.Error, "malformed update from {client}: {reason}",
		"A request was not a well-formed update message and was answered FORMERR. At most some of these messages are written when there are many; the counter malformed tells them all.")
	msgTCPQuota = logging.NewMessage("DDNS_REQUEST_TCP_QUOTA", logging.Warn, "update over TCP from {client} refused: too many are waiting",
		"More updates arrive than the disk can take, and those over TCP that find the queue full are answered SERVFAIL. This message is written once a second at most; the counter overflow tells them all.")
	msgQueueFull = logging.NewMessage("DDNS_REQUEST_QUEUE_FULL", logging.Warn, "update from {client} dropped: too many are waiting",
		"More updates arrive than the disk can take, and those over UDP that find the queue full are dropped: the client tries again. This message is written once a second at most; the counter overflow tells them all.")
	msgReplyFailed = logging.NewMessage("DDNS_RESPONSE_FAILED", logging.Error, "no reply to {client}: {reason}",
		"The reply to an update could not be made. The client will ask again; if the update was carried out, it finds it done.")
	msgUpdateDone = logging.NewDebug("DDNS_UPDATE_DONE", 50, "update from {client} has brought zone {zone}/{class} to serial {serial}",
		"An update is on disk and in service.")
	msgUpdateNotify = logging.NewDebug("DDNS_UPDATE_NOTIFY", 50, "told the suite of the update of zone {zone}/{class}",
		"Other components have been told that the zone has changed.")
	msgUpdateNotifyFail = logging.NewMessage("DDNS_UPDATE_NOTIFY_FAIL", logging.Error, "could not tell {module} of the update of zone {zone}/{class}: {reason}",
		"The zone is updated and served, but the other components of the suite may learn of it late.")

	msgApproved = logging.NewDebug("LIBDDNS_UPDATE_APPROVED", 50, "update from {client} of zone {zone}/{class} approved",
		"The access control list of the zone lets the client update it.")
	msgDenied = logging.NewMessage("LIBDDNS_UPDATE_DENIED", logging.Info, "update from {client} of zone {zone}/{class} denied; key: {key}",
		"The access control list of the zone does not let the client update it, and it was answered REFUSED. If the client should be able to, check DDNS/zones: the origin, the key and the address. At most some of these messages are written when there are many; the counter denied tells them all.")
	msgDropped = logging.NewMessage("LIBDDNS_UPDATE_DROPPED", logging.Info, "update from {client} of zone {zone}/{class} dropped; key: {key}",
		"A rule with the action DROP matched, and the client got no answer.")
	msgNotAuth = logging.NewDebug("LIBDDNS_UPDATE_NOTAUTH", 50, "update from {client} of zone {zone}/{class}, which is not served here",
		"The zone is in no data source, and the client was answered NOTAUTH. The zone of an update must be named exactly.")
	msgProcessingFailed = logging.NewDebug("LIBDDNS_UPDATE_PROCESSING_FAILED", 50, "update from {client} of zone {zone}/{class} not carried out: {reason}",
		"The request asks for something that an update cannot do.")
	msgZoneInvalid = logging.NewMessage("LIBDDNS_ZONE_INVALID_ERROR", logging.Error, "update from {client} would make zone {zone}/{class} unfit: {reason}",
		"The update was answered REFUSED and has no effect, because the zone could not be served after it.")
	msgZoneWarning = logging.NewMessage("LIBDDNS_ZONE_INVALID_WARN", logging.Warn, "after an update of zone {zone}/{class}: {finding}",
		"The update was carried out, but the zone now has a weakness that should be mended.")
	msgCommitFailed = logging.NewMessage("LIBDDNS_UPDATE_DATASRC_COMMIT_FAILED", logging.Info, "update from {client} of zone {zone}/{class} could not be stored: {reason}",
		"The request was answered SERVFAIL and has no effect. The reason tells whether the zone cannot be updated at all, because it is read from a master file, or the database has a problem, as a full disk.")

	msgNameNotInUse = logging.NewMessage("LIBDDNS_PREREQ_NAME_IN_USE_FAILED", logging.Info, "prerequisite of update from {client} of zone {zone}/{class} failed: {reason}",
		"The update asks for a name to be in use, and it is not. The client was answered NXDOMAIN.")
	msgNameInUse = logging.NewMessage("LIBDDNS_PREREQ_NAME_NOT_IN_USE_FAILED", logging.Info, "prerequisite of update from {client} of zone {zone}/{class} failed: {reason}",
		"The update asks for a name to be free, and it is in use. The client was answered YXDOMAIN. When leases are given names, this tells a name that someone else has.")
	msgRRsetMissing = logging.NewMessage("LIBDDNS_PREREQ_RRSET_EXISTS_FAILED", logging.Info, "prerequisite of update from {client} of zone {zone}/{class} failed: {reason}",
		"The update asks for records that are not there, or not as it says. The client was answered NXRRSET.")
	msgRRsetExists = logging.NewMessage("LIBDDNS_PREREQ_RRSET_DOES_NOT_EXIST_FAILED", logging.Info, "prerequisite of update from {client} of zone {zone}/{class} failed: {reason}",
		"The update asks for records not to be there, and they are. The client was answered YXRRSET.")
)

// Messages lists the module's part of the catalogue.
func Messages() []*logging.Message {
	return []*logging.Message{
		msgStarted, msgShutdown, msgStopped, msgParseFail, msgTCPQuota, msgQueueFull, msgReplyFailed, msgUpdateDone, msgUpdateNotify,
		msgUpdateNotifyFail, msgApproved, msgDenied, msgDropped, msgNotAuth, msgProcessingFailed, msgZoneInvalid,
		msgZoneWarning, msgCommitFailed, msgNameNotInUse, msgNameInUse, msgRRsetMissing, msgRRsetExists,
	}
}
