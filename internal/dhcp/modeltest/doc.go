// Package modeltest holds whole DHCP servers, of either family, against a simple model: random clients, reservations and
// pools that change, disks that break, crashes, and clocks that jump.
package modeltest
