// Package class puts clients of either family into classes: by what they say about themselves (guide, client
// classification), and by expressions over their messages in Kea's language.
package class
