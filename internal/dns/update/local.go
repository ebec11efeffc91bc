package update

import (
	"encoding/binary"
	"errors"
	"fmt"

	"bundy/internal/dns/wire"
)

// What follows is the form of the private commands of module DDNS by which other components of the suite change and read
// the zones that it serves: "update" takes a Call and gives a Reply, "look" takes a Look and gives a Sight.

const (
	// MaxTransactions bounds the transactions of one call, so that others who want the same zones do not wait long.
	MaxTransactions = 512

	// MaxTogether bounds the requests of one transaction: a name has two directions.
	MaxTogether = 8
)

// Call is transactions to be carried out in one transaction of the database: when the reply comes, all are on disk but those that
// it names.
type Call struct {
	// Transactions has for each transaction the number of its messages in one octet, and each message behind its length in two
	// octets, network byte order. The messages are UPDATE messages (RFC 2136) without signature.
	Transactions []byte `json:"transactions"`
}

// Reply names the transactions that were not carried out.
type Reply struct {
	Refused []Refused `json:"refused,omitempty"`
}

// Refused is a transaction that was not carried out.
type Refused struct {
	Transaction int          `json:"transaction"` // beginning with 0
	Rcodes      []wire.Rcode `json:"rcodes"`      // of its messages; NOERROR for those that were not carried out because of others
	Text        string       `json:"text"`        // why, for people
}

// Look asks what is at a name, after all calls that were answered. Without zone, the deepest one that is served and has the
// name is meant.
type Look struct {
	Zone  string   `json:"zone"`
	Name  string   `json:"name"`
	Types []string `json:"types"`
}

// Sight is what is there.
type Sight struct {
	Zone    string     `json:"zone"`
	Rcode   wire.Rcode `json:"rcode"` // NOTAUTH if no such zone is served
	Text    string     `json:"text,omitempty"`
	Records []Seen     `json:"records,omitempty"`
}

// Seen is one record of a Sight.
type Seen struct {
	Type wire.Type `json:"type"`
	Data []byte    `json:"data"`
}

// Pack makes a call of transactions.
func Pack(ts []Transaction) (Call, error) {
	var b []byte
	for _, t := range ts {
		b = append(b, byte(len(t)))
		for _, r := range t {
			msg, err := r.Pack(0)
			if err != nil {
				return Call{}, err
			}
			b = binary.BigEndian.AppendUint16(b, uint16(len(msg)))
			b = append(b, msg...)
		}
	}
	return Call{b}, nil
}

var errCut = errors.New("the call ends within a transaction")

// Unpack reads the transactions of a call. A message that is not well formed is an *Error with FORMERR, as of Parse.
func (c Call) Unpack() ([]Transaction, error) {
	var ts []Transaction
	for b := c.Transactions; len(b) > 0; {
		n := int(b[0])
		b = b[1:]
		if len(ts) == MaxTransactions || n == 0 || n > MaxTogether {
			return nil, fmt.Errorf("transaction %d with %d messages: at most %d transactions with 1 to %d messages may be in a call", len(ts), n, MaxTransactions, MaxTogether)
		}
		t := make(Transaction, n)
		for i := range t {
			if len(b) < 2 || len(b)-2 < int(binary.BigEndian.Uint16(b)) {
				return nil, errCut
			}
			msg := b[2 : 2+binary.BigEndian.Uint16(b)]
			b = b[2+len(msg):]
			var err error
			if t[i], err = Parse(msg); err != nil {
				return nil, fmt.Errorf("transaction %d, message %d: %w", len(ts), i, err)
			}
		}
		ts = append(ts, t)
	}
	return ts, nil
}

// Refuse names the transactions that errs, in the form of EvaluateAll, has errors for. rcode gives the response code for an
// error other than ErrUntouched.
func (r *Reply) Refuse(errs [][]error, rcode func(transaction, request int, err error) wire.Rcode) {
	for i, list := range errs {
		if list == nil {
			continue
		}
		out := Refused{Transaction: i, Rcodes: make([]wire.Rcode, len(list))}
		for j, err := range list {
			if errors.Is(err, ErrUntouched) {
				continue
			}
			out.Rcodes[j] = rcode(i, j, err)
			var refusal *Error
			if out.Text = err.Error(); errors.As(err, &refusal) {
				out.Text = refusal.Text
			}
		}
		r.Refused = append(r.Refused, out)
	}
}

// Errors gives what the reply to a call of ts says, in the form of EvaluateAll.
func (r Reply) Errors(ts []Transaction) ([][]error, error) {
	errs := make([][]error, len(ts))
	for _, refused := range r.Refused {
		i := refused.Transaction
		if i < 0 || i >= len(ts) || len(refused.Rcodes) != len(ts[i]) {
			return nil, fmt.Errorf("the reply speaks of transaction %d with %d messages, which was not in the call", i, len(refused.Rcodes))
		}
		errs[i] = make([]error, len(ts[i]))
		for j, rcode := range refused.Rcodes {
			if errs[i][j] = ErrUntouched; rcode != wire.RcodeNoError {
				errs[i][j] = &Error{Rcode: rcode, Text: refused.Text}
			}
		}
	}
	return errs, nil
}
