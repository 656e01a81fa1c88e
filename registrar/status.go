package registrar

import "time"

// State says how far an instance is on its way into the backend, or out of it.
type State string

// The states of an instance that a client was asked to register or unregister.
const (
	// StatePending is an instance that is not in the backend yet, or not any
	// more, and is put there as soon as the backend is back.
	StatePending State = "pending"
	// StateRegistered is an instance that is in the backend as desired, as far
	// as is known: an error beside it says that contact is lost.
	StateRegistered State = "registered"
	// StateSuperseded is an instance whose ID another client has taken over.
	// It is put again once the ID is free.
	StateSuperseded State = "superseded"
	// StateFailed is an instance that the backend refuses. Retries go on.
	StateFailed State = "failed"
	// StateUnregistering is an instance that is to go and is not known to be
	// gone yet.
	StateUnregistering State = "unregistering"
)

// InstanceStatus tells what has become of one registration. It is a
// plain value.
type InstanceStatus struct {
	// Namespace, Service and ID name the instance.
	Namespace, Service, ID string
	// State says how far the instance is.
	State State
	// Since is when the state was entered.
	Since time.Time
	// Err is the last error, nil if the last try went well. It is
	// ErrUnavailable, ErrPermission or ErrSuperseded.
	Err error
}
