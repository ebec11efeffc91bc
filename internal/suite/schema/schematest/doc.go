// Package schematest compares the descriptions of modules with the tables of items, commands and statistics that the
// specification lists. It is for tests.
package schematest
