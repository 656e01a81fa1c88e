package catalog

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
	"unique"

	"github.com/go-json-experiment/json/jsontext"
)

// reader reads JSON values of known types, token by token: that is faster than
// reflection, which counts where there are a million of them. Null is the same
// as absent.
//
// After the first error, of the text or of a value in it, err is set: loops end,
// and all methods return zero values, so that only parse has to look at err.
type reader struct {
	text bytes.Buffer
	json jsontext.Decoder
	// strict refuses unknown members, which are ignored else.
	strict bool
	err    error
}

// readers are for reuse: what a decoder needs to find duplicate names would be
// most of the cost of reading a value.
var readers = sync.Pool{New: func() any { return new(reader) }}

// parse reads a JSON text that holds one value, by read. The field is what the
// text as a whole is called in errors, which are FieldErrors.
func parse(text []byte, field string, strict bool, read func(*reader)) error {
	r := readers.Get().(*reader)
	defer readers.Put(r)
	r.text, r.strict, r.err = *bytes.NewBuffer(text), strict, nil
	r.json.Reset(&r.text)
	read(r)
	if r.err == nil {
		r.err = r.end()
	}
	return explain(r.err, text, field)
}

// end checks that nothing but white space follows.
func (r *reader) end() error {
	if rest := bytes.TrimLeft(r.json.UnreadBuffer(), " \t\r\n"); len(rest) > 0 {
		return fmt.Errorf("data after the end (byte %d)", r.json.InputOffset())
	}
	return nil
}

// explain returns what is wrong with a text as a FieldError.
func explain(err error, text []byte, field string) error {
	if err == nil {
		return nil
	}
	if fe, ok := errors.AsType[*FieldError](err); ok {
		if fe.Field == "" {
			fe.Field = field
		}
		return fe
	}
	syntax, ok := errors.AsType[*jsontext.SyntacticError](err)
	switch {
	case !utf8.Valid(text):
		return invalid(field, "is not UTF-8")
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return invalid(field, "can't be read as JSON: it is empty or cut off")
	case errors.Is(err, jsontext.ErrDuplicateName):
		return invalid(field, "has the member %s twice", quote(string(syntax.JSONPointer)))
	case ok:
		return invalid(field, "can't be read as JSON: %v (byte %d)", syntax.Err, syntax.ByteOffset)
	}
	return invalid(field, "can't be read as JSON: %v", err)
}

// members reads an object. It yields the name of each member, which is valid
// until a value is read; the caller reads the value, or calls unknown.
func (r *reader) members(yield func(name []byte) bool) {
	if !r.begin(jsontext.KindBeginObject) {
		return
	}
	for r.more(jsontext.KindEndObject) {
		if name := r.next(); name == nil || !yield(unquote(name)) {
			return
		}
	}
	r.delimiter()
}

// unknown reads the value of a member whose name has no meaning here.
func (r *reader) unknown(name []byte) {
	if r.strict {
		err := invalid(quote(string(name)), "is not a known member")
		r.err = below(r.path(r.json.StackPointer().Parent()), err)
	}
	r.skip()
}

// elements reads an array. It yields the index of each element; the caller reads
// the value.
func (r *reader) elements(yield func(i int) bool) {
	if r.null() || !r.begin(jsontext.KindBeginArray) {
		return
	}
	for i := 0; r.more(jsontext.KindEndArray); i++ {
		if !yield(i) {
			return
		}
	}
	r.delimiter()
}

// begin reads the start of an object or array. That there is another value is an
// error.
func (r *reader) begin(kind jsontext.Kind) bool {
	if r.err == nil && r.json.PeekKind() != kind {
		r.mismatch(r.next(), kindName(kind))
	}
	r.delimiter()
	return r.err == nil
}

// more reports whether anything comes before the end of an object or array.
func (r *reader) more(end jsontext.Kind) bool { return r.err == nil && r.json.PeekKind() != end }

// delimiter reads the start or the end of an object or array.
func (r *reader) delimiter() {
	if r.err == nil {
		_, r.err = r.json.ReadToken()
	}
}

// null reports whether the next value is null, and reads that.
func (r *reader) null() bool {
	if r.err != nil || r.json.PeekKind() != jsontext.KindNull {
		return false
	}
	r.skip()
	return true
}

// skip reads a value of any type.
func (r *reader) skip() {
	if r.err == nil {
		r.err = r.json.SkipValue()
	}
}

// next reads a value of any type, which is valid until the next is read. It is
// nil after an error.
func (r *reader) next() (v jsontext.Value) {
	if r.err == nil {
		v, r.err = r.json.ReadValue()
	}
	return v
}

// chars reads a string, which is valid until the next value is read.
func (r *reader) chars() []byte {
	switch v := r.next(); v.Kind() {
	case jsontext.KindString:
		return unquote(v)
	case jsontext.KindNull:
	default:
		r.mismatch(v, "a string")
	}
	return nil
}

// unquote returns what a JSON string stands for: a part of it, or a copy where
// it has escapes.
func unquote(v jsontext.Value) []byte {
	if bytes.IndexByte(v, '\\') < 0 {
		return v[1 : len(v)-1]
	}
	s, _ := jsontext.AppendUnquote(nil, v) // of what was read without an error
	return s
}

func (r *reader) string() string { return string(r.chars()) }

// constant reads a string that is nearly always one of a few.
func (r *reader) constant(usual ...string) string {
	s := r.chars()
	for _, c := range usual {
		if string(s) == c {
			return c
		}
	}
	return string(s)
}

// shared reads a string that many instances have in common.
func (r *reader) shared() string { return share(r.chars()) }

// share returns s as a string that shares memory with equal ones, as far as it
// is short enough to be a name.
func share(s []byte) string {
	if len(s) == 0 || len(s) > MaxLabel {
		return string(s)
	}
	return unique.Make(string(s)).Value()
}

// Ranges of numbers, as errors name them. That some are never 0 is a rule, and
// rules are checked later.
const (
	uint16Range = "a whole number from 0 to 65535"
	uint32Range = "a whole number from 0 to 4294967295"
	portRange   = "a whole number from 1 to 65535"
)

func (r *reader) uint16(want string) uint16 { return uint16(r.uint(16, want)) }

// uint reads a whole number of that many bits. A fraction or an exponent is an
// error even where the number is whole.
func (r *reader) uint(bits int, want string) uint64 {
	switch v := r.next(); v.Kind() {
	case jsontext.KindNumber:
		n, err := strconv.ParseUint(string(v), 10, bits)
		if err != nil {
			r.fail("is %s, not %s", quote(string(v)), want)
			return 0
		}
		return n
	case jsontext.KindNull:
	default:
		r.mismatch(v, want)
	}
	return 0
}

func (r *reader) bool() bool {
	switch v := r.next(); v.Kind() {
	case jsontext.KindTrue:
		return true
	case jsontext.KindFalse, jsontext.KindNull:
	default:
		r.mismatch(v, "true or false")
	}
	return false
}

// mismatch says that the value that was read last is not of the right type.
func (r *reader) mismatch(v jsontext.Value, want string) {
	r.fail("is %s, not %s", kindName(v.Kind()), want)
}

func kindName(kind jsontext.Kind) string {
	switch kind {
	case jsontext.KindString:
		return "a string"
	case jsontext.KindNumber:
		return "a number"
	case jsontext.KindBeginArray:
		return "an array"
	case jsontext.KindBeginObject:
		return "an object"
	}
	return kind.String() // null, true, false
}

// fail sets err to what is wrong with the value that was read last, unless it is
// set.
func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = invalid(r.path(r.json.StackPointer()), format, args...)
	}
}

// path returns the path of a value as FieldErrors have it. The pointer leads to
// the value that was read last, or to what that is in.
func (r *reader) path(pointer jsontext.Pointer) string {
	var path strings.Builder
	depth, parent := 0, ""
	for token := range pointer.Tokens() {
		depth++
		switch kind, _ := r.json.StackIndex(depth); {
		case kind == jsontext.KindBeginArray:
			fmt.Fprintf(&path, "[%s]", token)
		case parent == "metadata":
			fmt.Fprintf(&path, "[%s]", quote(token))
		case depth > 1:
			path.WriteString("." + token)
		default:
			path.WriteString(token)
		}
		parent = token
	}
	return path.String()
}
