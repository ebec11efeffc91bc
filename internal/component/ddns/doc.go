// Package ddns is the component bundy-ddns: it decides who may update which zone (module DDNS), carries dynamic updates
// out (RFC 2136), and answers NOERROR only when they are on disk. It has no socket: bundy-auth, which lives in the same
// process, receives the requests and sends the replies.
package ddns
