package usermgr

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/term"

	"bundy/internal/control/accounts"
)

// maxLine bounds what is read at a prompt.
const maxLine = 4096

var errInput = errors.New("bad input")

func (u program) read() (accounts.List, error) {
	l, err := accounts.Read(u.file)
	if errors.Is(err, fs.ErrNotExist) {
		return accounts.List{}, nil
	}
	return l, err
}

type prompter struct {
	in  io.Reader
	out io.Writer
}

// line reads octet by octet: what follows the line belongs to the next question, which may read the terminal itself.
func (p prompter) line(question string) (string, error) {
	fmt.Fprint(p.out, question)
	var text []byte
	for octet := make([]byte, 1); ; {
		switch n, err := p.in.Read(octet); {
		case n == 1 && octet[0] == '\n':
			return strings.TrimSuffix(string(text), "\r"), nil
		case n == 1 && len(text) == maxLine:
			return "", fmt.Errorf("%w: a line of more than %d octets", errInput, maxLine)
		case n == 1:
			text = append(text, octet[0])
		case errors.Is(err, io.EOF) && len(text) > 0:
			return string(text), nil
		case err != nil:
			return "", fmt.Errorf("%w: %w", errInput, err)
		}
	}
}

func (p prompter) password(question string) (string, error) {
	f, ok := p.in.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return p.line(question)
	}
	fmt.Fprint(p.out, question)
	text, err := term.ReadPassword(int(f.Fd()))
	fmt.Fprintln(p.out)
	if err != nil {
		return "", fmt.Errorf("%w: %w", errInput, err)
	}
	return string(text), nil
}

func (p prompter) newPassword() (string, error) {
	for {
		first, err := p.password("Choose a password: ")
		if err != nil {
			return "", err
		}
		if first == "" {
			fmt.Fprintln(p.out, "Error: the password is empty")
			continue
		}
		second, err := p.password("Re-enter password: ")
		if err != nil {
			return "", err
		}
		if first == second {
			return first, nil
		}
		fmt.Fprintln(p.out, "Error: the passwords do not match, try again")
	}
}
