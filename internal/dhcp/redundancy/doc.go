// Package redundancy says which clients this node serves where several nodes stand in for one another: subnets and
// interfaces belong to redundancy groups, and a node serves a group, and publishes the names of its leases, only while it
// is the group's master. Who is master is decided elsewhere, as by keepalived (VRRP, RFC 9568), and told to the module Ha.
// A node that was not told is backup of all groups.
package redundancy
