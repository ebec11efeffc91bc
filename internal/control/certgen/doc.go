// Package certgen is the program bundy-certgen: it checks the certificate of the control interface, and makes one
// where there is none that can be used.
package certgen
