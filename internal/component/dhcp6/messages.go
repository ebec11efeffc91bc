package dhcp6

import "bundy/internal/suite/logging"

var (
	msgStarting = logging.NewMessage("DHCP6_STARTING", logging.Info, "DHCPv6 server is starting on port {port}",
		"The server begins to serve. The messages that follow tell the lease database and the interfaces.")
	msgShutdown = logging.NewMessage("DHCP6_SHUTDOWN", logging.Info, "DHCPv6 server is stopped",
		"The server was told to stop. All leases are on disk.")
	msgConfigComplete = logging.NewMessage("DHCP6_CONFIG_COMPLETE", logging.Info, "new configuration in use: {subnets} subnets, updates of names {state}",
		"A configuration was checked and is in use from now on.")
	msgDatabaseStarted = logging.NewMessage("DHCP6_DB_BACKEND_STARTED", logging.Info, "lease database of type {type} started: {name}",
		"The leases were read from the named file, or the server keeps them in memory only.")
	msgDatabaseReport = logging.NewMessage("DHCP6_DB_REPORT", logging.Warn, "lease database {name}: {report}",
		"Something about the lease file needs to be known: a repair after a crash, rows that could not be read, or a compaction that failed. The server goes on.")
	msgNoStorage = logging.NewMessage("DHCP6_MEMFILE_NO_STORAGE", logging.Warn, "leases are kept in memory only and are lost when the server stops",
		"The item lease-database/persist is false. Clients keep addresses that a restarted server knows nothing of. Use this for tests only.")
	msgDatabaseCloseFailed = logging.NewMessage("DHCP6_DB_CLOSE_FAIL", logging.Error, "lease database {name} was not closed in order: {error}",
		"The last leases may not have reached the disk. What clients were told is there, since an answer is sent only afterwards.")
	msgLeasesRenumbered = logging.NewMessage("DHCP6_LEASES_RENUMBERED", logging.Info, "{count} leases moved to the new number of their subnet",
		"Subnets got other numbers by a change of the configuration. A lease belongs to the subnet that its address lies in.")
	msgOpenSocketFail = logging.NewMessage("DHCP6_OPEN_SOCKET_FAIL", logging.Warn, "interface {name} cannot be served: {error}",
		"The socket could not be made. Another DHCP server may run on this machine, or the privileges are missing. The server tries again from time to time and serves the other interfaces.")
	msgNoSocketsOpen = logging.NewMessage("DHCP6_NO_SOCKETS_OPEN", logging.Warn, "no interface is served",
		"None of the configured interfaces is up and has a link-local address. The server waits for one.")
	msgActivateInterface = logging.NewMessage("DHCP6_ACTIVATE_INTERFACE", logging.Info, "interface {name} is served",
		"The server listens on this interface from now on.")
	msgDeactivateInterface = logging.NewMessage("DHCP6_DEACTIVATE_INTERFACE", logging.Info, "interface {name} is not served any more",
		"The interface is gone, is down, lost its address, or was taken out of the configuration.")
	msgInterfaceAbsent = logging.NewMessage("DHCP6_INTERFACE_ABSENT", logging.Warn, "interface {name} cannot be served yet: {reason}",
		"The configuration names the interface. It is served as soon as it is there; see whether the name is right.")
	msgDetectFail = logging.NewMessage("DHCP6_INTERFACE_DETECTION_FAIL", logging.Error, "the interfaces of the machine cannot be listed: {error}",
		"The server keeps serving the interfaces it knows and tries again.")

	msgServerID = logging.NewMessage("DHCP6_SERVER_ID", logging.Info, "the server is known to clients as {duid}",
		"The DUID in the file bundy-dhcp6-serverid in the state directory. It was made when the server first ran.")
	msgServerIDUnusable = logging.NewMessage("DHCP6_SERVER_ID_UNUSABLE", logging.Warn, "the identifier of the server cannot be read and is made anew: {error}",
		"Clients know their server by this identifier. Those that renew their leases get no answer until they ask all servers.")
	msgServerIDWriteFail = logging.NewMessage("DHCP6_SERVERID_WRITE_FAIL", logging.Warn, "the identifier of the server cannot be kept: {error}",
		"When the server starts again it has another identifier.")

	msgPacketReceived = logging.NewDebug("DHCP6_PACKET_RECEIVED", 40, "{name} (type {type}) received on interface {interface}",
		"A packet was received and could be read.")
	msgPacketParseFail = logging.NewDebug("DHCP6_PACKET_PARSE_FAIL", 50, "packet from {source} on interface {interface} dropped: {error}",
		"The packet is no DHCPv6 message or is malformed.")
	msgPacketProcessFail = logging.NewDebug("DHCP6_PACKET_PROCESS_FAIL", 50, "{name} from {source} dropped: {reason}",
		"The message cannot be served: it contradicts itself, or its client cannot be identified.")
	msgPacketNotForUs = logging.NewDebug("DHCP6_PACKET_NOT_FOR_US", 50, "{name} on interface {interface} is for server {server}",
		"The client chose another server, or the message is no request to a server.")
	msgNoSubnet = logging.NewMessage("DHCP6_SUBNET_SELECTION_FAILED", logging.Info, "no subnet for message {xid} on interface {interface} from {source}",
		"A client asks, but no configured subnet names the interface or what the relay agent says, or contains an address of either, or the client is in no class that may use it. It is told that there are no addresses. Logged only now and then.")
	msgSubnetSelected = logging.NewDebug("DHCP6_SUBNET_SELECTED", 45, "subnet {subnet} selected for message {xid}",
		"The subnet that the client belongs to was found.")
	msgClassAssigned = logging.NewDebug("DHCP6_CLASS_ASSIGNED", 45, "message {xid} is in class {class}",
		"The client was classified by its vendor class identifier.")
	msgLeaseAdvert = logging.NewDebug("DHCP6_LEASE_ADVERT", 40, "address {address} offered to duid {duid} iaid {iaid}",
		"The address is kept for the client for a short time.")
	msgLeaseAdvertFail = logging.NewDebug("DHCP6_LEASE_ADVERT_FAIL", 40, "no offer to duid {duid} iaid {iaid}: {reason}",
		"The client gets no answer.")
	msgLeaseAlloc = logging.NewDebug("DHCP6_LEASE_ALLOC", 40, "address {address} leased to duid {duid} iaid {iaid}",
		"The lease is on disk and the client was told.")
	msgAllocFail = logging.NewMessage("DHCPSRV_ADDRESS6_ALLOC_FAIL", logging.Warn, "nothing is free in subnet {subnet}",
		"All pools of the subnet, of addresses or of prefixes, are in use. Add a pool or make leases shorter. Logged once for each of the two until something is free again; the statistics count each client.")
	msgStoreFail = logging.NewMessage("DHCP6_LEASE_STORE_FAIL", logging.Error, "lease of {address} could not be written: {error}",
		"The lease is not given: no client is told of what is not on disk. See whether the disk is full or broken. Logged only now and then.")
	msgSendFail = logging.NewMessage("DHCP6_PACKET_SEND_FAIL", logging.Error, "{name} to {destination} could not be sent: {error}",
		"The client will ask again. Logged only now and then.")
	msgOptionsOmitted = logging.NewDebug("DHCP6_OPTIONS_OMITTED", 45, "options {codes} do not fit into the reply to message {xid}",
		"The client takes only small messages. The least important options were left out.")
	msgRelease = logging.NewDebug("DHCP6_RELEASE", 40, "address {address} released by duid {duid} iaid {iaid}",
		"The client gave its address back; the lease is gone.")
	msgReleaseFail = logging.NewDebug("DHCP6_RELEASE_FAIL_NO_LEASE", 40, "release of {address} by duid {duid} iaid {iaid} ignored: {reason}",
		"The client does not have this address.")
	msgDecline = logging.NewMessage("DHCP6_DECLINE_LEASE", logging.Warn, "address {address} is used by somebody else, says duid {duid} iaid {iaid}; it is not given out for {seconds} seconds",
		"A machine with a fixed address may stand in a pool. Find it, or take the address out of the pool.")
	msgDeclineFail = logging.NewDebug("DHCP6_DECLINE_FAIL", 40, "decline of {address} by duid {duid} iaid {iaid} ignored: {reason}",
		"Only the client that has an address may say that it is in use elsewhere.")
	msgReclaimed = logging.NewDebug("DHCP6_LEASE_RECLAIMED", 40, "lease of {address} ended",
		"The lease was not renewed. Its names are withdrawn and the address is free.")
	msgReclaimBehind = logging.NewMessage("DHCP6_RECLAIM_BEHIND", logging.Warn, "expired leases remain after {cycles} goes at reclaiming them",
		"More leases end than max-reclaim-leases and max-reclaim-time allow to process. Raise them.")
	msgQueueNCR = logging.NewDebug("DHCP6_QUEUE_NCR", 40, "name change request queued: {change} {name} {address}",
		"The DHCP-DDNS server is told about a name.")
	msgNCRSendFail = logging.NewMessage("DHCP6_DDNS_REQUEST_SEND_FAILED", logging.Error, "name change request to {server} could not be sent: {error}",
		"The DHCP-DDNS server is not reached. If it follows the lease file, as the suite's own does, nothing is lost. Logged only now and then.")

	msgNoSecret = logging.NewMessage("DHCP6_RECONFIGURE_SECRET_FAIL", logging.Warn, "clients cannot be called to renew: {error}",
		"The file reconfigure-secret6 in the state directory cannot be read or made. Clients get no keys, and the command reconfigure reaches nobody, until the server starts with a good file. Without the file a new one is made; clients that have a key of the old one do not know our calls until they get their leases anew.")
	msgUnreachable = logging.NewDebug("DHCP6_RECONFIGURE_UNREACHABLE", 40, "client {duid} cannot be called to renew: {error}",
		"The client accepts RECONFIGURE, but the way to it, with all relay agents, cannot be kept with its lease.")
	msgReconfigure = logging.NewDebug("DHCP6_RECONFIGURE", 40, "client {duid} called to send {type}, at {destination}",
		"A RECONFIGURE was sent. It is repeated until the client answers.")
	msgReconfigureFail = logging.NewDebug("DHCP6_RECONFIGURE_SEND_FAIL", 40, "client {duid} could not be called at {destination}: {error}",
		"A RECONFIGURE could not be sent. It is tried again.")
	msgReconfigured = logging.NewDebug("DHCP6_RECONFIGURED", 40, "client {duid} heard the call and sent {type}",
		"The client did what a RECONFIGURE told it.")
	msgUnheeded = logging.NewMessage("DHCP6_RECONFIGURE_UNHEEDED", logging.Info, "client {duid} was called {attempts} times and did not answer",
		"The client is off, went elsewhere, or lost its key. It learns what is new when it renews.")
)

// Messages is the module's part of the message catalogue.
func Messages() []*logging.Message {
	return []*logging.Message{
		msgStarting, msgShutdown, msgConfigComplete, msgDatabaseStarted, msgDatabaseReport, msgNoStorage,
		msgDatabaseCloseFailed, msgLeasesRenumbered, msgOpenSocketFail, msgNoSocketsOpen,
		msgActivateInterface, msgDeactivateInterface, msgInterfaceAbsent, msgDetectFail, msgServerID, msgServerIDUnusable, msgServerIDWriteFail, msgPacketReceived, msgPacketParseFail,
		msgPacketProcessFail, msgPacketNotForUs, msgNoSubnet, msgSubnetSelected,
		msgClassAssigned, msgLeaseAdvert, msgLeaseAdvertFail, msgLeaseAlloc, msgAllocFail,
		msgStoreFail, msgSendFail, msgOptionsOmitted, msgRelease, msgReleaseFail, msgDecline, msgDeclineFail,
		msgReclaimed, msgReclaimBehind, msgQueueNCR, msgNCRSendFail,
		msgNoSecret, msgUnreachable, msgReconfigure, msgReconfigureFail, msgReconfigured, msgUnheeded,
	}
}
