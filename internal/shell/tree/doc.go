// Package tree is what the config commands of bundyctl work on (guide section 7.8): the stored configuration, the local
// changes that are not committed yet, and the specifications with the defaults.
//
// Changes lie over the stored configuration as the configuration manager will lay them: maps are merged, lists and
// named sets are replaced whole, null removes. So a change inside a list or named set first copies all of it.
package tree
