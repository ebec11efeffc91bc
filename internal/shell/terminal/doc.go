// Package terminal reads commands: from a terminal with line editing, completion and history, or from a pipe as lines.
package terminal
