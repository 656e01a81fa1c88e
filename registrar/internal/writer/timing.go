package writer

import "time"

// Timing of the reconciler.
const (
	// opTimeout bounds one request: as long as an election of etcd takes, with
	// its default time-outs, and a reconnect.
	opTimeout = 3 * time.Second
	// retryBase and retryLimit bound the pause before the next try.
	retryBase  = 100 * time.Millisecond
	retryLimit = 2 * time.Second
	// auditEvery is how often the keys of the lease are looked at, about: for
	// what hangs on it where nothing is followed.
	auditEvery = 5 * time.Minute
)
