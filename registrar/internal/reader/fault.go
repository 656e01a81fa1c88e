package reader

// Fault is what is wrong with a store. It is safe for concurrent use.
type Fault interface {
	// Err returns why answers are stale; nil if they are not.
	Err() error
	// Add has wake, which has room for a token, get one with each change of Err, until
	// stop is called.
	Add(wake chan<- struct{}) (stop func())
}
