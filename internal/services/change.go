package services

import "github.com/rosterdns/roster/catalog"

// Change is one service before and after a commit.
type Change struct {
	// Old is nil if the service is new, New if it is gone.
	Old, New *Service
}

// service returns the service after the commit, or else before it.
func (c *Change) service() *Service {
	if c.New != nil {
		return c.New
	}
	return c.Old
}

func (c *Change) namespace() string { return c.service().Namespace }

// name returns the names of the service.
func (c *Change) name() catalog.ServiceName { return c.service().ServiceName() }
