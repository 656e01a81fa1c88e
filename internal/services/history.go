package services

import (
	"cmp"
	"math"
	"slices"

	"github.com/rosterdns/roster/catalog"
)

// maxShown bounds the serials of which is known what was shown under them: those
// of the journal's commits and, since etcd's revision also rises without a change
// here, some times as many.
const maxShown = 4 * maxDeltas

// shown says that the state after a delta was shown under a serial.
type shown struct {
	serial   int64
	sequence uint64 // of the delta
}

// History is what has changed since a serial was shown.
type History struct {
	// Before is the generation that was shown under the serial, or one that
	// differs from it in nothing but revision and serial; nil where the journal
	// doesn't have it.
	Before *Generation
	// Present is the present generation.
	Present *Generation
	// Changes has each service that differs between both, once. It is empty
	// without Before.
	Changes []Change
}

// Since returns what has changed since this Store showed a serial. It goes by the
// serials that were shown, each of them: others can be those of another server,
// which had another state under it.
func (s *Store) Since(serial uint32) History {
	j := &s.journal
	j.mu.Lock()
	h := History{Present: j.present.Load()}
	deltas, ok := j.sinceSerial(h.Present, serial)
	if ok {
		h.Before = j.base
		if missing := len(j.deltas) - len(deltas); missing > 0 {
			h.Before = j.deltas[missing-1].Generation
		}
	}
	j.mu.Unlock()
	h.Changes = merge(deltas)
	return h
}

// sinceSerial returns the deltas after the state that was shown under a serial.
func (j *journal) sinceSerial(present *Generation, serial uint32) ([]Delta, bool) {
	ago := present.Serial() - serial
	if ago > math.MaxInt32 { // it is ahead (RFC 1982, 3.2)
		return nil, false
	}
	full := present.FullSerial() - int64(ago)
	i, ok := slices.BinarySearchFunc(j.shown, full, func(s shown, full int64) int { return cmp.Compare(s.serial, full) })
	if !ok {
		return nil, false
	}
	return j.since(j.shown[i].sequence + 1)
}

// show notes that a generation is shown after the last delta.
func (j *journal) show(g *Generation) {
	serial := g.FullSerial()
	n := len(j.shown)
	switch {
	case serial == 0: // no list is complete
	case n > 0 && j.shown[n-1].serial == serial:
		j.shown[n-1].sequence = j.last
	default:
		if n == maxShown {
			j.shown = slices.Delete(j.shown, 0, n/2)
		}
		j.shown = append(j.shown, shown{serial, j.last})
	}
}

// forget drops what was shown so far: the serial is set to one that continues
// elsewhere.
func (j *journal) forget() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.shown = nil
}

// merge returns what deltas that follow on one another have changed together, in the
// order of the first change.
func merge(deltas []Delta) []Change {
	var changes []Change
	at := map[catalog.ServiceName]int{}
	for i := range deltas {
		for _, c := range deltas[i].Changes {
			name := c.name()
			if k, again := at[name]; again {
				changes[k].New = c.New
			} else {
				at[name] = len(changes)
				changes = append(changes, c)
			}
		}
	}
	return slices.DeleteFunc(changes, func(c Change) bool { return c.Old == c.New })
}
