// Package digest is the server's side of HTTP Digest authentication (RFC 7616), over TLS only: SHA-256 and, for older
// clients, MD5; quality of protection "auth"; nonces that end, and no counter of a nonce accepted twice.
package digest
