package accounts

import (
	"bytes"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

const columns = 3

// List is the contents of an accounts file, in the order of its rows. It is immutable.
type List struct {
	accounts []Account
}

// Len is the number of accounts.
func (l List) Len() int { return len(l.accounts) }

// Find returns the account of a user.
func (l List) Find(user string) (Account, bool) {
	i := slices.IndexFunc(l.accounts, func(a Account) bool { return a.User == user })
	if i < 0 {
		return Account{}, false
	}
	return l.accounts[i], true
}

// With returns the list with a in the place of the account of the same user, else at the end.
func (l List) With(a Account) List {
	out := slices.Clone(l.accounts)
	if i := slices.IndexFunc(out, func(b Account) bool { return b.User == a.User }); i >= 0 {
		out[i] = a
		return List{out}
	}
	return List{append(out, a)}
}

// Without returns the list without the account of a user.
func (l List) Without(user string) List {
	return List{slices.DeleteFunc(slices.Clone(l.accounts), func(a Account) bool { return a.User == user })}
}

// WithoutSecrets returns the list without any digest secrets, and whether there were some.
func (l List) WithoutSecrets() (List, bool) {
	out, found := slices.Clone(l.accounts), false
	for i := range out {
		found = found || out[i].Secrets != Secrets{}
		out[i].Secrets = Secrets{}
	}
	return List{out}, found
}

// Parse reads the contents of an accounts file. An error names the line. A user who stands twice is an error: it would
// be a matter of luck which password counts.
func Parse(text []byte) (List, error) {
	r := csv.NewReader(bytes.NewReader(text))
	r.FieldsPerRecord = -1
	var l List
	seen := map[string]bool{}
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return l, nil
		}
		if err != nil {
			return List{}, err // says the line
		}
		line, _ := r.FieldPos(0)
		a, err := parseRow(row)
		if err != nil {
			return List{}, fmt.Errorf("line %d: %w", line, err)
		}
		if seen[a.User] {
			return List{}, fmt.Errorf("line %d: user %q stands there twice", line, a.User)
		}
		seen[a.User] = true
		l.accounts = append(l.accounts, a)
	}
}

func parseRow(row []string) (Account, error) {
	if len(row) != columns {
		return Account{}, fmt.Errorf("%d columns instead of %d", len(row), columns)
	}
	if row[0] == "" {
		return Account{}, errors.New("the user name is empty")
	}
	a := Account{User: row[0], Hash: row[1]}
	if a.Legacy() {
		a.Salt = row[2]
		return a, nil
	}
	if _, err := parseArgon(a.Hash); err != nil {
		return Account{}, fmt.Errorf("user %q: %w", a.User, err)
	}
	for _, field := range strings.Fields(row[2]) {
		name, value, _ := strings.Cut(field, "=")
		if _, err := hex.DecodeString(value); err != nil || value == "" {
			return Account{}, fmt.Errorf("user %q: digest secret %s is not hexadecimal", a.User, name)
		}
		switch name {
		case "SHA-256":
			a.Secrets.SHA256 = value
		case "MD5":
			a.Secrets.MD5 = value
		default:
			return Account{}, fmt.Errorf("user %q: unknown digest algorithm %q", a.User, name)
		}
	}
	return a, nil
}

// Format gives the contents of the accounts file.
func (l List) Format() ([]byte, error) {
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	for _, a := range l.accounts {
		if err := w.Write([]string{a.User, a.Hash, a.third()}); err != nil {
			return nil, fmt.Errorf("user %q: %w", a.User, err)
		}
	}
	w.Flush()
	return out.Bytes(), w.Error()
}

func (a Account) third() string {
	if a.Legacy() {
		return a.Salt
	}
	var fields []string
	if a.Secrets.SHA256 != "" {
		fields = append(fields, "SHA-256="+a.Secrets.SHA256)
	}
	if a.Secrets.MD5 != "" {
		fields = append(fields, "MD5="+a.Secrets.MD5)
	}
	return strings.Join(fields, " ")
}
