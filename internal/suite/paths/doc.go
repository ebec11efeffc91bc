// Package paths knows where the suite keeps its files: the three directories of the guide (section 4.2), or one
// directory that holds all of them when --data-path is given.
package paths
