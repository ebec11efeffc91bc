// Package auth is the component bundy-auth: authoritative DNS on UDP and TCP (guide chapter 10). It answers questions
// from the zones in memory, and beside them from zones that are read from their database for each answer,
// verifies and makes signatures, and hands dynamic updates on.
package auth
