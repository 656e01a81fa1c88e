package catalog

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
)

// ErrInvalid is what every error of this package about the form of its input
// is, for errors.Is. The error itself is a *FieldError or joins several.
var ErrInvalid = errors.New("invalid")

// FieldError says which member of an instance, a service or a key breaks which
// rule. It is ErrInvalid.
type FieldError struct {
	// Field is the path of the member in the JSON form, as in
	// "instances[0].ports[1].name".
	Field string
	// Reason completes the sentence that starts with Field. Foreign text in it
	// is quoted and cut to a bounded length.
	Reason string
}

// Error implements error.
func (e *FieldError) Error() string { return e.Field + " " + e.Reason }

// Unwrap returns ErrInvalid.
func (e *FieldError) Unwrap() error { return ErrInvalid }

func invalid(field, format string, args ...any) *FieldError {
	return &FieldError{Field: field, Reason: fmt.Sprintf(format, args...)}
}

// Below prepends a path to the field of every FieldError in err, for what is a part of
// something else. Below of nil is nil.
func Below(path string, err error) error { return below(path, err) }

// below prepends a path to the field of every FieldError in err. A fault of the
// whole value at that path has no field yet.
func below(path string, err error) error {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		errs := joined.Unwrap()
		out := make([]error, len(errs))
		for i, e := range errs {
			out[i] = below(path, e)
		}
		return errors.Join(out...)
	}
	if fe, ok := errors.AsType[*FieldError](err); ok {
		if path != "" && fe.Field != "" && fe.Field[0] != '[' {
			path += "."
		}
		return &FieldError{Field: path + fe.Field, Reason: fe.Reason}
	}
	return fmt.Errorf("%s: %w", path, err)
}

// maxFaults bounds how many faults one error spells out: as many as a person
// corrects at a time, whatever the size of the input.
const maxFaults = 10

// joinFirst is errors.Join for the first maxFaults of errs; of the others it
// says how many they are.
func joinFirst(errs []error) error {
	errs = slices.DeleteFunc(errs, func(err error) bool { return err == nil })
	if more := len(errs) - maxFaults; more > 0 {
		errs = append(errs[:maxFaults], invalid("service", "has %d more faults", more))
	}
	return errors.Join(errs...)
}

// maxQuoted bounds foreign text in a message: enough to recognise a label (63
// bytes), too little to flood a log.
const maxQuoted = 80

// quote returns the start of s as a Go string literal of at most maxQuoted
// characters between the quotes, and "…" where that is not all.
func quote(s string) string {
	cut := s[:min(len(s), maxQuoted)]
	q := strconv.Quote(cut)
	if len(q) > maxQuoted+len(`""`) {
		cut = cut[:maxQuoted/len(`\x00`)] // no byte takes more when it is escaped
		q = strconv.Quote(cut)
	}
	if len(cut) < len(s) {
		q += "…"
	}
	return q
}
