// Package keaconf is the program bundy-kea-config: it turns the configuration file of Kea's DHCP servers into commands for
// bundyctl, and names each item that it cannot carry over.
package keaconf
