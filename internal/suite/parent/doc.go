// Package parent is the program bundy (guide chapters 4 and 9): it holds the privileges, binds the sockets, carries the
// command channel, keeps the configuration, and supervises the components. It parses nothing that comes from the network.
package parent
