package services

import "github.com/rosterdns/roster/catalog"

// override is a status override as etcd has it.
type override struct {
	status   catalog.Status
	revision int64 // of its key
}

// atMost implements orphan.
func (ov override) atMost(revision int64) override {
	ov.revision = min(ov.revision, revision)
	return ov
}
