// Package etcderror turns errors of etcd into those that the registrar's users
// test for. What an error means is up to package etcdclient.
package etcderror

import (
	"errors"
	"fmt"
	"strings"

	"github.com/rosterdns/roster/internal/etcdclient"
	"github.com/rosterdns/roster/registrar"
)

// Classify wraps an error of etcd in the registrar's that fits: ErrPermission or
// ErrUnavailable. It returns nil for nil.
func Classify(err error) error {
	switch {
	case err == nil:
		return nil
	case Denied(err):
		return fmt.Errorf("%w: %w", registrar.ErrPermission, err)
	default:
		return fmt.Errorf("etcd %w: %w", registrar.ErrUnavailable, err)
	}
}

// Explain adds to an error that means no answer why there is none; why is nil
// if that is not known.
func Explain(err, why error) error {
	switch {
	case why == nil || errors.Is(err, why):
		return err
	case strings.Contains(err.Error(), why.Error()):
		return why // which gRPC has made a part of its text
	}
	return fmt.Errorf("%w: %w", err, why)
}

// Denied reports whether etcd refuses the user, or what the user asks. The error
// can be classified.
func Denied(err error) bool {
	return errors.Is(err, registrar.ErrPermission) || etcdclient.Denied(err)
}
