// Package stats counts events. A module defines its counters once, with their names and descriptions; each goroutine
// that counts has a shard of its own, so that counting neither locks nor allocates nor shares a cache line. Reading
// sums up the shards.
package stats
