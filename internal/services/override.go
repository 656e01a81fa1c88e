package services

import "github.com/rosterdns/roster/catalog"

// override is a status override as etcd has it.
type override struct {
	status   catalog.Status
	revision int64 // of its key
}

// maxOrphans bounds the overrides that are remembered without an instance, at
// some 200 bytes each. Nobody drains that many instances and removes them all;
// what is beyond is a mistake.
const maxOrphans = 65_536

// orphans are the overrides without an instance, by the key of the instance.
// They count as soon as there is one. Readers never see them, and they cost an
// event no more than a look-up.
type orphans struct {
	byKey map[string]override
}

// put adds or replaces an override. It reports false if there are too many.
func (o *orphans) put(key string, ov override) bool {
	if _, known := o.byKey[key]; !known && len(o.byKey) >= maxOrphans {
		return false
	}
	if o.byKey == nil {
		o.byKey = map[string]override{}
	}
	o.byKey[key] = ov
	return true
}

// take removes the override of an instance that is there now, and returns it.
func (o *orphans) take(key string) (override, bool) {
	ov, ok := o.byKey[key]
	if ok {
		delete(o.byKey, key)
	}
	return ov, ok
}

// clampRevisions lowers what is beyond a revision to it.
func (o *orphans) clampRevisions(revision int64) {
	for key, ov := range o.byKey {
		if ov.revision > revision {
			ov.revision = revision
			o.byKey[key] = ov
		}
	}
}
