// Package zone is one immutable version of a zone in memory: build it, look names up in it, derive the next version
// from a difference. The Catalog holds the current versions of all zones and answers questions from them (RFC 1034
// section 4.3.2, RFC 2308, RFC 4592, RFC 6672), with proofs of what a signed zone does not have (RFC 4035 section 3.1,
// RFC 5155 section 7.2). It does no input or output and has no clock; reading takes no lock and
// allocates nothing. A View answers the same questions from a store that is read for each of them.
package zone
