// Package rest talks to the control interface: JSON over HTTPS, with a session that the client names itself.
package rest
