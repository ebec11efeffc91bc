// Package logging writes the suite's log (guide chapter 20): loggers by name with inheritance, severities and debug
// levels, console, file and syslog destinations. Every message has an identifier and a paragraph for the operator.
package logging
