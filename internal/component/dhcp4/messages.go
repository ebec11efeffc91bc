package dhcp4

import "bundy/internal/suite/logging"

var (
	msgStarting = logging.NewMessage("DHCP4_STARTING", logging.Info, "DHCPv4 server is starting on port {port}",
		"The server begins to serve. The messages that follow tell the lease database and the interfaces.")
	msgShutdown = logging.NewMessage("DHCP4_SHUTDOWN", logging.Info, "DHCPv4 server is stopped",
		"The server was told to stop. All leases are on disk.")
	msgConfigComplete = logging.NewMessage("DHCP4_CONFIG_COMPLETE", logging.Info, "new configuration in use: {subnets} subnets, updates of names {state}",
		"A configuration was checked and is in use from now on.")
	msgDatabaseStarted = logging.NewMessage("DHCP4_DB_BACKEND_STARTED", logging.Info, "lease database of type {type} started: {name}",
		"The leases were read from the named file, or the server keeps them in memory only.")
	msgDatabaseReport = logging.NewMessage("DHCP4_DB_REPORT", logging.Warn, "lease database {name}: {report}",
		"Something about the lease file needs to be known: a repair after a crash, rows that could not be read, or a compaction that failed. The server goes on.")
	msgNoStorage = logging.NewMessage("DHCPSRV_MEMFILE_NO_STORAGE", logging.Warn, "leases are kept in memory only and are lost when the server stops",
		"The item lease-database/persist is false. Clients keep addresses that a restarted server knows nothing of. Use this for tests only.")
	msgDatabaseCloseFailed = logging.NewMessage("DHCP4_DB_CLOSE_FAIL", logging.Error, "lease database {name} was not closed in order: {error}",
		"The last leases may not have reached the disk. What clients were told is there, since an answer is sent only afterwards.")
	msgLeasesRenumbered = logging.NewMessage("DHCP4_LEASES_RENUMBERED", logging.Info, "{count} leases moved to the new number of their subnet",
		"Subnets got other numbers by a change of the configuration. A lease belongs to the subnet that its address lies in.")
	msgOpenSocketFail = logging.NewMessage("DHCP4_OPEN_SOCKET_FAIL", logging.Warn, "interface {name} cannot be served: {error}",
		"The socket could not be made. Another DHCP server may run on this machine, or the privileges are missing. The server tries again from time to time and serves the other interfaces.")
	msgNoFrames = logging.NewMessage("DHCP4_NO_RAW_SOCKET", logging.Warn, "replies to clients without address are broadcast on {name}: {error}",
		"The packet socket could not be made. Most clients work with broadcasts; a few do not.")
	msgNoSocketsOpen = logging.NewMessage("DHCP4_NO_SOCKETS_OPEN", logging.Warn, "no interface is served",
		"None of the configured interfaces is up and has an IPv4 address. The server waits for one.")
	msgActivateInterface = logging.NewMessage("DHCP4_ACTIVATE_INTERFACE", logging.Info, "interface {name} is served",
		"The server listens on this interface from now on.")
	msgDeactivateInterface = logging.NewMessage("DHCP4_DEACTIVATE_INTERFACE", logging.Info, "interface {name} is not served any more",
		"The interface is gone, is down, lost its address, or was taken out of the configuration.")
	msgInterfaceAbsent = logging.NewMessage("DHCP4_INTERFACE_ABSENT", logging.Warn, "interface {name} cannot be served yet: {reason}",
		"The configuration names the interface. It is served as soon as it is there; see whether the name is right.")
	msgDetectFail = logging.NewMessage("DHCP4_INTERFACE_DETECTION_FAIL", logging.Error, "the interfaces of the machine cannot be listed: {error}",
		"The server keeps serving the interfaces it knows and tries again.")

	msgPacketReceived = logging.NewDebug("DHCP4_PACKET_RECEIVED", 40, "{name} (type {type}) received on interface {interface}",
		"A packet was received and could be read.")
	msgPacketParseFail = logging.NewDebug("DHCP4_PACKET_PARSE_FAIL", 50, "packet from {source} on interface {interface} dropped: {error}",
		"The packet is no DHCPv4 message or is malformed.")
	msgPacketProcessFail = logging.NewDebug("DHCP4_PACKET_PROCESS_FAIL", 50, "{name} from {source} dropped: {reason}",
		"The message cannot be served: it contradicts itself, or its client cannot be identified.")
	msgPacketNotForUs = logging.NewDebug("DHCP4_PACKET_NOT_FOR_US", 50, "{name} on interface {interface} is for server {server}",
		"The client chose another server, or the message is no request to a server.")
	msgNoSubnetDirect = logging.NewMessage("DHCP4_NO_SUBNET_FOR_DIRECT_CLIENT", logging.Info, "message {xid} on interface {interface} dropped: no subnet is configured for it",
		"A client on a directly connected network asks, but no configured subnet contains an address of the interface, or the client is in no class that may use it. Logged only now and then.")
	msgSubnetSelected = logging.NewDebug("DHCP4_SUBNET_SELECTED", 45, "subnet {subnet} selected for message {xid}",
		"The subnet that the client belongs to was found.")
	msgSubnetSelectionFailed = logging.NewMessage("DHCP4_SUBNET_SELECTION_FAILED", logging.Error, "no subnet for message {xid} through relay {relay} from {source}",
		"No configured subnet contains the relay's address or names it, or the client is in no class that may use it. Logged only now and then.")
	msgClassAssigned = logging.NewDebug("DHCP4_CLASS_ASSIGNED", 45, "message {xid} is in class {class}",
		"The client was classified by its vendor class identifier.")
	msgLeaseAdvert = logging.NewDebug("DHCP4_LEASE_ADVERT", 40, "address {address} offered to client-id {client-id} hwaddr {hwaddr}",
		"The address is kept for the client for a short time.")
	msgLeaseAdvertFail = logging.NewDebug("DHCP4_LEASE_ADVERT_FAIL", 40, "no offer to client-id {client-id} hwaddr {hwaddr}: {reason}",
		"The client gets no answer.")
	msgLeaseAlloc = logging.NewDebug("DHCP4_LEASE_ALLOC", 40, "address {address} leased to client-id {client-id} hwaddr {hwaddr}",
		"The lease is on disk and the client was told.")
	msgLeaseAllocFail = logging.NewDebug("DHCP4_LEASE_ALLOC_FAIL", 40, "address {address} not leased to client-id {client-id} hwaddr {hwaddr}: {reason}",
		"The client is told so, or gets no answer if another server may know better.")
	msgAllocFail = logging.NewMessage("DHCPSRV_ADDRESS4_ALLOC_FAIL", logging.Warn, "no address is free in subnet {subnet}",
		"All pools of the subnet that the client may use are in use. Add a pool or make leases shorter. Logged once until an address is free again; the statistics count each client.")
	msgStoreFail = logging.NewMessage("DHCP4_LEASE_STORE_FAIL", logging.Error, "lease of {address} could not be written: {error}",
		"The lease is not given: no client is told of what is not on disk. See whether the disk is full or broken. Logged only now and then.")
	msgStoreReadFail = logging.NewMessage("DHCP4_LEASE_READ_FAIL", logging.Error, "leases of client {hwaddr} could not be read: {error}",
		"The lease database does not answer. The client is not answered either and asks again. Logged only now and then.")
	msgOptionsTooLong = logging.NewMessage("DHCP4_OPTIONS_TOO_LONG", logging.Error, "options for a client in subnet {subnet} cannot be put together: {error}",
		"The options of the subnet, the client's classes and its reservation are each good, but together they are too long. The client gets those of the subnet alone. Logged only now and then.")
	msgAddressInUse = logging.NewMessage("DHCP4_PING_CHECK_CONFLICT", logging.Warn, "address {address} answers a ping; it is not given out for {seconds} seconds",
		"A machine with a fixed address may stand in a pool. Find it, or take the address out of the pool.")
	msgPingFail = logging.NewMessage("DHCP4_PING_CHECK_FAIL", logging.Error, "address {address} could not be checked: {error}",
		"Addresses are offered without a check. The privileges to send pings may be missing. Logged only now and then.")
	msgIdentitiesFail = logging.NewMessage("DHCP4_SUBNET_NUMBERS_FAIL", logging.Error, "the numbers of subnets could not be kept: {error}",
		"Subnets without an id may get another number when the server starts the next time. Their leases stay theirs, but others who read the lease file by number see a change.")
	msgSendFail = logging.NewMessage("DHCP4_PACKET_SEND_FAIL", logging.Error, "{name} to {destination} could not be sent: {error}",
		"The client will ask again. Logged only now and then.")
	msgOptionsOmitted = logging.NewDebug("DHCP4_OPTIONS_OMITTED", 45, "options {codes} do not fit into the reply to message {xid}",
		"The client takes only small messages. The least important options were left out.")
	msgRelease = logging.NewDebug("DHCP4_RELEASE", 40, "address {address} released by client-id {client-id} hwaddr {hwaddr}",
		"The client gave its address back; the lease is gone.")
	msgReleaseFail = logging.NewDebug("DHCP4_RELEASE_FAIL_NO_LEASE", 40, "release of {address} by client-id {client-id} hwaddr {hwaddr} ignored: {reason}",
		"The client does not have this address.")
	msgDecline = logging.NewMessage("DHCP4_DECLINE_LEASE", logging.Warn, "address {address} is used by somebody else, says client-id {client-id} hwaddr {hwaddr}; it is not given out for {seconds} seconds",
		"A machine with a fixed address may stand in a pool. Find it, or take the address out of the pool.")
	msgDeclineFail = logging.NewDebug("DHCP4_DECLINE_FAIL", 40, "decline of {address} by client-id {client-id} hwaddr {hwaddr} ignored: {reason}",
		"Only the client that has an address may say that it is in use elsewhere.")
	msgReclaimed = logging.NewDebug("DHCP4_LEASE_RECLAIMED", 40, "lease of {address} ended",
		"The lease was not renewed. Its names are withdrawn and the address is free.")
	msgReclaimBehind = logging.NewMessage("DHCP4_RECLAIM_BEHIND", logging.Warn, "expired leases remain after {cycles} goes at reclaiming them",
		"More leases end than max-reclaim-leases and max-reclaim-time allow to process. Raise them.")
	msgQueueNCR = logging.NewDebug("DHCP4_QUEUE_NCR", 40, "name change request queued: {change} {name} {address}",
		"The DHCP-DDNS server is told about a name.")
	msgNCRSendFail = logging.NewMessage("DHCP4_DDNS_REQUEST_SEND_FAILED", logging.Error, "name change request to {server} could not be sent: {error}",
		"The DHCP-DDNS server is not reached. If it follows the lease file, as the suite's own does, nothing is lost. Logged only now and then.")
)

// Messages is the module's part of the message catalogue.
func Messages() []*logging.Message {
	return []*logging.Message{
		msgStarting, msgShutdown, msgConfigComplete, msgDatabaseStarted, msgDatabaseReport, msgNoStorage,
		msgDatabaseCloseFailed, msgLeasesRenumbered, msgOpenSocketFail, msgNoFrames, msgNoSocketsOpen,
		msgActivateInterface, msgDeactivateInterface, msgInterfaceAbsent, msgDetectFail, msgPacketReceived, msgPacketParseFail,
		msgPacketProcessFail, msgPacketNotForUs, msgNoSubnetDirect, msgSubnetSelected, msgSubnetSelectionFailed,
		msgClassAssigned, msgLeaseAdvert, msgLeaseAdvertFail, msgLeaseAlloc, msgLeaseAllocFail, msgAllocFail,
		msgStoreFail, msgStoreReadFail, msgOptionsTooLong, msgAddressInUse, msgPingFail, msgIdentitiesFail, msgSendFail, msgOptionsOmitted, msgRelease, msgReleaseFail, msgDecline, msgDeclineFail,
		msgReclaimed, msgReclaimBehind, msgQueueNCR, msgNCRSendFail,
	}
}
