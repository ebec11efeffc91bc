// Package tsig signs DNS messages with shared secrets and verifies them (RFC 8945). It works on whole messages as
// bytes; time is an argument; secrets never leave it in a text or an error.
package tsig
