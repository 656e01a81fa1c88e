// Package export has the form in which the contents of a registry are written to a file,
// and read from one: services as they are shown everywhere, and besides their policies
// and the overrides of statuses.
package export

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/rosterdns/roster/catalog"
)

// Service is a service with all that the registry has of it.
type Service struct {
	// Service has instances of any status, each with its own: overrides don't count.
	// Those that are not static are under a lease of their process.
	catalog.Service
	// Policy is nil if there is none.
	Policy *catalog.Policy
	// Overrides are by the IDs of instances, also of some that are not there.
	Overrides map[string]catalog.Override
}

// form is a Service as JSON.
type form struct {
	Namespace string                      `json:"namespace"`
	Name      string                      `json:"name"`
	Revision  int64                       `json:"revision"`
	Stale     bool                        `json:"stale"`
	Policy    *catalog.Policy             `json:"policy,omitempty"`
	Overrides map[string]catalog.Override `json:"overrides,omitempty"`
	Instances []catalog.Instance          `json:"instances"`
}

// MarshalJSON implements json.Marshaler. What can be absent is, and lists are sorted, so
// that equal services have equal texts.
func (s Service) MarshalJSON() ([]byte, error) {
	return json.Marshal(form{
		s.Namespace, s.Name, s.Revision, s.Stale, s.Policy, s.Overrides,
		append([]catalog.Instance{}, s.Instances...), // not null
	})
}

// UnmarshalJSON implements json.Unmarshaler as catalog.Service does: it refuses unknown
// members, and checks the form alone. The error is ErrInvalid.
func (s *Service) UnmarshalJSON(data []byte) error {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(data, &members); err != nil || members == nil {
		return s.Service.UnmarshalJSON(data) // which says what is wrong
	}
	var out Service
	errs := []error{
		catalog.Below("policy", decodePolicy(members["policy"], &out.Policy)),
		catalog.Below("overrides", decodeOverrides(members["overrides"], &out.Overrides)),
	}
	delete(members, "policy")
	delete(members, "overrides")
	rest, err := json.Marshal(members)
	if err != nil {
		return err
	}
	if err := errors.Join(append(errs, out.Service.UnmarshalJSON(rest))...); err != nil {
		return err
	}
	*s = out
	return nil
}

func decodePolicy(text json.RawMessage, policy **catalog.Policy) error {
	if len(text) == 0 || string(text) == "null" {
		return nil
	}
	*policy = new(catalog.Policy)
	return (*policy).UnmarshalJSON(text)
}

func decodeOverrides(text json.RawMessage, overrides *map[string]catalog.Override) error {
	if len(text) == 0 || string(text) == "null" {
		return nil
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil {
		return &catalog.FieldError{Reason: "are not an object of overrides by the IDs of instances"}
	}
	*overrides = map[string]catalog.Override{}
	var errs []error
	for _, id := range slices.Sorted(maps.Keys(members)) {
		var o catalog.Override
		errs = append(errs, catalog.Below(id, o.UnmarshalJSON(members[id])))
		(*overrides)[id] = o
	}
	return errors.Join(errs...)
}

// Prepare returns a service as it is to be written: a deep copy with defaults, the
// namespace and IDs filled in, and valid but for what its policy has to do with those of
// other services. The error is ErrInvalid.
func (s *Service) Prepare(defaultNamespace string) (*Service, error) {
	prepared, err := s.Service.Prepare(defaultNamespace)
	if err != nil {
		return nil, err
	}
	out := &Service{Service: *prepared, Policy: s.Policy, Overrides: maps.Clone(s.Overrides)}
	slices.SortFunc(out.Instances, func(a, b catalog.Instance) int { return strings.Compare(a.ID, b.ID) })
	var errs []error
	if s.Policy != nil {
		errs = append(errs, catalog.Below("policy", s.Policy.ValidateFor(out.FullName(), nil)))
	}
	for _, id := range slices.Sorted(maps.Keys(s.Overrides)) {
		errs = append(errs, catalog.Below("overrides", catalog.CheckLabel("id", id)))
		if n := len(s.Overrides[id].EncodeValue()); n > catalog.MaxValueSize {
			errs = append(errs, &catalog.FieldError{Field: "overrides." + id, Reason: fmt.Sprintf("is %d bytes, more than %d", n, catalog.MaxValueSize)})
		}
	}
	return out, errors.Join(errs...)
}

// FullName returns the name of the service with its namespace.
func (s *Service) FullName() catalog.ServiceName {
	return catalog.ServiceName{Namespace: s.Namespace, Name: s.Name}
}
