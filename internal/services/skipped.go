package services

import "github.com/rosterdns/roster/internal/mirror"

// Skipped is a key that is not served, or not as it says.
type Skipped struct {
	// Key is the key below the root of the registry.
	Key string
	// Revision is that of the key.
	Revision int64
	Reason   SkipReason
	// Err says what is wrong with it.
	Err error
}

// SkippedOf returns those of some keys, as events that put them, which a Store skips for
// what they are.
func SkippedOf(keys []mirror.Event) []Skipped {
	var s decoded
	s.decode(keys, nil)
	list := make([]Skipped, len(s.skips))
	for i, k := range s.skips {
		list[i] = Skipped{k.key, k.revision, k.reason, k.err}
	}
	return list
}
