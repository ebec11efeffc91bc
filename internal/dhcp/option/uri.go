package option

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// maxURI bounds the address of a captive portal in DHCPv4: many clients do not put options together that come in pieces (RFC
// 8910 section 2.1).
const maxURI = 255

// checkURI refuses what is no absolute address of a captive portal (RFC 8910 section 2): no client could open it.
func checkURI(text string, family Family) error {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return err
	case !u.IsAbs() || u.Host == "" && u.Opaque == "":
		return fmt.Errorf("%q is not a whole URI, as https://portal.example.com/api", text)
	case strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r >= 0x7f }):
		return fmt.Errorf("%q holds characters that stand in no URI", text)
	case family == Family4 && len(text) > maxURI:
		return errors.New("the URI is longer than 255 octets, which DHCPv4 clients may not be able to read")
	}
	return nil
}
