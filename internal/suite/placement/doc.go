// Package placement decides where components run: each group in a process of its own (grouped, the installed default),
// or all of them inside the parent (single: containers, small boxes, tests). What runs cannot tell which.
package placement
