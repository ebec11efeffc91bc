// Package accounts keeps the file of the users who may administer the suite: who they are, how their passwords are
// verified, and how the file is read and replaced (guide section 6.2).
//
// The file is CSV without a header, one user a row, three columns:
//
//	user, password hash, third
//
// The password hash is an argon2id hash in the common textual form ($argon2id$v=19$m=..,t=..,p=..$salt$hash), and the
// third column holds the secrets of HTTP Digest authentication (RFC 7616), as "SHA-256=<hex> MD5=<hex>", or nothing.
// Rows of the original system are read as well: there the second column is the hexadecimal SHA-1 of password and salt,
// and the third the salt. They are replaced at the user's next login.
//
// A digest secret is as good as the password for the digest realm, and MD5 does not slow a thief down: where digest
// authentication is not wanted, the secrets should not be kept.
package accounts
