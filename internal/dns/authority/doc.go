// Package authority holds what the components of one process share to answer for zones: the catalog of zones with the
// data sources they come from, the ring of TSIG keys, and the handler of dynamic updates.
//
// Zones are served from memory, but for those of sources that are told to read each answer from the database (Clerk). A zone of a database is written by Update, which commits to the database before
// the new version is seen; changes that other processes make in the database are noticed and loaded. The package has
// no logger: what an operator should know comes out as findings.
//
// It also describes the two sections of the configuration that belong to no single component, data_sources and
// tsig_keys.
package authority
