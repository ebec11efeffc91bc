// Package proof decides which records of a zone this installation made, when the state that says so was lost or another node
// made them: by their marks, and by the leases that our servers gave. It decides on values: zones are read elsewhere.
package proof
