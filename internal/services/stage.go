package services

import (
	"fmt"
	"iter"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/internal/mirror"
)

// stage is a mirror.Stage: decoded events that are not visible yet.
type stage struct {
	ranges []string  // that feed the Store; none where any can
	parts  []decoded // in order
	commit func(*stage, mirror.Commit)
}

var _ mirror.Stage = (*stage)(nil)

// minPart is how many events a goroutine of its own decodes at least, in some tenths of
// a millisecond.
const minPart = 256

// Apply implements mirror.Stage.
func (s *stage) Apply(events []mirror.Event) {
	if len(events) > 0 {
		s.parts = append(s.parts, s.decode(events)...)
	}
}

// decode decodes events, those of a page of a list by all processors.
func (s *stage) decode(events []mirror.Event) []decoded {
	n := max(1, min(len(events)/minPart, runtime.GOMAXPROCS(0)))
	parts := make([]decoded, n)
	var wg sync.WaitGroup
	for i := range parts[1:] {
		wg.Go(func() { parts[i].decode(events[i*len(events)/n:(i+1)*len(events)/n], s.ranges) })
	}
	parts[n-1].decode(events[(n-1)*len(events)/n:], s.ranges)
	wg.Wait()
	return parts
}

// Commit implements mirror.Stage.
func (s *stage) Commit(c mirror.Commit) { s.commit(s, c) }

// edits yields the edits in their order.
func (s *stage) edits() iter.Seq[*edit] {
	return func(yield func(*edit) bool) {
		for i := range s.parts {
			for k := range s.parts[i].edits {
				if !yield(&s.parts[i].edits[k]) {
					return
				}
			}
		}
	}
}

// removes reports whether an edit can remove an instance.
func (s *stage) removes() bool {
	return slices.ContainsFunc(s.parts, func(d decoded) bool { return d.removes })
}

// decoded are the edits that events come to, and what there is to tell of them.
type decoded struct {
	edits   []edit
	skips   []skip
	outside []outside
	removes bool // an edit can remove an instance
	values  catalog.Decoder
	stored  storedReader
}

// decode decodes events. The ranges are those of the stage.
func (s *decoded) decode(events []mirror.Event, ranges []string) {
	s.edits = make([]edit, 0, len(events))
	for i := range events {
		s.decodeEvent(&events[i], ranges)
	}
	s.values, s.stored = catalog.Decoder{}, storedReader{} // their memory is of no more use
}

// kind says what an edit does.
type kind uint8

const (
	putInstance kind = iota
	deleteInstance
	// rejectInstance removes an instance whose new value can't be served.
	rejectInstance
	putOverride
	deleteOverride
	putPolicy
	deletePolicy
)

// edit is an event in terms of services.
type edit struct {
	// key is that of the instance, "namespace/service/id", also of an override; of
	// a policy its own.
	key      string
	revision int64
	kind     kind
	instance *entry          // of putInstance
	status   catalog.Status  // of putOverride
	policy   *catalog.Policy // of putPolicy
}

// split returns the parts of the key: "namespace/service", and the ID, which means
// nothing of a policy.
func (e *edit) split() (path, id string) {
	i := strings.LastIndexByte(e.key, '/')
	return e.key[:i], e.key[i+1:]
}

func (s *decoded) decodeEvent(ev *mirror.Event, ranges []string) {
	k, err := catalog.ParseKey(ev.Key)
	if err != nil {
		if !ev.Deleted {
			s.skips = append(s.skips, newSkip(ev, SkipKey, err))
		}
		return
	}
	switch k.Kind {
	case catalog.KindInstance:
		s.edits = append(s.edits, s.decodeInstance(k, ev))
	case catalog.KindStatus:
		s.edits = append(s.edits, s.decodeOverride(k, ev))
	case catalog.KindPolicy:
		s.edits = append(s.edits, s.decodePolicy(k, ev, ranges))
	case catalog.KindReserved: // of other versions
	}
}

// decodePolicy reads a policy. One that can't be read counts as absent.
func (s *decoded) decodePolicy(k catalog.Key, ev *mirror.Event, ranges []string) edit {
	e := edit{key: ev.Key, revision: ev.ModRevision, kind: deletePolicy}
	if ev.Deleted {
		return e
	}
	p, err := catalog.DecodePolicy(ev.Value)
	if err == nil {
		err = p.ValidateFor(catalog.ServiceName{Namespace: k.Namespace, Name: k.Service}, nil)
	}
	if err != nil {
		s.skips = append(s.skips, newSkip(ev, SkipPolicy, fmt.Errorf("counts as absent: %w", err)))
		return e
	}
	s.noteOutside(ev, &p, ranges)
	e.kind, e.policy = putPolicy, &p
	return e
}

func (s *decoded) decodeInstance(k catalog.Key, ev *mirror.Event) edit {
	e := edit{key: ev.Key, revision: ev.ModRevision}
	if ev.Deleted {
		e.kind = deleteInstance
		s.removes = true
		return e
	}
	r, reason, err := s.record(k.ID, ev)
	if err != nil {
		s.skips = append(s.skips, newSkip(ev, reason, err))
		e.kind = rejectInstance
		s.removes = true
		return e
	}
	e.instance = newEntry(r)
	return e
}

// record returns the record of an instance, or why there is none.
func (s *decoded) record(id string, ev *mirror.Event) (record, SkipReason, error) {
	if ev.Restored && isStored(ev.Value) {
		r, err := s.stored.record(id, ev.Value)
		return r, SkipValue, err
	}
	f, err := s.values.Decode(id, ev.Value)
	if err != nil {
		return "", SkipValue, err
	}
	if ev.Lease == 0 && !f.Instance.Static && !ev.Restored {
		return "", SkipLease, errNoLease
	}
	return flatRecord(f), "", nil
}

// decodeOverride reads an override. One that can't be read counts as down:
// whoever wrote it wanted the instance out.
func (s *decoded) decodeOverride(k catalog.Key, ev *mirror.Event) edit {
	e := edit{key: k.Namespace + "/" + k.Service + "/" + k.ID, revision: ev.ModRevision, kind: deleteOverride}
	if ev.Deleted {
		return e
	}
	o, err := catalog.DecodeOverride(ev.Value)
	if err != nil {
		s.skips = append(s.skips, newSkip(ev, SkipOverride, fmt.Errorf("counts as down: %w", err)))
		o.Status = catalog.StatusDown
	}
	e.kind, e.status = putOverride, o.Status
	return e
}
