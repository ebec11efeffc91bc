package authority

import (
	"fmt"

	"bundy/internal/dns/wire"
)

// FindingKind says what a finding is about. The comments name the message of the catalogue that fits.
type FindingKind int

const (
	LoadFailed          FindingKind = iota // DATASRC_LOAD_ZONE_ERROR: the zone is not served, or served as it was
	CheckError                             // DATASRC_CHECK_ERROR: why a zone failed its validation; LoadFailed follows
	CheckWarning                           // DATASRC_CHECK_WARNING
	FileError                              // DATASRC_MASTER_LOAD_ERROR: Err names file and line; LoadFailed follows
	FileWarning                            // DATASRC_MASTER_LOAD_WARN
	ZoneNotFound                           // DATASRC_CACHE_ZONE_NOTFOUND: in cache-zones but not in the database
	UnknownType                            // DATASRC_LIBRARY_ERROR: the source is skipped
	DatabaseCreated                        // DATASRC_SQLITE_SETUP: Err is nil, Database the path
	DatabaseFailed                         // a database in use could not be read; the zones are served as they were
	DatabaseUnavailable                    // a database could not be opened; it is tried again, and its zones are not known until then
	DatabaseReplaced                       // the file at a database's path is another one, or can be opened at last; Err is nil
	ZoneLoaded                             // a zone was loaded anew because another process changed it; Err is nil
)

// Finding is something an operator should know about a zone or a data source.
type Finding struct {
	Kind     FindingKind
	Class    wire.Class
	Origin   wire.Name // empty when it is about the whole source
	Source   string    // name of the data source
	Database string    // path, for findings about a database
	Err      error     // what was found
}

// Error reads as a line without the class of message.
func (f Finding) Error() string {
	where := fmt.Sprintf("data source %s of class %s", f.Source, f.Class)
	if f.Origin != "" {
		where = fmt.Sprintf("zone %s/%s in %s", f.Origin, f.Class, f.Source)
	}
	if f.Err == nil {
		return where
	}
	return where + ": " + f.Err.Error()
}

// Unwrap gives what was found.
func (f Finding) Unwrap() error { return f.Err }
