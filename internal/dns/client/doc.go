// Package client sends a DNS message to one server and brings back its answer. Retries, other servers and what the
// answer means are left to the caller; the time limit is the context's.
package client
