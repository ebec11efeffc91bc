// Package schema describes the configuration, commands and statistics of modules. A module's description is made from
// a Go struct and its tags; from it come defaults, strict validation with paths, the module specification that
// bundyctl shows, completion, and the reference manual.
package schema
