package catalog

import (
	"bytes"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// str reads a string. It returns a part of the text or, where that has
// escapes, a copy.
func (s *scanner) str() []byte {
	if s.peek() != '"' {
		s.fail("a string")
		return nil
	}
	var out []byte // what was before the last escape and that; nil without one
	start := s.pos + 1
	for i := start; i < len(s.text); {
		switch c := s.text[i]; {
		case c == '"':
			s.pos = i + 1
			if out == nil {
				return s.text[start:i]
			}
			return append(out, s.text[start:i]...)
		case c == '\\':
			s.pos = i + 1
			out = s.escape(append(out, s.text[start:i]...))
			start, i = s.pos, s.pos
		case c < ' ':
			s.pos = i
			s.fail("allowed in a string without an escape")
			return nil
		default:
			i++
		}
	}
	s.pos = len(s.text)
	s.fail(`'"'`)
	return nil
}

// escapes holds what the letter after a backslash stands for; \u aside.
var escapes = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// escape reads what follows a backslash and appends what it stands for.
func (s *scanner) escape(out []byte) []byte {
	if s.pos < len(s.text) {
		c := s.text[s.pos]
		if c == 'u' {
			s.pos++
			return utf8.AppendRune(out, s.hexRune())
		}
		if plain := escapes[c]; plain != 0 {
			s.pos++
			return append(out, plain)
		}
	}
	s.fail("an escape")
	return out
}

// hexRune reads the digits of a \u escape, and the second one of a surrogate
// pair. A surrogate without its other half reads as U+FFFD, as encoding/json
// and most others have it; RFC 8259, section 8.2, leaves it open.
func (s *scanner) hexRune() rune {
	r := s.hex4()
	if !utf16.IsSurrogate(r) {
		return r
	}
	if after := s.pos; bytes.HasPrefix(s.text[after:], []byte(`\u`)) {
		s.pos += len(`\u`)
		if pair := utf16.DecodeRune(r, s.hex4()); pair != unicode.ReplacementChar {
			return pair
		}
		if s.err == nil {
			s.pos = after // not the other half: an escape of its own
		}
	}
	return unicode.ReplacementChar
}

func (s *scanner) hex4() rune {
	var r rune
	for range 4 {
		var c byte
		if s.pos < len(s.text) {
			c = s.text[s.pos]
		}
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			s.fail("a hexadecimal digit")
			return 0
		}
		r = r<<4 | rune(c)
		s.pos++
	}
	return r
}
