package otel

import (
	"context"
	"errors"

	"github.com/rosterdns/roster/registrar"
)

// otherError is what the semantic conventions have for errors that aren't classified.
const otherError = "_OTHER"

// types are the values of the attribute error.type, of which the first that fits counts:
// what the client gave up was "unavailable" only for lack of time.
var types = []struct {
	err  error
	name string
}{
	{context.Canceled, "canceled"},
	{registrar.ErrNotFound, "not_found"},
	{registrar.ErrInvalid, "invalid"},
	{registrar.ErrPermission, "permission"},
	{registrar.ErrUnavailable, "unavailable"},
	{registrar.ErrClosed, "closed"},
	{context.DeadlineExceeded, "canceled"},
}

// errorTypes returns all that errorTypeOf can return for an error.
func errorTypes() []string {
	names := []string{otherError}
	for _, t := range types {
		names = append(names, t.name)
	}
	return names
}

// errorTypeOf returns the error.type of an error; "" for none.
func errorTypeOf(err error) string {
	if err == nil {
		return ""
	}
	for _, t := range types {
		if errors.Is(err, t.err) {
			return t.name
		}
	}
	return otherError
}
