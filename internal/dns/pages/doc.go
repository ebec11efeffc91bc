// Package pages tells the system how a piece of memory will be used. It changes no contents.
package pages
