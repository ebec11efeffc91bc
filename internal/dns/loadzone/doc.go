// Package loadzone is the program bundy-loadzone: it reads a master file and makes it the contents of a zone in a
// database (guide section 10.3), or writes a zone of a database as a master file.
//
// The file is read and the zone is checked in memory first, so that all its errors are reported at once and the database
// is locked only while it is written, in one transaction: a load that fails leaves everything as it was. A running
// server that serves the zone from this database notices the change by itself, unless the zone is cached; then
// "Auth loadzone" or the option --notify tells it.
package loadzone
