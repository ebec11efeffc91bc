package accounts

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
)

// Realm is the realm of HTTP Digest authentication; the digest secrets depend on it.
const Realm = "Bundy"

const (
	maxUser     = 64   // octets of a user name; names are typed by people
	maxPassword = 1024 // octets of a password; hashing time must not depend on who sends the request
)

// ErrPassword says that a password cannot be used.
var ErrPassword = fmt.Errorf("a password has 1 to %d octets", maxPassword)

// Account is one user. It is a value.
type Account struct {
	User string
	Hash string // $argon2id$..., or 40 hexadecimal digits of SHA-1 in a row of the original system
	Salt string // only of a row of the original system

	Secrets Secrets // zero when the user cannot use digest authentication
}

// Secrets are the hashes of user, realm and password that HTTP Digest authentication needs (RFC 7616 section 3.4.2,
// A1), in lower-case hexadecimal.
type Secrets struct {
	SHA256, MD5 string
}

// New makes an account with a fresh salt. With digest the digest secrets are made as well.
func New(user, password string, digest bool) (Account, error) {
	if err := CheckUser(user); err != nil {
		return Account{}, err
	}
	if password == "" || len(password) > maxPassword {
		return Account{}, fmt.Errorf("user %q: %w", user, ErrPassword)
	}
	hash, err := hashPassword(password)
	if err != nil {
		return Account{}, fmt.Errorf("user %q: %w", user, err)
	}
	a := Account{User: user, Hash: hash}
	if digest {
		a.Secrets = secretsOf(user, password)
	}
	return a, nil
}

// CheckUser tells why a name cannot be given to a new user: it is empty, too long, or holds a colon (which ends the
// name in HTTP authentication) or a control character.
func CheckUser(user string) error {
	switch {
	case user == "":
		return errors.New("the user name is empty")
	case len(user) > maxUser:
		return fmt.Errorf("the user name %q is longer than %d octets", user[:maxUser], maxUser)
	case strings.ContainsRune(user, ':') || strings.ContainsFunc(user, unicode.IsControl):
		return fmt.Errorf("the user name %q holds a colon or a control character", user)
	}
	return nil
}

// Legacy tells whether the account is as the original system wrote it and should be replaced.
func (a Account) Legacy() bool { return !strings.HasPrefix(a.Hash, argonPrefix) }

// Verify tells whether password is the account's. It takes time and memory on purpose: bound how many run at once.
func (a Account) Verify(password string) bool {
	if password == "" || len(password) > maxPassword {
		return false
	}
	if a.Legacy() {
		return verifyLegacy(a.Hash, a.Salt, password)
	}
	return verifyArgon(a.Hash, password)
}

// VerifyNobody takes as long as Verify of an account, so that the time of an answer does not tell which users exist.
func VerifyNobody(password string) { verifyArgon(nobody, password) }
