// Command bundy is the whole suite in one binary. The name it is called by, or its first argument, picks the program:
// the parent (bundy), the shell (bundyctl), the tools, and the processes that the parent starts.
package main
