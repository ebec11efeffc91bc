// Package acl decides who may do what by the source address of a request and the key that signed it: the access
// control lists of the configuration (guide section 8.2).
package acl
