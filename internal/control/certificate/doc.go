// Package certificate makes and checks the self-signed certificate of the control interface (guide section 6.2).
package certificate
