package services

import (
	"cmp"
	"math"
	"slices"

	"github.com/rosterdns/roster/catalog"
)

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
