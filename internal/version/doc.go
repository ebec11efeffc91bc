// Package version names this release.
package version
