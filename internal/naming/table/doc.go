// Package table is a map that can be walked in pieces while it changes: the goroutine that owns a million entries stays able
// to do other work in between.
package table
