// Package wire is DNS messages as bytes: names, header, question, EDNS, compression (RFC 1035 section 4, RFC 6891).
// It decides nothing, does no input or output, and the functions of the query path allocate nothing.
package wire
