// Package publish turns what is to be done for one record into dynamic updates (RFC 2136) by the rules of RFC 4703:
// a name is taken only if it is free or marked with our client's DHCID, unless the rules of the record say otherwise, and
// only records that we put there are deleted, each by its exact value. What an operator put beside them stays. Records of
// one domain go together in one message, and an update without answer is settled by looking.
package publish
