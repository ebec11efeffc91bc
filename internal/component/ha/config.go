package ha

import (
	"bundy/internal/dhcp/redundancy"
	"bundy/internal/suite/module"
	"bundy/internal/suite/paths"
	"bundy/internal/suite/schema"
)

const name = redundancy.Module

type shutdownArgs struct {
	PID *int `json:"pid" help:"Stop only the process with this id."`
}

type roleArgs struct {
	Group string `json:"group" help:"Name of the redundancy group."`
	Role  string `json:"role" default:"backup" enum:"master,backup" help:"master: serve the clients of the group and publish the names of their leases. backup: do neither, and change nothing."`
}

func specification(p paths.Paths) *schema.Module {
	return schema.New(name, "Redundancy groups: what this node serves, and what another one does", redundancy.Config{}, p).
		Command("set_role", "Say whether this node is master or backup of a group; until it is said, and again after each start, it is backup", roleArgs{}).
		Command("status", "Show the groups, the role that this node has in each, since when, and whether it was told", nil).
		Command("shutdown", "Stop the component; it is started again while it is configured, and is backup of all groups then", shutdownArgs{}).
		PrivateCommand(redundancy.Roles, "Return the role in each group", nil).
		PrivateCommand("getstats", "Return the statistics", nil).
		Statistic(statistics{})
}

// Descriptor describes the component.
func Descriptor(p paths.Paths) *module.Descriptor {
	spec := specification(p)
	return &module.Descriptor{
		Component: "bundy-ha",
		Process:   "bundy-control",
		Spec:      spec,
		Messages:  Messages,
		Check: func(doc schema.Document) []error {
			_, errs := redundancy.Parse(doc[name])
			return errs
		},
		New: func(doc schema.Document, deps module.Deps) (module.Component, error) {
			return newComponent(doc, deps)
		},
	}
}

// statistics describes the counters.
type statistics struct {
	Changes int64 `json:"role_changes" default:"0" title:"Changes of role" help:"Roles that were changed since the start"`
	Masters int64 `json:"master_groups" default:"0" title:"Groups as master" help:"Groups that this node is master of"`
}
