package registrar

import "time"

// State is the state of the registration of one instance.
type State string

// The states of an instance that a client was asked to register or unregister.
const (
	// StatePending is an instance that is not in the backend yet, or no longer,
	// and is written as soon as the backend can be reached.
	StatePending State = "pending"
	// StateRegistered is an instance whose desired registration is in the
	// backend, as far as is known. An error beside it says that contact is lost.
	StateRegistered State = "registered"
	// StateSuperseded is an instance whose ID another client has taken over. It
	// is written again once the ID is free.
	StateSuperseded State = "superseded"
	// StateFailed is an instance that the backend rejects. Retries continue.
	StateFailed State = "failed"
	// StateUnregistering is an instance that is being removed and is not known
	// to be gone yet.
	StateUnregistering State = "unregistering"
)

// InstanceStatus is the status of the registration of one instance. It is a plain
// value.
type InstanceStatus struct {
	// Namespace, Service and ID name the instance.
	Namespace, Service, ID string
	// State is the state of the registration.
	State State
	// Since is when the state was entered.
	Since time.Time
	// Revision is the backend's revision at which the instance was written last, as
	// far as is known; 0 if it is not there. With StateRegistered, whoever reads the
	// backend as of this revision or a later one has the registration.
	Revision int64
	// Err is the last error, nil if the last attempt succeeded. It is
	// ErrUnavailable, ErrPermission or ErrSuperseded.
	Err error
}
