package services

import "github.com/rosterdns/roster/catalog"

// Change is one service before and after a commit.
type Change struct {
	// Old is nil if the service is new, New if it is gone.
	Old, New *Service
}

func (c *Change) namespace() string {
	if c.New != nil {
		return c.New.Namespace
	}
	return c.Old.Namespace
}

// name returns the names of the service.
func (c *Change) name() catalog.ServiceName {
	s := c.New
	if s == nil {
		s = c.Old
	}
	return catalog.ServiceName{Namespace: s.Namespace, Name: s.Name}
}
