// Package follow reads the lease file of a running server, ours or Kea's, and goes on reading as it grows,
// through clean-ups and restarts. It only reads. A file that cannot be read is an error, never a file without leases.
package follow
