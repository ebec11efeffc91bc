package grammar

import "strings"

// startsNamed tells whether arguments are in named form: the first thing is a name and an equals sign.
func startsNamed(text string) bool {
	_, _, ok := cutName(text)
	return ok
}

// cutName takes "name =" and the blanks behind it off the front.
func cutName(text string) (name, rest string, ok bool) {
	n := 0
	for n < len(text) && isNameOctet(text[n]) {
		n++
	}
	rest = strings.TrimLeft(text[n:], " \t")
	if n == 0 || !strings.HasPrefix(rest, "=") {
		return "", "", false
	}
	return text[:n], strings.TrimLeft(rest[1:], " \t"), true
}

func named(text string) ([]Named, error) {
	out := []Named{}
	for text != "" {
		name, rest, ok := cutName(text)
		if !ok || rest == "" {
			return nil, ErrArguments
		}
		value, end := cutValue(rest)
		out = append(out, Named{name, value})
		text = strings.TrimLeft(rest[end:], " \t")
		if after, comma := strings.CutPrefix(text, ","); comma {
			text = strings.TrimLeft(after, " \t")
		}
	}
	return out, nil
}

// cutValue finds a value at the front: between quotation marks of either kind, JSON in brackets, or a run without
// blank and comma.
func cutValue(text string) (value string, end int) {
	switch text[0] {
	case '"', '\'':
		end = quotedEnd(text, 0)
		inner := text[1:end]
		if end > 1 && inner != "" && inner[len(inner)-1] == text[0] {
			inner = inner[:len(inner)-1]
		}
		mark := text[:1]
		return strings.ReplaceAll(inner, `\`+mark, mark), end
	case '[', '{':
		if end = balancedEnd(text, 0); end > 0 {
			return text[:end], end
		}
	}
	end = strings.IndexAny(text, ", \t")
	if end < 0 {
		end = len(text)
	}
	return text[:end], end
}
