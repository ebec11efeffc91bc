package sockets

import "bundy/internal/suite/logging"

// Messages lists the messages of this package.
func Messages() []*logging.Message { return []*logging.Message{msgSocketCreated, msgSocketError} }

var (
	msgSocketCreated = logging.NewMessage("BUNDY_SOCKET_CREATED", logging.Info,
		"bound {socket} for {component}",
		"The parent process has bound an address, or opened an interface, for a component. It keeps the socket open while the component is started again.")

	msgSocketError = logging.NewMessage("BUNDY_SOCKET_ERROR", logging.Error,
		"no socket for {component}: {why}",
		"A component asked for an address or an interface that cannot be had: another program uses it, the machine does not have it, or the suite may not bind it. What this means for the component is told by the component. The message is repeated only when the reason changes.")
)
