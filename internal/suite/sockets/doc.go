// Package sockets decides who binds: the parent, which holds the privileges, binds every listening socket, keeps it
// open, and hands descriptors to the processes that serve it. So a socket survives the restart of its server and what
// arrives meanwhile waits in the kernel.
package sockets
