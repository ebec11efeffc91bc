// Package dbutil is the program bundy-dbutil: it tells whether a zone database has the schema of today, and brings older
// ones of BIND 10 and Bundy over. The old file is kept as a backup, and the new one takes its name only when it is whole
// and on disk.
package dbutil
