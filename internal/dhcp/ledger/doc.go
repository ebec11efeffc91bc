// Package ledger keeps the leases of one DHCP server, of either family, from their grant to their end: it holds the
// store and the book of what is free, follows the store where it fails, ends leases that are over, and makes the changes
// that an operator orders. What it does to the names of leases it tells.
package ledger
