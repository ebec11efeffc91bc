// Package grammar takes apart the lines of bundyctl (guide sections 7.4 and 7.6):
//
//	module command [name = value [, name = value]...]
//	module command [value [value]...]
//
// It knows no module; words are fitted to the arguments of a command by Fit.
package grammar
