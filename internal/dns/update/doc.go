// Package update is DNS dynamic update (RFC 2136): requests as values, and what they make of a version of a zone. It
// decides; it has no socket, file or clock. Who may update is for the caller to find out first.
package update
