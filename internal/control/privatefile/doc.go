// Package privatefile replaces small files that hold secrets: at one stroke, durably, with the right owner.
package privatefile
