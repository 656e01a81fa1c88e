package registrar

import "time"

// Observer is told what a client does, for metrics and traces. Its methods are called
// by whichever goroutine did it, with no lock held, so that they may use the client;
// they must be safe for concurrent use, and quick: a call of the client waits for
// them, and so does what a client does in the background. Close is the one method that
// they must not call, since it waits for them. Embed NopObserver, so that events of later
// versions find their methods.
type Observer interface {
	// Looked is called at the end of each GetService.
	Looked(Lookup)
	// Requested is called at the end of each request to the backend but those that
	// last, such as watches and the renewal of leases.
	Requested(Request)
	// Registered is called when the State of an instance's registration has changed,
	// or its error has come or gone. The State is "" when an instance that was to be
	// unregistered is known to be gone. Calls come one after the other, in order.
	Registered(InstanceStatus)
	// Contacted is called when contact with the backend is made or regained, with
	// true, and when it is lost, with false; one after the other.
	Contacted(inContact bool)
}

// Lookup is a call of GetService that has ended.
type Lookup struct {
	// Name is the name as the caller wrote it.
	Name string
	// Stale says that the answer may be out of date.
	Stale bool
	// Waited is how long the call waited for the backend; 0 if the answer was there.
	Waited time.Duration
	// Err is the error that the call returns, or nil.
	Err error
}

// Operation is the kind of a request to the backend.
type Operation string

// The operations of drivers.
const (
	OperationRead   Operation = "read"   // of instances, policies or overrides
	OperationWrite  Operation = "write"  // of those, and their removal
	OperationGrant  Operation = "grant"  // of a lease
	OperationRevoke Operation = "revoke" // of a lease
	OperationAudit  Operation = "audit"  // of what hangs on a lease
)

// Request is a request to the backend that has ended.
type Request struct {
	Operation Operation
	// Duration is how long it took.
	Duration time.Duration
	// Err is why it failed, or nil: ErrUnavailable, ErrPermission, or context.Canceled
	// where the client gave it up, as it does when it closes.
	Err error
}

// NopObserver is an Observer that does nothing.
type NopObserver struct{}

// Looked implements Observer.
func (NopObserver) Looked(Lookup) {}

// Requested implements Observer.
func (NopObserver) Requested(Request) {}

// Registered implements Observer.
func (NopObserver) Registered(InstanceStatus) {}

// Contacted implements Observer.
func (NopObserver) Contacted(bool) {}
