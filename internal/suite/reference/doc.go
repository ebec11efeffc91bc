// Package reference writes the reference manual from the descriptions of the modules, so that it says what the binary
// does: configuration.md with every item and command, messages.md with every message of the log.
package reference
