package zonefile

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"io/fs"
)

// MaxEntry bounds the octets of one entry with all its lines. The longest RDATA, 65,535 octets written as \DDD, needs
// four octets each; comments and spaces may double that.
const MaxEntry = 512 << 10

// maxTokens bounds the words of an entry: RDATA has no more than 65,535 octets, and a word gives at least one.
const maxTokens = 1 << 16

var (
	errLineLong   = errors.New("entry too long")
	errManyTokens = errors.New("too many words in an entry")
	errQuote      = errors.New("quote is not closed")
	errQuoteIn    = errors.New("quotation marks inside a word")
	errBackslash  = errors.New("backslash at the end of the line")
	errClose      = errors.New("closing parenthesis without an opening one")
	errOpen       = errors.New("parenthesis is not closed")
)

// token is a word of an entry: a part of entry.text, without its quotes but with escapes as they stand in the file.
type token struct {
	start, end int
	quoted     bool
	mixed      bool // holds a quoted part, as in alpn="h2,h3"; its quotes stand in the text
}

// entry is one entry of a master file: a record or a directive. Its memory is used again for the next one.
type entry struct {
	line   int  // where it begins
	indent bool // begins with white space: the owner is that of the record before
	text   []byte
	tokens []token
	depth  int // open parentheses
}

func (e *entry) reset() {
	e.text, e.tokens, e.depth, e.indent = e.text[:0], e.tokens[:0], 0, false
}

func (e *entry) word(i int) []byte { return e.text[e.tokens[i].start:e.tokens[i].end] }

// words gives the text of tokens.
func (e *entry) words(tokens []token) [][]byte {
	all := make([][]byte, len(tokens))
	for i, t := range tokens {
		all[i] = e.text[t.start:t.end]
	}
	return all
}

// add cuts one line, which it copies, into tokens.
func (e *entry) add(line []byte) error {
	if len(e.text)+len(line) > MaxEntry {
		return errLineLong
	}
	from := len(e.text)
	e.text = append(e.text, line...)
	if len(e.tokens) == 0 && e.depth == 0 {
		e.indent = len(line) > 0 && (line[0] == ' ' || line[0] == '\t')
	}
	for i := from; i < len(e.text); {
		switch e.text[i] {
		case ' ', '\t', '\r', '\n':
			i++
		case ';':
			return nil
		case '(':
			e.depth++
			i++
		case ')':
			if e.depth == 0 {
				return errClose
			}
			e.depth--
			i++
		default:
			next, err := e.cut(i)
			if err != nil {
				return err
			}
			i = next
		}
	}
	return nil
}

// cut makes a token of the word at i and returns where it ends.
func (e *entry) cut(i int) (int, error) {
	if len(e.tokens) == maxTokens {
		return 0, errManyTokens
	}
	quoted := e.text[i] == '"'
	if quoted {
		i++
	}
	start := i
	open, mixed := quoted, false
	for ; i < len(e.text); i++ {
		switch c := e.text[i]; {
		case c == '\\':
			if i++; i >= len(e.text) || e.text[i] == '\n' {
				return 0, errBackslash
			}
		case open && c == '\n':
			return 0, errQuote
		case c == '"' && quoted:
			e.tokens = append(e.tokens, token{start: start, end: i, quoted: true})
			return i + 1, nil
		case c == '"':
			open, mixed = !open, true
		case open:
		case c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == ';' || c == '(' || c == ')':
			e.tokens = append(e.tokens, token{start: start, end: i, mixed: mixed})
			return i, nil
		}
	}
	if open {
		return 0, errQuote
	}
	e.tokens = append(e.tokens, token{start: start, end: i, mixed: mixed})
	return i, nil
}

// scanner cuts a stream into entries.
type scanner struct {
	r        *bufio.Reader
	line     int // lines read
	entry    entry
	cut      bool // the stream ended without a line feed
	overflow bool // the rest of a line that is too long is still to be read
}

// Room to read into: that of a small file is no larger than the file, as many may include one another.
const (
	minBuffer = 512
	maxBuffer = 64 << 10
)

func newScanner(r io.Reader) *scanner {
	size := maxBuffer
	if f, ok := r.(fs.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
			size = int(min(max(info.Size()+1, minBuffer), maxBuffer)) // one more, to see the end without filling up
		}
	}
	return &scanner{r: bufio.NewReaderSize(r, size)}
}

// keptTokens bounds the memory that is kept for words of entries.
const keptTokens = 1 << 10

// again makes the scanner one of another stream.
func (s *scanner) again(r io.Reader) {
	if s.r == nil {
		s.r = bufio.NewReaderSize(r, maxBuffer)
	}
	s.r.Reset(r)
	kept := entry{}
	if cap(s.entry.text) <= maxBuffer && cap(s.entry.tokens) <= keptTokens {
		kept = s.entry
		kept.reset()
	}
	*s = scanner{r: s.r, entry: kept}
}

// next reads the next entry into s.entry. An error that is not of the reader leaves the scanner at the beginning of a
// line, so that the caller may go on. The end is io.EOF.
func (s *scanner) next() error {
	s.entry.reset()
	for {
		line, err := s.r.ReadSlice('\n')
		if s.overflow {
			s.overflow = errors.Is(err, bufio.ErrBufferFull)
			if s.overflow || err == nil {
				continue
			}
			line = nil
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			line, err = s.longLine(line)
			if err != nil {
				return err
			}
		case err != nil && (err != io.EOF || len(line) == 0):
			if err == io.EOF && s.entry.depth > 0 {
				s.entry.depth = 0
				return errOpen
			}
			return err
		case err == io.EOF:
			s.cut = true
		}
		if s.line++; s.line == 1 {
			line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf")) // byte order mark, which some editors write
		}
		if len(s.entry.tokens) == 0 && s.entry.depth == 0 {
			s.entry.reset()
			s.entry.line = s.line
		}
		if err := s.entry.add(line); err != nil {
			s.entry.depth = 0
			return err
		}
		if s.entry.depth == 0 && len(s.entry.tokens) > 0 {
			return nil
		}
	}
}

// longLine collects a line that is longer than the reader's buffer.
func (s *scanner) longLine(begin []byte) ([]byte, error) {
	line := bytes.Clone(begin)
	for {
		more, err := s.r.ReadSlice('\n')
		line = append(line, more...)
		switch {
		case len(line) > MaxEntry:
			s.line++
			s.entry.reset()
			s.entry.line = s.line
			s.overflow = errors.Is(err, bufio.ErrBufferFull)
			return nil, errLineLong
		case errors.Is(err, bufio.ErrBufferFull):
		case err == io.EOF:
			s.cut = true
			return line, nil
		default:
			return line, err
		}
	}
}
