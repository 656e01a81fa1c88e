package snapshot

import (
	"math"
	"time"
)

// MaxAhead is how far a contact can be ahead of the clock and still tell
// something: what a clock is set back by when it is put right, as after a start.
const MaxAhead = 5 * time.Minute

// Age returns how long before now a contact was. One that is somewhat ahead is
// of now. One further ahead was noted by a clock that was wrong, so that nothing
// is known of its age: it is higher than any limit.
func Age(contact, now time.Time) time.Duration {
	age := now.Sub(contact)
	if age < -MaxAhead {
		return math.MaxInt64
	}
	return max(age, 0)
}
