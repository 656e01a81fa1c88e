package catalog

import (
	"bytes"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// maxDepth bounds how many arrays and objects a text may have within each
// other, and so the stack that reading it takes. What this version writes has
// 5: service, instances, instance, ports, port. The rest is for members of
// later versions, which readers skip.
const maxDepth = 64

// scanner reads a JSON text (RFC 8259) from left to right, without copying it.
// It knows exactly one text by its grammar; whether the text is UTF-8 is for
// the caller to check.
//
// After a fault of syntax err is set and nothing is left of the text. Loops end
// then, so that only the last caller has to look at err; what was read before
// is of no meaning.
type scanner struct {
	text  []byte
	pos   int
	depth int
	err   error
}

// fail says in err what should be at pos.
func (s *scanner) fail(want string) {
	if s.pos < len(s.text) {
		r, _ := utf8.DecodeRune(s.text[s.pos:])
		s.stop("%s at byte %d is not %s", strconv.QuoteRune(r), s.pos, want)
	} else {
		s.stop("it ends where %s should be", want)
	}
}

// stop sets err unless it is set, and leaves nothing of the text.
func (s *scanner) stop(format string, args ...any) {
	if s.err == nil {
		s.err = fmt.Errorf(format, args...)
		s.pos = len(s.text)
	}
}

// peek returns the first byte of what comes next, white space aside, or 0 at
// the end of the text.
func (s *scanner) peek() byte {
	for s.pos < len(s.text) {
		switch c := s.text[s.pos]; c {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return c
		}
	}
	return 0
}

// end checks that nothing is left.
func (s *scanner) end() {
	s.peek()
	if s.pos < len(s.text) {
		s.fail("the end")
	}
}

// members reads an object, which peek must have seen. It yields the name of
// each member as it is compared, escapes resolved; the caller reads the value
// each time.
func (s *scanner) members(yield func(name []byte) bool) {
	s.enter()
	for more := s.peek() != '}'; more; more = s.comma('}', "',' or '}'") {
		name := s.str()
		if s.peek() != ':' {
			s.fail("':'")
		}
		if s.err != nil {
			return
		}
		s.pos++
		if !yield(name) {
			return
		}
	}
	s.leave()
}

// elements reads an array, which peek must have seen. It yields the index of
// each element; the caller reads the value each time.
func (s *scanner) elements(yield func(i int) bool) {
	s.enter()
	i := 0
	for more := s.peek() != ']'; more; more = s.comma(']', "',' or ']'") {
		if s.err != nil || !yield(i) {
			return
		}
		i++
	}
	s.leave()
}

func (s *scanner) enter() {
	if s.depth++; s.depth > maxDepth {
		s.stop("more than %d arrays and objects are within each other", maxDepth)
		return
	}
	s.pos++
}

func (s *scanner) leave() {
	if s.err == nil {
		s.pos++
		s.depth--
	}
}

// comma reports whether there is one, after which another member or element
// must follow. Otherwise the end of the object or array must.
func (s *scanner) comma(end byte, want string) bool {
	switch s.peek() {
	case ',':
		s.pos++
		return true
	case end:
	default:
		s.fail(want)
	}
	return false
}

// number reads a number and returns its text.
func (s *scanner) number() []byte {
	s.peek()
	start := s.pos
	s.oneOf('-', '-')
	if !s.oneOf('0', '0') {
		s.digits()
	}
	if s.oneOf('.', '.') {
		s.digits()
	}
	if s.oneOf('e', 'E') {
		s.oneOf('+', '-')
		s.digits()
	}
	return s.text[start:s.pos]
}

func (s *scanner) oneOf(a, b byte) bool {
	if s.pos < len(s.text) && (s.text[s.pos] == a || s.text[s.pos] == b) {
		s.pos++
		return true
	}
	return false
}

func (s *scanner) digits() {
	start := s.pos
	for s.pos < len(s.text) && '0' <= s.text[s.pos] && s.text[s.pos] <= '9' {
		s.pos++
	}
	if s.pos == start {
		s.fail("a digit")
	}
}

// literal reads true, false or null.
func (s *scanner) literal(word string) {
	s.peek()
	if !bytes.HasPrefix(s.text[s.pos:], []byte(word)) {
		s.fail(word)
		return
	}
	s.pos += len(word)
}

// skip reads a value of any type and says which it is.
func (s *scanner) skip() (kind string) {
	switch s.peek() {
	case '{':
		for range s.members {
			s.skip()
		}
		return "an object"
	case '[':
		for range s.elements {
			s.skip()
		}
		return "an array"
	case '"':
		s.str()
		return "a string"
	case 't':
		s.literal("true")
		return "true"
	case 'f':
		s.literal("false")
		return "false"
	case 'n':
		s.literal("null")
		return "null"
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		s.number()
		return "a number"
	}
	s.fail("a value")
	return ""
}
