// Package host is the life of one process of the suite: it runs the components that the supervisor tells it to run,
// answers for their modules on the command channel, and carries configuration changes to them.
//
// A component that fails or panics ends alone and is reported; the supervisor decides what follows. The process ends
// when it is told to, or when the command channel ends, for then its parent is gone.
package host
