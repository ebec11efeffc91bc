// Package test runs whole suites, as an operator would: the real binary, in both placements, configured through
// bundyctl, with real clients and peers on loopback or in network namespaces of its own.
package test
