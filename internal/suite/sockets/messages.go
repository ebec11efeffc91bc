package sockets

import "bundy/internal/suite/logging"

// Messages lists the messages of this package.
func Messages() []*logging.Message {
	return []*logging.Message{msgSocketCreated, msgSocketEarly, msgSocketError}
}

var (
	msgSocketCreated = logging.NewMessage("BUNDY_SOCKET_CREATED", logging.Info,
		"bound {socket} for {component}",
		"The parent process has bound an address, or opened an interface, for a component. It keeps the socket open while the component is started again.")

	msgSocketEarly = logging.NewMessage("BUNDY_SOCKET_EARLY", logging.Warn,
		"bound {socket} for {component}, though this machine does not have the address now",
		"A component is to use an address that no interface has, or that an interface has only tentatively, as at the start of a machine. The socket begins to work when the address comes. If it never will, mend the configuration of the component.")

	msgSocketError = logging.NewMessage("BUNDY_SOCKET_ERROR", logging.Error,
		"no socket for {component}: {why}",
		"A component asked for an address or an interface that cannot be had: another program uses it, the machine does not have it, or the suite may not bind it. What this means for the component is told by the component. The message is repeated only when the reason changes.")
)
