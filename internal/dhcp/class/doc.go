// Package class puts clients into classes by what they say about themselves (guide, client classification).
package class
