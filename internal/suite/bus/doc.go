// Package bus is the command channel (guide chapter 6): call, publish and subscribe between components, over one
// connection a process to the hub in the parent. Messages carry requests and facts, never bulk, and are encoded even
// inside one process.
package bus
