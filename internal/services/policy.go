package services

import "github.com/rosterdns/roster/catalog"

// policy is a policy of a service that doesn't exist, as etcd has it.
type policy struct {
	*catalog.Policy
	revision int64 // of its key, or of the last change of the service
}

// atMost implements orphan.
func (p policy) atMost(revision int64) policy {
	p.revision = min(p.revision, revision)
	return p
}
