// Package reconcile compares the names that leases want with the records we own, and says what to do next and when.
// It decides with values: no DNS, no database, no clock.
package reconcile
