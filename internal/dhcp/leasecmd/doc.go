// Package leasecmd is the commands by which an operator looks at the leases of a DHCP server and changes them, for both
// families. A component describes Commands in its module and hands calls to Run.
package leasecmd
