// Package module is the contract between the suite and its components: what a component declares about itself, what
// it is given, and what it must do. A component cannot tell in which process it runs.
package module
