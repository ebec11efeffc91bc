// Package ha is the component bundy-ha, module Ha: it holds the role that this node has in each redundancy group, as
// keepalived or an operator says, and tells the others. Roles are not kept over a restart: the node is backup until it is
// told again, since meanwhile another one may have become master.
package ha
