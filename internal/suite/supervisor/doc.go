// Package supervisor keeps the configured components running (guide section 9.2): in the order of their priorities,
// started again by the rule of their kind, stopped when they are removed, and all stopped in order at the end.
//
// State decides and is a value of time and events alone; Supervisor does what it decides.
package supervisor
