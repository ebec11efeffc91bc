// Package config keeps the configuration of all modules (guide section 6.1): the stored document, its history, and the
// commit that takes effect in every module or in none.
//
// A commit goes through these steps, and nothing has changed anywhere when one before "store" refuses:
//
//	merge    the changes into a copy of the document
//	schema   of every changed module, whether it runs or not
//	check    of every module against the whole candidate
//	prepare  on every running module that owns or watches a changed section
//	store    the revision, then the document: write, fsync, rename
//	apply    on the modules that prepared; it cannot fail
//	publish  the event config_changed
package config
