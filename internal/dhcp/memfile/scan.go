package memfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"sync"

	"bundy/internal/dhcp/lease"
)

// scanned is what reading one file found.
type scanned struct {
	current bool     // its header is the one we write
	rows    int      // good rows
	bad     []string // rows that could not be read, as "file:line: why", at most maxReported
	badRows int
	whole   int64 // bytes up to the end of the last complete line
	size    int64
}

const (
	// maxReported bounds the bad rows that are named one by one; the rest is counted.
	maxReported = 20

	// portion is how much of a file is parsed at once, by one goroutine: some thousand rows.
	portion = 256 << 10
)

// part is a portion of a file: whole lines, parsed by one goroutine while others parse the parts behind it.
type part struct {
	text    string // whole lines
	dropped int64  // octets of the first line before text: it is too long
	err     error  // of reading; the last part
	rows    []parsed
	lines   int
	done    chan struct{}
}

// parsed is what became of one line.
type parsed struct {
	lease lease.Lease
	line  int // of the part
	err   error
}

// scan calls fn for each good row of the file at path, with the number of the row. A last line without line feed is not read:
// it was never acknowledged. A missing file is fs.ErrNotExist; a file that does not begin with a header is
// lease.ErrHeader, one with the header of another family ErrFamily.
func scan(path string, family lease.Family, fn func(row int, l *lease.Lease)) (scanned, error) {
	var s scanned
	f, err := os.Open(path)
	if err != nil {
		return s, err
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil {
		s.size = info.Size()
	}
	in := &lines{in: f, buffer: make([]byte, portion)}
	columns, err := s.header(in, path, family)
	if err != nil || columns == nil {
		return s, err
	}
	parsers := runtime.GOMAXPROCS(0)
	work, order := make(chan *part), make(chan *part, 2*parsers)
	spare := make(chan []parsed, 3*parsers+1)
	stop := make(chan struct{})
	var running sync.WaitGroup
	defer running.Wait()
	defer close(stop)
	for range parsers {
		running.Go(func() {
			for p := range work {
				p.parse(columns)
				close(p.done)
			}
		})
	}
	running.Go(func() {
		defer close(work)
		defer close(order)
		for more := true; more; {
			p := &part{done: make(chan struct{})}
			p.text, p.dropped, p.err = in.next()
			more = p.err == nil
			select {
			case p.rows = <-spare:
			default:
			}
			select {
			case order <- p:
			case <-stop:
				return
			}
			select {
			case work <- p:
			case <-stop:
				close(p.done)
				return
			}
		}
	})
	number := 1
	for p := range order {
		<-p.done
		for i := range p.rows {
			if r := &p.rows[i]; r.err != nil {
				s.reject(path, number+r.line, r.err)
			} else {
				fn(s.rows, &r.lease)
				s.rows++
			}
		}
		number += p.lines
		if p.text != "" {
			s.whole += p.dropped + int64(len(p.text))
		}
		if p.err != nil && p.err != io.EOF {
			return s, fmt.Errorf("read %s: %w", path, p.err)
		}
		select {
		case spare <- p.rows[:0]:
		default:
		}
	}
	return s, nil
}

// header reads the first line. A file without one whole line has no columns.
func (s *scanned) header(in *lines, path string, family lease.Family) (*lease.Columns, error) {
	line, err := in.first()
	if err == io.EOF {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	columns, err := lease.ParseHeader(strings.TrimSuffix(line, "\n"))
	if err != nil {
		return nil, fmt.Errorf("%s:1: %w", path, err)
	}
	if columns.Family() != family {
		return nil, fmt.Errorf("%s:1: %w: %v", path, ErrFamily, columns.Family())
	}
	s.current = columns.Current()
	s.whole = int64(len(line))
	return &columns, nil
}

func (s *scanned) reject(path string, line int, err error) {
	s.badRows++
	if len(s.bad) < maxReported {
		s.bad = append(s.bad, fmt.Sprintf("%s:%d: %v", path, line, err))
	}
}

var errLong = fmt.Errorf("line longer than %d bytes", lease.MaxLine)

func (p *part) parse(columns *lease.Columns) {
	for rest := p.text; rest != ""; {
		line, more, _ := strings.Cut(rest, "\n")
		rest = more
		p.lines++
		r := parsed{line: p.lines}
		switch {
		case len(line) >= lease.MaxLine || p.lines == 1 && p.dropped > 0:
			r.err = errLong
		default:
			r.lease, r.err = columns.Parse(line)
		}
		p.rows = append(p.rows, r)
	}
}

// lines cuts a file into portions of whole lines.
type lines struct {
	in     io.Reader
	buffer []byte
	held   int // octets at the beginning of buffer that were read and not given
	ended  error
}

// first gives the first line with its line feed; io.EOF if there is no whole one.
func (l *lines) first() (string, error) {
	for {
		if end := bytes.IndexByte(l.buffer[:l.held], '\n') + 1; end > 0 {
			line := string(l.buffer[:end])
			l.held = copy(l.buffer, l.buffer[end:l.held])
			return line, nil
		}
		if l.held >= lease.MaxLine {
			return "", fmt.Errorf("%w: %w", lease.ErrHeader, errLong)
		}
		if l.ended != nil {
			return "", l.ended
		}
		l.fill()
	}
}

func (l *lines) fill() {
	n, err := io.ReadFull(l.in, l.buffer[l.held:])
	l.held += n
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = io.EOF
	}
	l.ended = err
}

// next gives the next whole lines. Of a line that fills a portion only the end is given, and how much was dropped of it.
// The error comes with the last lines.
func (l *lines) next() (text string, dropped int64, err error) {
	for {
		if l.ended == nil && l.held < len(l.buffer) {
			l.fill()
		}
		end := bytes.LastIndexByte(l.buffer[:l.held], '\n') + 1
		if end > 0 || l.ended != nil {
			text = string(l.buffer[:end])
			l.held = copy(l.buffer, l.buffer[end:l.held])
			return text, dropped, l.ended
		}
		dropped += int64(l.held)
		l.held = 0
	}
}
