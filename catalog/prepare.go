package catalog

import "fmt"

// Normalize gives absent members their defaults, hosts their one spelling, and
// empty lists their one form, nil: equal instances are then deeply equal.
func (in *Instance) Normalize() {
	if len(in.Addresses) == 0 {
		in.Addresses = nil
	}
	if len(in.Ports) == 0 {
		in.Ports = nil
	}
	if len(in.Tags) == 0 {
		in.Tags = nil
	}
	if len(in.Metadata) == 0 {
		in.Metadata = nil
	}
	if in.Weight == 0 {
		in.Weight = DefaultWeight
	}
	if in.Status == "" {
		in.Status = StatusUp
	}
	if in.Host != "." {
		in.Host = canonicalHost(in.Host)
	}
	for i := range in.Ports {
		if in.Ports[i].Protocol == "" {
			in.Ports[i].Protocol = ProtocolTCP
		}
	}
}

// Prepare turns a desired service into what is written: a deep copy with
// defaults, the namespace and stable IDs filled in, and valid throughout, so that
// each value is within MaxValueSize. The error is ErrInvalid and names every
// member at fault, of the first ten instances that have any.
func (s *Service) Prepare(defaultNamespace string) (*Service, error) {
	if s == nil {
		return nil, invalid("service", "is nil")
	}
	if s.Revision != 0 {
		return nil, invalid("revision", "is set, so the service is a result of a registry: use Clone to register it again")
	}
	c := s.Clone()
	if c.Namespace == "" {
		c.Namespace = defaultNamespace
	}
	errs := []error{CheckNamespace(c.Namespace), CheckLabel("name", c.Name)}
	ids := make(map[string]int, len(c.Instances))
	for i := range c.Instances {
		in := &c.Instances[i]
		in.Normalize()
		if in.ID == "" {
			in.ID = in.StableID()
		}
		at := fmt.Sprintf("instances[%d]", i)
		errs = append(errs, below(at, in.Validate()))
		if first, twice := ids[in.ID]; twice && in.ID != "" {
			errs = append(errs, invalid(at+".id", "%s is also the ID of instances[%d]", quote(in.ID), first))
		}
		ids[in.ID] = i
	}
	if err := joinFirst(errs); err != nil {
		return nil, err
	}
	return c, nil
}
