// Package shell is the program bundyctl: it configures and commands the suite through the control interface (guide
// chapter 7). It stands on HTTP alone and uses nothing else of the suite.
package shell
