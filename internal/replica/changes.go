package replica

import (
	"time"

	"github.com/rosterdns/roster/internal/mirror"
)

// observer has the snapshot written where the mirror changes what its header says
// and the store shows nothing of it: a first list can be just what the snapshot
// had.
type observer struct {
	Observer
	disk *saved
}

// StateChanged implements mirror.Observer.
func (o observer) StateChanged(s mirror.Status) {
	o.Observer.StateChanged(s)
	o.disk.touch()
}

// Listed implements mirror.Observer.
func (o observer) Listed(reason mirror.Reason, keys int, took time.Duration) {
	o.Observer.Listed(reason, keys, took)
	o.disk.touch()
}
