// Package ratelimit holds back answers over UDP that look like an attack on the address they would go to: too many of
// the same answer to clients of one network within a second (response rate limiting, as BIND, NSD and Knot have it).
//
// What is kept for a network and an answer is one word of 64 bits in a table of fixed size, changed by compare and swap,
// so that any number of goroutines ask without a lock or an allocation, and no flood can make the table grow. When a set
// of the table is full, what was quiet for the longest time makes room.
package ratelimit
