// Package archtest holds tests about the code itself: who may import whom, what no file may contain, and that the
// message catalogue is whole. The rules are changed by a decision, never to make a build pass.
package archtest
