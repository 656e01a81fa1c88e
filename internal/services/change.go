package services

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
