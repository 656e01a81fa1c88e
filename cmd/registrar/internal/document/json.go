package document

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/rosterdns/roster/catalog"
)

// readJSON reads JSON values that each start on a line of their own.
func (f *File) readJSON(text []byte) error {
	line, counted := 1, 0 // at an offset
	for at := 0; ; {
		space := skipSpace(text[at:])
		if at+space == len(text) {
			return nil
		}
		if at > 0 && !bytes.ContainsRune(text[at:at+space], '\n') {
			return invalidJSON(text, at+space, fmt.Errorf("invalid character %q after top-level value", text[at+space]))
		}
		at += space
		value, err := readValue(text, at)
		if err != nil {
			return err
		}
		line += lines(text[counted:at])
		counted = at
		if value[0] == '[' {
			elements, err := elements(value, line)
			if err != nil {
				return invalidJSON(text, at, err)
			}
			f.List = true
			f.Objects = append(f.Objects, elements...)
		} else {
			f.Objects = append(f.Objects, jsonObject(value, line))
		}
		at += len(value)
	}
}

// readValue returns the JSON value at an offset. It has no member twice.
func readValue(text []byte, at int) ([]byte, error) {
	d := lenient(text[at:])
	value, err := d.ReadValue()
	if err != nil {
		var any json.RawMessage
		if plain := json.Unmarshal(text[at:], &any); plain != nil {
			err = plain // which is easier to read
		}
		if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
			at += int(syntax.Offset)
		}
		return nil, invalidJSON(text, at, err)
	}
	if name, end := duplicate(value); name != "" {
		return nil, invalidJSON(text, at+end, fmt.Errorf("member %.80q appears twice", name))
	}
	return value, nil
}

// lenient returns a decoder that leaves it to others to find what is wrong with strings.
func lenient(text []byte) *jsontext.Decoder {
	return jsontext.NewDecoder(bytes.NewBuffer(text), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
}

// elements returns the elements of an array that starts on a line.
func elements(array []byte, line int) (objects []Object, err error) {
	d, counted := lenient(array), 0
	if _, err := d.ReadToken(); err != nil {
		return nil, err
	}
	for d.PeekKind() != jsontext.KindEndArray {
		value, err := d.ReadValue()
		if err != nil {
			return nil, err
		}
		start := int(d.InputOffset()) - len(value)
		line += lines(array[counted:start])
		counted = start
		objects = append(objects, jsonObject(slices.Clone(value), line))
	}
	return objects, nil
}

// duplicate returns the first name that an object in a valid JSON value has twice, and
// the offset of its end; "" if there is none.
func duplicate(value []byte) (name string, end int) {
	type container struct {
		members map[string]bool // nil in an array
		value   bool            // the next token is a member's value
	}
	var stack []container
	for d := json.NewDecoder(bytes.NewReader(value)); ; {
		token, err := d.Token()
		if err != nil {
			return "", 0 // the end: the text is known to be valid
		}
		if token == json.Delim('}') || token == json.Delim(']') {
			stack = stack[:len(stack)-1]
			continue
		}
		if len(stack) > 0 && stack[len(stack)-1].members != nil {
			in := &stack[len(stack)-1]
			if name, ok := token.(string); ok && !in.value {
				if in.members[name] {
					return name, int(d.InputOffset())
				}
				in.members[name], in.value = true, true
				continue
			}
			in.value = false
		}
		switch token {
		case json.Delim('{'):
			stack = append(stack, container{members: map[string]bool{}})
		case json.Delim('['):
			stack = append(stack, container{})
		}
	}
}

// jsonObject returns the object of a value that starts on a line.
func jsonObject(value []byte, first int) Object {
	return Object{JSON: value, line: func(path []string) int {
		line, deepest := first, 0
		for d := lenient(value); deepest < len(path); {
			if _, err := d.ReadToken(); err != nil {
				break
			}
			at := slices.Collect(d.StackPointer().Tokens())
			if len(at) > deepest && len(at) <= len(path) && slices.Equal(at, path[:len(at)]) {
				deepest, line = len(at), first+lines(value[:d.InputOffset()])
			}
		}
		return line
	}}
}

func invalidJSON(text []byte, at int, err error) error {
	return fmt.Errorf("%w JSON on line %d: %w", catalog.ErrInvalid, lineAt(text, min(at, len(text))), err)
}

func lineAt(text []byte, offset int) int { return 1 + lines(text[:offset]) }

// lines counts the ends of lines.
func lines(text []byte) int { return bytes.Count(text, []byte("\n")) }

func skipSpace(text []byte) int { return len(text) - len(bytes.TrimLeft(text, " \t\r\n")) }
