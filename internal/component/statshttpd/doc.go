// Package statshttpd is the component bundy-stats-httpd, module StatsHttpd: it serves the statistics of all modules over
// HTTP, as text that Prometheus reads.
package statshttpd
