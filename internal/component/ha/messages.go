package ha

import "bundy/internal/suite/logging"

var (
	msgStarting = logging.NewMessage("HA_STARTING", logging.Info, "starting, {groups} redundancy groups, backup of all",
		"The component that holds roles starts. This node serves no group until it is told to by the command set_role, as by a notify script of keepalived.")
	msgRole = logging.NewMessage("HA_ROLE", logging.Info, "{role} of redundancy group {group}",
		"This node was told its role in a group. As master it serves the clients of the group and publishes the names of their leases; as backup it does neither.")
	msgNotTold = logging.NewMessage("HA_NOT_TOLD", logging.Warn, "other modules could not be told of a role: {reason}",
		"The event could not be published on the command channel. Modules ask for the roles every two seconds and learn of them so.")
)

// Messages lists the module's log messages.
func Messages() []*logging.Message { return []*logging.Message{msgStarting, msgRole, msgNotTold} }
