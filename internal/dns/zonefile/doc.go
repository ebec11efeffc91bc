// Package zonefile reads and writes master files (RFC 1035 section 5) and the text form of single records.
//
// Lines, parentheses, quotes, directives, owners, TTLs and classes are read here, and so are the RDATA forms that nearly
// all records of a zone have. The forms of the other types come from github.com/miekg/dns, one record at a time; what
// neither knows has the form of RFC 3597 section 5. What this package writes, it reads back to the same octets.
//
// A master file is an operator's, but names and texts in it may come from anywhere: no input makes a reader panic, and
// the length of an entry, the depth of inclusion, the records of one $GENERATE and the records in all are bounded.
package zonefile
