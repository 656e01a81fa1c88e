package catalog

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"unicode/utf8"
	"unique"
)

// decoder reads the JSON forms of this package in one pass. A value of the
// wrong type is read to its end all the same, since the text after it counts: a
// later member of the same name takes its place, fault and all. Null is the
// same as absent.
//
// Faults are FieldErrors with the path from where they were found; the one of
// a whole value has none.
type decoder struct {
	scanner
	// strict refuses unknown members, which are ignored else.
	strict bool
}

func newDecoder(text []byte, strict bool) decoder {
	return decoder{scanner: scanner{text: text}, strict: strict}
}

// finish returns what is wrong with the text, or else the fault of its value.
// The field is what the text as a whole is called.
func (d *decoder) finish(field string, fault error) error {
	d.end()
	if !utf8.Valid(d.text) {
		return invalid(field, "is not UTF-8")
	}
	if d.err != nil {
		return invalid(field, "can't be read as JSON: %v", d.err)
	}
	if fe, ok := errors.AsType[*FieldError](fault); ok && fe.Field == "" {
		fe.Field = field
	}
	return fault
}

// mismatch skips a value that is not of the type wanted.
func (d *decoder) mismatch(want string) error {
	kind := d.skip()
	return invalid("", "is %s, not %s", kind, want)
}

// object reads an object. Member is called with each name; it reads the value
// unless it does not know the name. Of several faults the one that is first by
// name is returned, those of known members before unknown ones.
func (d *decoder) object(member func(name []byte) (known bool, fault error)) error {
	if d.peek() != '{' {
		return d.mismatch("an object")
	}
	var faults map[string]error
	var unknown []byte // the first by name
	for name := range d.members {
		known, fault := member(name)
		switch {
		case !known:
			d.skip()
			if d.strict && (unknown == nil || string(name) < string(unknown)) {
				unknown = append([]byte{}, name...)
			}
		case fault != nil:
			if faults == nil {
				faults = make(map[string]error)
			}
			faults[string(name)] = fault
		case faults != nil:
			delete(faults, string(name))
		}
	}
	if len(faults) > 0 {
		first := slices.Min(slices.Collect(maps.Keys(faults)))
		return below(first, faults[first])
	}
	if unknown != nil {
		return invalid(quote(string(unknown)), "is not a known member")
	}
	return nil
}

// list reads an array with element, which is called before each value and
// reads it. After the first fault the rest is skipped.
func (d *decoder) list(element func() error) (fault error) {
	switch d.peek() {
	case '[':
	case 'n':
		d.literal("null")
		return nil
	default:
		return d.mismatch("an array")
	}
	for i := range d.elements {
		if fault != nil {
			d.skip()
		} else if err := element(); err != nil {
			fault = below("["+strconv.Itoa(i)+"]", err)
		}
	}
	return fault
}

// chars reads a string without copying it.
func (d *decoder) chars() ([]byte, error) {
	switch d.peek() {
	case '"':
		return d.str(), nil
	case 'n':
		d.literal("null")
		return nil, nil
	}
	return nil, d.mismatch("a string")
}

func (d *decoder) string() (string, error) {
	s, err := d.chars()
	return string(s), err
}

// shared reads a string that many instances have in common.
func (d *decoder) shared() (string, error) {
	s, err := d.chars()
	return share(s), err
}

// share returns s as a string that shares memory with equal ones, as far as it
// is short enough to be a name.
func share(s []byte) string {
	if len(s) == 0 || len(s) > MaxLabel {
		return string(s)
	}
	return unique.Make(string(s)).Value()
}

// uint reads a whole number of that many bits. A fraction or an exponent is a
// fault even where the number is whole. Least is what a fault says is the lowest
// allowed; that 0 is not is a rule, and rules are checked later.
func (d *decoder) uint(least, bits int) (uint64, error) {
	want := func() string { return fmt.Sprintf("a whole number from %d to %d", least, uint64(1)<<bits-1) }
	switch c := d.peek(); {
	case c == 'n':
		d.literal("null")
		return 0, nil
	case c != '-' && (c < '0' || c > '9'):
		return 0, d.mismatch(want())
	}
	digits := d.number()
	n, err := strconv.ParseUint(string(digits), 10, bits)
	if err != nil {
		return 0, invalid("", "is %s, not %s", quote(string(digits)), want())
	}
	return n, nil
}

func (d *decoder) uint16(least int) (uint16, error) {
	n, err := d.uint(least, 16)
	return uint16(n), err
}

func (d *decoder) bool() (bool, error) {
	switch d.peek() {
	case 't':
		d.literal("true")
		return true, nil
	case 'f':
		d.literal("false")
		return false, nil
	case 'n':
		d.literal("null")
		return false, nil
	}
	return false, d.mismatch("true or false")
}
