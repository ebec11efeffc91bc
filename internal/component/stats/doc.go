// Package stats is the component bundy-stats, module Stats: it collects the statistics of all modules over the command
// channel and shows them (guide section 19.2).
package stats
