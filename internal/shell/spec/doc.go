// Package spec reads module specifications as the control interface gives them: what can be configured, and which
// commands there are.
package spec
