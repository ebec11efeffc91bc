// Package owned is the state store of the records that leases put into DNS: what we created, are creating or are
// removing, and what other DHCP servers asked for. It is the protection boundary: only what stands here is ever
// removed, and what is to be done is written here before the update is sent, so that a crash leaves nothing unknown.
package owned
