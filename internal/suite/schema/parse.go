package schema

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// MaxDepth bounds how deep lists and maps may nest. The deepest item of the suite stands at 8; an ACL with nested
// conditions is given room on top. Every function of this package that walks a value is recursive and relies on it.
const MaxDepth = 64

// exactFloat is the largest number up to which every integer has a float64 of its own.
const exactFloat = 1 << 53

// ErrDepth says that a text nests deeper than MaxDepth.
var ErrDepth = fmt.Errorf("nested deeper than %d levels", MaxDepth)

// SyntaxError says where a text stops being JSON.
type SyntaxError struct {
	Line, Column int // from 1
	Text         string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("line %d column %d: %s", e.Line, e.Column, e.Text)
}

// Parse reads one JSON value into the form of Section: an integral number in range becomes int64 even when it was
// written as 5.0, any other number float64. It refuses what encoding/json lets pass: a name that stands twice in one
// object, more than one value, and nesting beyond MaxDepth. The error is a *SyntaxError.
func Parse(text []byte) (any, error) {
	p := parser{text: text, in: json.NewDecoder(bytes.NewReader(text))}
	p.in.UseNumber()
	v, err := p.value(0)
	if err == nil {
		if _, end := p.in.Token(); end != io.EOF {
			err = errors.New("text after the value")
		}
	}
	if err != nil {
		return nil, p.at(err)
	}
	return v, nil
}

type parser struct {
	text []byte
	in   *json.Decoder
}

// at adds the place where reading stopped.
func (p parser) at(err error) error {
	offset := int(p.in.InputOffset())
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		// The decoder's offsets do not always count the offending byte; those of Unmarshal do.
		var all json.RawMessage
		if errors.As(json.Unmarshal(p.text, &all), &syntax) {
			offset, err = int(syntax.Offset)-1, syntax
		}
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || err.Error() == "unexpected end of JSON input" {
		offset, err = len(p.text), errors.New("unexpected end")
	}
	before := p.text[:max(0, min(offset, len(p.text)))]
	line := bytes.Count(before, []byte("\n")) + 1
	column := len(before) - bytes.LastIndexByte(before, '\n')
	return &SyntaxError{Line: line, Column: column, Text: err.Error()}
}

func (p parser) value(depth int) (any, error) {
	token, err := p.in.Token()
	if err != nil {
		return nil, err
	}
	switch token := token.(type) {
	case json.Number:
		return number(token)
	case json.Delim:
		if depth == MaxDepth {
			return nil, ErrDepth
		}
		if token == '[' {
			return p.list(depth + 1)
		}
		return p.object(depth + 1)
	}
	return token, nil // string, bool, nil
}

func (p parser) list(depth int) (any, error) {
	list := []any{}
	for p.in.More() {
		v, err := p.value(depth)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	_, err := p.in.Token()
	return list, err
}

func (p parser) object(depth int) (any, error) {
	object := map[string]any{}
	for p.in.More() {
		name, err := p.in.Token()
		if err != nil {
			return nil, err
		}
		key := name.(string) // the decoder lets nothing else stand before a colon
		if _, twice := object[key]; twice {
			return nil, fmt.Errorf("%q stands twice", key)
		}
		if object[key], err = p.value(depth); err != nil {
			return nil, err
		}
	}
	_, err := p.in.Token()
	return object, err
}

func number(n json.Number) (any, error) {
	if i, err := strconv.ParseInt(n.String(), 10, 64); err == nil {
		return i, nil
	}
	f, err := n.Float64()
	if err != nil {
		return nil, fmt.Errorf("number %s is out of range", n)
	}
	if i, ok := integer(f); ok {
		return i, nil
	}
	return f, nil
}
