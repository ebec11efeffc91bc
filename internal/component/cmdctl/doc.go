// Package cmdctl is the component bundy-cmdctl, module Cmdctl: the HTTPS interface through which bundyctl and other
// programs administer the suite (guide section 6.2).
//
// It knows nothing itself: configuration and specifications come from the configuration manager, commands go to their
// modules, all over the command channel.
//
//	POST /login                {"username", "password"}; the session is the value of the Cookie header, chosen by the client
//	GET  /config_data          the stored configuration
//	GET  /module_spec          the specifications of all modules
//	POST /Module/command       runs a command; the body holds the arguments
//	POST /ConfigManager/...    set_config, history, show, rollback
//
// Instead of a session every request may carry HTTP Digest credentials (RFC 7616).
package cmdctl
