package catalog

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"sync"

	"github.com/go-json-experiment/json/jsontext"
)

// jsonReader reads JSON values of known types, token by token: that is faster than
// reflection, which counts where there are a million of them. Null is the same
// as absent. It knows nothing of what they mean: functions that do take one.
//
// After the first error, of the text or of a value in it, err is set: loops end,
// and all methods return zero values, so that only parse has to look at err.
type jsonReader struct {
	text bytes.Buffer
	json jsontext.Decoder
	// strict refuses unknown members, which are ignored else.
	strict bool
	// escapes says that strings can have escapes: there is a backslash in the text.
	escapes bool
	err     error
}

// readers are for reuse: what a decoder needs to find duplicate names would be
// most of the cost of reading a value.
var readers = sync.Pool{New: func() any { return new(jsonReader) }}

// parse reads a JSON text that holds one value, by read. The field is what the
// text as a whole is called in errors, which are FieldErrors.
func parse(text []byte, field string, strict bool, read func(*jsonReader)) error {
	r := readers.Get().(*jsonReader)
	r.text, r.strict, r.err = *bytes.NewBuffer(text), strict, nil
	r.escapes = bytes.IndexByte(text, '\\') >= 0
	r.json.Reset(&r.text)
	read(r)
	if r.err == nil {
		r.err = r.end()
	}
	err := r.err
	readers.Put(r)
	return explain(err, text, field)
}

// end checks that nothing but white space follows.
func (r *jsonReader) end() error {
	if rest := bytes.TrimLeft(r.json.UnreadBuffer(), " \t\r\n"); len(rest) > 0 {
		return fmt.Errorf("data after the end (byte %d)", r.json.InputOffset())
	}
	return nil
}

// object reads the start of an object. The caller reads its members: as long as
// member reports one, the name, and then the value, or calls unknown.
func (r *jsonReader) object() {
	if !r.begin(jsontext.KindBeginObject) {
		r.fail("is null, not an object")
	}
}

func (r *jsonReader) member() bool { return r.more(jsontext.KindEndObject) }

// name reads the name of a member, which is valid until the value is read.
func (r *jsonReader) name() []byte { return r.unquote(r.value()) }

// unknown reads the value of a member whose name has no meaning here.
func (r *jsonReader) unknown(name []byte) {
	if r.strict && r.err == nil {
		r.err = below(r.path(r.json.StackPointer().Parent()), invalid(quote(string(name)), "is not a known member"))
	}
	r.skip()
}

// list reads an array, each element of it by read.
func list[T any](r *jsonReader, read func(*jsonReader) T) []T {
	if !r.begin(jsontext.KindBeginArray) {
		return nil
	}
	// As much room on the stack as nearly all lists need, so that their final size
	// is known before they are stored.
	var room [8]T
	list := room[:0]
	for r.more(jsontext.KindEndArray) {
		list = append(list, read(r))
	}
	if len(list) == 0 {
		return nil
	}
	return slices.Clone(list)
}

// begin reads the start of an object or array, or null: it reports which. That
// there is another value is an error.
func (r *jsonReader) begin(kind jsontext.Kind) bool {
	switch k := r.token().Kind(); k {
	case kind:
		return true
	case jsontext.KindNull:
	default:
		r.mismatch(k, kindName(kind))
	}
	return false
}

// more reports whether anything comes before the end of an object or array.
// Otherwise it reads the end.
func (r *jsonReader) more(end jsontext.Kind) bool {
	if r.err == nil && r.json.PeekKind() == end {
		r.token()
		return false
	}
	return r.err == nil
}

// null reports whether null comes next, and reads it.
func (r *jsonReader) null() bool {
	if r.err != nil || r.json.PeekKind() != jsontext.KindNull {
		return false
	}
	r.skip()
	return true
}

// skip reads a value of any type.
func (r *jsonReader) skip() {
	if r.err == nil {
		r.err = r.json.SkipValue()
	}
}

// token reads a token, which is valid until the next is read. After an error it
// is of no kind.
func (r *jsonReader) token() jsontext.Token {
	if r.err != nil {
		return jsontext.Token{}
	}
	t, err := r.json.ReadToken()
	if err != nil {
		r.err = err
	}
	return t
}

// value reads a value, which is valid until the next is read. After an error it is
// nil.
func (r *jsonReader) value() jsontext.Value {
	if r.err != nil {
		return nil
	}
	v, err := r.json.ReadValue()
	if err != nil {
		r.err = err
	}
	return v
}

// chars reads a string, which is valid until the next value is read.
func (r *jsonReader) chars() []byte {
	v := r.value()
	switch v.Kind() {
	case jsontext.KindString:
		return r.unquote(v)
	case jsontext.KindNull:
	default:
		r.mismatch(v.Kind(), "a string")
	}
	return nil
}

// unquote returns what a JSON string stands for: a part of it, or a copy where
// it has escapes.
func (r *jsonReader) unquote(v jsontext.Value) []byte {
	if len(v) == 0 {
		return nil // after an error
	}
	if !r.escapes || bytes.IndexByte(v, '\\') < 0 {
		return v[1 : len(v)-1]
	}
	s, _ := jsontext.AppendUnquote(nil, v) // of what was read without an error
	return s
}

func (r *jsonReader) string() string { return string(r.chars()) }

// constant reads a string that is nearly always one of a few.
func (r *jsonReader) constant(usual ...string) string {
	s := r.chars()
	for _, c := range usual {
		if string(s) == c {
			return c
		}
	}
	return string(s)
}

// uint16 reads a whole number of that type.
func (r *jsonReader) uint16(want string) uint16 { return uint16(r.uint(math.MaxUint16, want)) }

// uint reads a whole number up to a limit. A fraction or an exponent is an error
// even where the number is whole.
func (r *jsonReader) uint(limit uint64, want string) uint64 {
	switch t := r.token(); t.Kind() {
	case jsontext.KindNumber:
		n, err := t.Uint()
		if err != nil || n > limit {
			r.fail("is %s, not %s", quote(t.String()), want)
			return 0
		}
		return n
	case jsontext.KindNull:
	default:
		r.mismatch(t.Kind(), want)
	}
	return 0
}

func (r *jsonReader) bool() bool {
	switch t := r.token(); t.Kind() {
	case jsontext.KindTrue:
		return true
	case jsontext.KindFalse, jsontext.KindNull:
	default:
		r.mismatch(t.Kind(), "true or false")
	}
	return false
}
