package services

import (
	"fmt"
	"strings"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/internal/mirror"
)

// stage is a mirror.Stage: decoded events that are not visible yet.
type stage struct {
	edits   []edit
	skips   []skip
	ranges  []string // that feed the Store; none where any can
	outside []outside
	// removals counts the edits that can remove an instance.
	removals int
	commit   func(*stage, mirror.Commit)
}

var _ mirror.Stage = (*stage)(nil)

// Apply implements mirror.Stage.
func (s *stage) Apply(events []mirror.Event) {
	for i := range events {
		s.decode(&events[i])
	}
}

// Commit implements mirror.Stage.
func (s *stage) Commit(c mirror.Commit) { s.commit(s, c) }

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

func (s *stage) decode(ev *mirror.Event) {
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
		s.edits = append(s.edits, s.decodePolicy(k, ev))
	case catalog.KindReserved: // of other versions
	}
}

// decodePolicy reads a policy. One that can't be read counts as absent.
func (s *stage) decodePolicy(k catalog.Key, ev *mirror.Event) edit {
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
	s.noteOutside(ev, &p)
	e.kind, e.policy = putPolicy, &p
	return e
}

func (s *stage) decodeInstance(k catalog.Key, ev *mirror.Event) edit {
	e := edit{key: ev.Key, revision: ev.ModRevision}
	if ev.Deleted {
		e.kind = deleteInstance
		s.removals++
		return e
	}
	in, err := catalog.DecodeValue(k.ID, ev.Value)
	reason := SkipValue
	if err == nil && ev.Lease == 0 && !in.Static {
		reason, err = SkipLease, errNoLease
	}
	if err != nil {
		s.skips = append(s.skips, newSkip(ev, reason, err))
		e.kind = rejectInstance
		s.removals++
		return e
	}
	e.instance = newEntry(newRecord(&in))
	return e
}

// decodeOverride reads an override. One that can't be read counts as down:
// whoever wrote it wanted the instance out.
func (s *stage) decodeOverride(k catalog.Key, ev *mirror.Event) edit {
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
