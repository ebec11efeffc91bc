// Package lease is what the servers remember about an address given out, and the contract of the stores that keep it.
package lease
