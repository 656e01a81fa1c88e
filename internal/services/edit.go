package services

import (
	"errors"
	"maps"
	"slices"

	"github.com/rosterdns/roster/catalog"
)

var errNoLease = errors.New("has no lease and is not static, so nothing would remove it")

// copy returns a version of the service that its caller can change, without an
// attachment. Instances are copied as values: what they refer to is never
// changed.
func (s *Service) copy() *Service {
	return &Service{
		Namespace: s.Namespace,
		Name:      s.Name,
		Instances: append(make([]catalog.Instance, 0, len(s.Instances)+maxSpare), s.Instances...),
		Revision:  s.Revision,
		overrides: maps.Clone(s.overrides),
	}
}

// at returns a version of the service that differs in its revision only. It
// shares the rest, so that it must not be changed, and has no attachment.
func (s *Service) at(revision int64) *Service {
	return &Service{Namespace: s.Namespace, Name: s.Name, Instances: s.Instances, Revision: revision, overrides: s.overrides}
}

// With returns a version of the service that has these instances in place of its
// own, in order of ID; for readers that don't show all. It has no attachment.
func (s *Service) With(instances []catalog.Instance) *Service {
	return &Service{Namespace: s.Namespace, Name: s.Name, Instances: instances, Revision: s.Revision}
}

// holds reports whether the service has the instance as it is in etcd.
func (s *Service) holds(in *catalog.Instance) bool {
	have := s.Instance(in.ID)
	if have == nil {
		return false
	}
	own := *have
	if o, ok := s.overrides[in.ID]; ok {
		own.Status = o.own
	}
	return own.Equal(in)
}

// override returns the operator's word on an instance; StatusUp is none.
func (s *Service) override(id string) catalog.Status {
	if o, ok := s.overrides[id]; ok {
		return o.status
	}
	return catalog.StatusUp
}

func (s *Service) put(in catalog.Instance) {
	if o, ok := s.overrides[in.ID]; ok {
		o.own = in.Status
		s.overrides[in.ID] = o
		in.Status = in.Status.Worse(o.status)
	}
	// Lists come in order of ID, so that most often the place is the end.
	if n := len(s.Instances); n == 0 || s.Instances[n-1].ID < in.ID {
		s.Instances = append(s.Instances, in)
		return
	}
	if i, ok := s.find(in.ID); ok {
		s.Instances[i] = in
	} else {
		s.Instances = slices.Insert(s.Instances, i, in)
	}
}

func (s *Service) remove(id string) {
	if i, ok := s.find(id); ok {
		s.Instances = slices.Delete(s.Instances, i, i+1)
	}
}

// setOverride sets the operator's word on an instance; StatusUp takes it back.
func (s *Service) setOverride(id string, status catalog.Status) {
	i, present := s.find(id)
	o, had := s.overrides[id]
	if present && !had {
		o.own = s.Instances[i].Status
	}
	if status == catalog.StatusUp {
		delete(s.overrides, id)
	} else {
		if s.overrides == nil {
			s.overrides = map[string]override{}
		}
		o.status = status
		s.overrides[id] = o
	}
	if present {
		s.Instances[i].Status = o.own.Worse(status)
	}
}
