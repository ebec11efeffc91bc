// Package zonedb keeps zones in a SQLite database: their records, and a journal of the differences between serials.
//
// The schema is version 4.0. Versions 2.x of BIND 10 kept names and RDATA as text, so that every record was parsed when
// a zone was loaded and formatted when it was written, case and escapes made two spellings of one record, and reverse
// order of labels was compared as text, which is not the canonical order. Here
//
//   - records have a key whose byte order is the canonical order of owners (RFC 4034 section 6.1), then of types and of
//     RDATA, so that a zone comes out sorted and a name is found in any case; the spelling of the owner is kept;
//   - a row, called a leaf, holds the records that follow one another in some hundred octets, with a check sum, since a row
//     costs as much to read as dozens of records (version 3 had one for each);
//   - RDATA is in uncompressed wire form, so that equal records are equal octets and no record can be unreadable;
//   - NSEC3 records stand among the others, as their owners are names like any;
//   - every zone counts its changes (Edition), so that a reader knows which zones another process has changed;
//   - the journal names the zone's row, so that a zone that is made anew does not inherit differences.
//
// What Commit and Replace have returned is on disk: the database uses a write-ahead log that is synced with every
// transaction. One goroutine writes; commits that wait together share a transaction and its sync. Any number of
// goroutines and other processes may read meanwhile.
package zonedb
