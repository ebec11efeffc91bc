// Package decline counts the addresses that clients of a DHCP server declined. One whose check of addresses is broken, or
// that means harm, would else put a whole pool to rest.
package decline
