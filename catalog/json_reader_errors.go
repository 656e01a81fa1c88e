package catalog

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

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

// mismatch says that the value of which a token was read last is not of the right
// type.
func (r *jsonReader) mismatch(kind jsontext.Kind, want string) {
	r.fail("is %s, not %s", kindName(kind), want)
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
func (r *jsonReader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = invalid(r.path(r.json.StackPointer()), format, args...)
	}
}

// refuse sets err to what is wrong with the value that was read last, if anything is,
// unless it is set.
func (r *jsonReader) refuse(err error) {
	if err != nil && r.err == nil {
		r.err = below(r.path(r.json.StackPointer()), err)
	}
}

// path returns the path of a value as FieldErrors have it. The pointer leads to
// the value that was read last, or to what that is in.
func (r *jsonReader) path(pointer jsontext.Pointer) string {
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
