package prometheus

import (
	"context"
	"errors"

	"github.com/rosterdns/roster/registrar"
)

// The values of the label result that aren't the reason of an error, or are that of
// all errors without one.
const (
	resultOK    = "ok"
	resultStale = "stale"
	resultOther = "other"
)

// reasons are the values of the label result for errors, of which the first that fits
// counts: what the client gave up was "unavailable" only for lack of time.
var reasons = []struct {
	err    error
	result string
}{
	{context.Canceled, "canceled"},
	{registrar.ErrNotFound, "not_found"},
	{registrar.ErrInvalid, "invalid"},
	{registrar.ErrPermission, "permission"},
	{registrar.ErrUnavailable, "unavailable"},
	{registrar.ErrClosed, "closed"},
	{context.DeadlineExceeded, "canceled"},
}

// lookupResults returns all results that a look-up can have.
func lookupResults() []string {
	results := []string{resultOK, resultStale, resultOther}
	for _, r := range reasons {
		results = append(results, r.result)
	}
	return results
}

// resultOf returns the result of what has ended with an error, or with none.
func resultOf(err error) string {
	if err == nil {
		return resultOK
	}
	for _, r := range reasons {
		if errors.Is(err, r.err) {
			return r.result
		}
	}
	return resultOther
}
