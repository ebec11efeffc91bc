// Package option knows what DHCPv4 options look like: the standard definitions and those an operator adds, their text
// forms (comma separated values, hexadecimal digits) to wire and back, option spaces, and inheritance of values.
package option
