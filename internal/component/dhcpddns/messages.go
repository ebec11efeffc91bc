package dhcpddns

import "bundy/internal/suite/logging"

var (
	msgStarted = logging.NewMessage("DHCP_DDNS_STARTED", logging.Info, "receiving requests on {address}, {records} records owned",
		"The DHCP-DDNS server works. It compares leases and records at once, so names that changed while it was not running are put right.")
	msgShutdown = logging.NewMessage("DHCP_DDNS_SHUTDOWN", logging.Info, "stopped with {pending} records left to do",
		"The DHCP-DDNS server has stopped in order. What was left to do is on disk and is done after the next start.")
	msgConfigured = logging.NewMessage("DHCP_DDNS_CONFIGURED", logging.Info, "{forward} forward and {reverse} reverse domains, lease file {file}",
		"A configuration is in force. The lease file is the one that the DHCPv4 server of this suite keeps, none if that makes no updates.")
	msgQueueStarted = logging.NewDebug("DHCP_DDNS_QUEUE_MGR_STARTED", 0, "receiving name change requests on {address}",
		"The server listens for requests of DHCP servers.")
	msgQueueFull = logging.NewMessage("DHCP_DDNS_QUEUE_MGR_QUEUE_FULL", logging.Error, "{limit} requests are waiting, so newer ones wait in the socket and may be lost",
		"Requests arrive faster than they can be written to disk. Leases of this suite's own server are not affected, since its lease file is followed. Look for a slow disk, or for somebody who floods the port.")
	msgQueueResumed = logging.NewMessage("DHCP_DDNS_QUEUE_MGR_RESUMED", logging.Info, "receiving name change requests again",
		"The queue of requests has room again.")
	msgJournalError = logging.NewMessage("DHCP_DDNS_QUEUE_MGR_JOURNAL_ERROR", logging.Error, "requests wait in the socket: {reason}",
		"A request that has arrived cannot be written to the journal, which keeps it in case the process is killed, so no more are read for now and some may be lost. Look for a full disk, or for somebody who floods the port.")
	msgReceiveError = logging.NewMessage("DHCP_DDNS_QUEUE_MGR_RECV_ERROR", logging.Error, "receiving requests on {address} failed: {reason}",
		"The socket for requests failed. It is read again after a second.")
	msgInvalidNCR = logging.NewMessage("DHCP_DDNS_INVALID_NCR", logging.Error, "request from {source} dropped: {reason}",
		"A datagram was no usable name change request, or came from an address that is not in DhcpDdns/allow_from. Such messages are written at most once a second; all are counted.")
	msgRequest = logging.NewDebug("DHCP_DDNS_REQUEST_RECEIVED", 40, "{change} {name} {address} from {source}",
		"A name change request has arrived.")
	msgNoForward = logging.NewMessage("DHCP_DDNS_NO_FWD_MATCH_ERROR", logging.Error, "no forward domain for {name} of {address}",
		"A name is in none of the domains below DhcpDdns/forward_ddns, so no A or AAAA record is made. The reverse record is not affected. Add the domain, or set the qualifying suffix of the DHCP server to one that is served. Such messages are written at most once a second.")
	msgNoReverse = logging.NewMessage("DHCP_DDNS_NO_REV_MATCH_ERROR", logging.Error, "no reverse domain for {address} of {name}",
		"An address is in none of the domains below DhcpDdns/reverse_ddns, so no PTR record is made. The forward record is not affected. Such messages are written at most once a second.")
	msgNoMatch = logging.NewMessage("DHCP_DDNS_NO_MATCH", logging.Warn, "neither direction of {name} can be published",
		"A name change request was dropped, since no domain matches in either direction.")
	msgWantsFull = logging.NewMessage("DHCP_DDNS_REQUEST_REFUSED", logging.Error, "request for {address} dropped: {reason}",
		"A name change request could not be kept. If there are too many addresses, somebody probably sends requests that no DHCP server makes.")
	msgAdded = logging.NewMessage("DHCP_DDNS_ADD_SUCCEEDED", logging.Info, "added {direction} {name} {address}",
		"The record of a lease is in DNS.")
	msgRemoved = logging.NewMessage("DHCP_DDNS_REMOVE_SUCCEEDED", logging.Info, "removed {direction} {name} {address}",
		"The record of a lease that ended or changed is out of DNS.")
	msgRestored = logging.NewMessage("DHCP_DDNS_RESTORED", logging.Warn, "put back {direction} {name} {address}, which was gone from DNS",
		"The record of an active lease was no longer in DNS and is there again. Somebody deleted it, loaded the zone anew without it, or restored a name server from a backup.")
	msgAddFailed = logging.NewMessage("DHCP_DDNS_ADD_FAILED", logging.Error, "adding {direction} {name} {address} failed, tried again later: {reason}",
		"No name server of the domain did it. The reason is that of the last one. Nothing is lost: it is tried until it works or the lease ends. Further failures of the same record are debug messages.")
	msgRemoveFailed = logging.NewMessage("DHCP_DDNS_REMOVE_FAILED", logging.Error, "removing {direction} {name} {address} failed, tried again later: {reason}",
		"No name server of the domain did it. It is tried until it works. Further failures of the same record are debug messages.")
	msgAgainFailed = logging.NewDebug("DHCP_DDNS_RETRY_FAILED", 10, "{direction} {name} {address} failed {tries} times: {reason}",
		"A record that could not be added or removed before failed again.")
	msgConflict = logging.NewMessage("DHCP_DDNS_CONFLICT", logging.Warn, "{direction} {name} {address} not added: {reason}",
		"The name in DNS belongs to another client or was made by an operator, and is left alone. It is tried again now and then, and at once when the other's record is removed by this server.")
	msgSkipped = logging.NewDebug("DHCP_DDNS_SKIPPED", 10, "{direction} {name} {address} not added: {reason}",
		"The name in DNS is somebody else's, and the conflict policy skip-existing says that this is no news. It is tried again now and then.")
	msgLeft = logging.NewMessage("DHCP_DDNS_LEFT", logging.Warn, "{direction} {name} {address} stays in DNS: {reason}",
		"The record of a lease that ended or changed was made by this server, but somebody has changed the name since, so that it is left to him.")
	msgForwardAddRejected = logging.NewMessage("DHCP_DDNS_FORWARD_ADD_REJECTED", logging.Error, "{server} refused to add {name}: {rcode}",
		"A name server refused an update. REFUSED mostly means that its access control does not allow updates by this host or key, NOTAUTH that it does not know the key or is not primary for the zone.")
	msgForwardRemoveRejected = logging.NewMessage("DHCP_DDNS_FORWARD_REMOVE_REJECTED", logging.Error, "{server} refused to remove {name}: {rcode}",
		"A name server refused an update; see DHCP_DDNS_FORWARD_ADD_REJECTED.")
	msgReverseAddRejected = logging.NewMessage("DHCP_DDNS_REVERSE_ADD_REJECTED", logging.Error, "{server} refused to add {name}: {rcode}",
		"A name server refused an update; see DHCP_DDNS_FORWARD_ADD_REJECTED.")
	msgReverseRemoveRejected = logging.NewMessage("DHCP_DDNS_REVERSE_REMOVE_REJECTED", logging.Error, "{server} refused to remove {name}: {rcode}",
		"A name server refused an update; see DHCP_DDNS_FORWARD_ADD_REJECTED.")
	msgForwardIOError = logging.NewMessage("DHCP_DDNS_FORWARD_ADD_IO_ERROR", logging.Error, "no answer about {name}: {server}",
		"A name server did not answer an update, or with something that is no answer or not signed as it should be.")
	msgReverseIOError = logging.NewMessage("DHCP_DDNS_REVERSE_ADD_IO_ERROR", logging.Error, "no answer about {name}: {server}",
		"A name server did not answer an update, or with something that is no answer or not signed as it should be.")
	msgFollowing = logging.NewMessage("DHCP_DDNS_LEASES_LOADED", logging.Info, "lease file {file} read: {leases} active leases with names, {skipped} bad rows",
		"The lease file was read as a whole: at the start, or because it was replaced.")
	msgFollowError = logging.NewMessage("DHCP_DDNS_LEASE_FILE_ERROR", logging.Error, "cannot read the leases, names stay as they are: {reason}",
		"The lease file cannot be read. What was read before stays in force; no name is withdrawn for a file that cannot be read.")
	msgFollowRecovered = logging.NewMessage("DHCP_DDNS_LEASE_FILE_RECOVERED", logging.Info, "lease file {file} can be read again",
		"The lease file is followed again.")
	msgBadName = logging.NewDebug("DHCP_DDNS_LEASE_NAME_UNUSABLE", 40, "lease of {address} has name {name} that cannot be published",
		"A lease is marked for updates, but its name is no domain name, or its client cannot be identified.")
	msgDuty = logging.NewMessage("DHCP_DDNS_DUTY_CHANGED", logging.Info, "the roles of this node have changed, {waiting} changes of names wait",
		"This node became master or backup of a redundancy group. As master it makes DNS right at once; as backup it sends nothing and changes nothing.")
	msgRebuildZone = logging.NewMessage("DHCP_DDNS_REBUILD_ZONE", logging.Info, "zone {zone} read by {how}: {number}",
		"The zone was looked through for records that this installation made and its state does not know, since the state is new, the node became master, or somebody gave the command rebuild. The number is of records, or of questions where the name servers give no transfer.")
	msgRebuilt = logging.NewMessage("DHCP_DDNS_REBUILT", logging.Info, "{taken} records taken over from DNS, {foreign} of others left alone",
		"All zones were read. Records that are provably of this installation are in the state now: they are removed when no lease can be behind them any more. Those in its networks with marks of others, or of nobody, are counted and left.")
	msgRebuildFailed = logging.NewMessage("DHCP_DDNS_REBUILD_FAILED", logging.Warn, "zones are read again later: {reason}",
		"Not all zones could be read, so that records which this installation made may be in DNS without its knowing. What was found is taken over; the rest is tried again.")
	msgNameRefused = logging.NewMessage("DHCP_DDNS_NAME_REFUSED", logging.Warn, "{name} refused to {address} (pool {pool}, group {group}, interface {interface}): {reason}; it has {got}",
		"A client asked for a name that it may not have: one that machines trust blindly, one of DhcpDdns/dynamic_dns/protected_names, a zone, its name server or mail exchanger, or one outside of the domains. It gets the name of the next source, or none. Such messages are written at most once a second; DhcpDdns leases shows all.")
	msgSuiteTrouble = logging.NewMessage("DHCP_DDNS_SUITE_ERROR", logging.Error, "{what} cannot be changed, tried again until it works: {reason}",
		"A domain without dns_servers is a zone of this suite, which bundy-ddns changes in the database of bundy-auth. Both must run, and the zone must be in a database (bundy-loadzone), not in a master file, and not be signed. If the zone is elsewhere, name its servers. It is told once, not for each name; nothing is lost meanwhile.")
	msgSuiteWorks = logging.NewMessage("DHCP_DDNS_SUITE_RECOVERED", logging.Info, "{what} can be changed again",
		"What DHCP_DDNS_SUITE_ERROR told of is over.")
	msgStateError = logging.NewMessage("DHCP_DDNS_STATE_WRITE_ERROR", logging.Error, "state cannot be written, nothing is sent until it can: {reason}",
		"The database of owned names does not take changes. Updates are sent only after they are written down, so DNS does not change meanwhile. Look for a full disk.")
)

// Messages is the module's part of the message catalogue.
func Messages() []*logging.Message {
	return []*logging.Message{
		msgStarted, msgShutdown, msgConfigured, msgQueueStarted, msgQueueFull, msgQueueResumed, msgJournalError, msgReceiveError,
		msgInvalidNCR, msgRequest, msgNoForward, msgNoReverse, msgNoMatch, msgWantsFull, msgAdded, msgRemoved, msgRestored,
		msgAddFailed, msgRemoveFailed, msgAgainFailed, msgConflict, msgSkipped, msgLeft, msgForwardAddRejected, msgForwardRemoveRejected,
		msgReverseAddRejected, msgReverseRemoveRejected, msgForwardIOError, msgReverseIOError, msgFollowing,
		msgFollowError, msgFollowRecovered, msgBadName, msgDuty, msgRebuildZone, msgRebuilt, msgRebuildFailed, msgNameRefused, msgSuiteTrouble, msgSuiteWorks, msgStateError,
	}
}
