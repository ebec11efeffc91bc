// Package leasetest is what every lease.Store must pass: it compares a store with a simple model over random changes,
// restarts, clocks that jump, and disks that fail.
package leasetest
