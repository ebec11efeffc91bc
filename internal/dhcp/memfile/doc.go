// Package memfile is the lease store that needs no database: all leases in memory, and a journal of rows in a
// Kea-compatible CSV file (guide section 17.2.1).
//
// A row is appended for each change, the last row of an address wins, and a lifetime of 0 is a tombstone. One writer
// goroutine appends what has gathered since its last write, calls fdatasync once, and only then tells all that wait.
// When the journal has grown well beyond the number of leases it is compacted as Kea does it: F is renamed to F.1 and
// begun anew; F.2 and F.1 are merged into F.output, which becomes F.completed when it is whole and then F.2. The full
// state is therefore F.completed, or F.2 and F.1, and then F; every step can be repeated after a crash.
package memfile
