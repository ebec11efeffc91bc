// Package modeltest holds whole DHCP servers, of either family, against a simple model: random clients here and behind
// relays, which move; networks, reservations and pools that change; an operator who changes leases; disks that break, crashes,
// compactions, and clocks that jump.
package modeltest
