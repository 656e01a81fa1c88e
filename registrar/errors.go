package registrar

import (
	"errors"

	"github.com/rosterdns/roster/catalog"
)

// The errors of this package and of its drivers, for errors.Is. Each method
// says which of them it returns; package documentation has the table.
var (
	// ErrNotFound says that a service has no instance of the kind asked for:
	// none that is up, unless the name says otherwise.
	ErrNotFound = errors.New("not found")
	// ErrInvalid says that an argument or an option breaks a rule. It is
	// catalog.ErrInvalid; faults of a service are *catalog.FieldError.
	ErrInvalid = catalog.ErrInvalid
	// ErrUnavailable says that the backend can't be reached or can't serve
	// now. Trying again later can help.
	ErrUnavailable = errors.New("unavailable")
	// ErrPermission says that the backend refuses the user, or what the user
	// asks.
	ErrPermission = errors.New("permission denied")
	// ErrSuperseded says that another client has taken over the ID of an
	// instance. It is never returned by Register; Status has it.
	ErrSuperseded = errors.New("superseded by another client")
	// ErrUnsupported says that the driver lacks a method, or this version a
	// form of name. It is errors.ErrUnsupported.
	ErrUnsupported = errors.ErrUnsupported
	// ErrClosed says that the client was closed.
	ErrClosed = errors.New("client closed")
)
