// Package cookie makes and checks DNS server cookies in the form that servers of all makers understand when they share a
// secret (RFC 7873, RFC 9018): SipHash-2-4 over the client's cookie, a time and the client's address.
package cookie
