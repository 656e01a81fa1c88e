package services

// maxOrphans bounds the overrides, and the policies, that are remembered without
// what they are of, at some 200 bytes each. Nobody drains that many instances and
// removes them all; what is beyond is a mistake.
const maxOrphans = 65_536

// orphans are overrides without an instance, by the key of the instance, or
// policies of services that don't exist, by "namespace/service". They count as
// soon as there is one. Readers never see them, and they cost an event no more
// than a look-up.
type orphans[T orphan[T]] struct {
	byKey map[string]T
}

type orphan[T any] interface {
	// atMost returns it with its revision lowered to another, if that is lower.
	atMost(revision int64) T
}

// put adds or replaces one. It reports false if there are too many.
func (o *orphans[T]) put(key string, one T) bool {
	if _, known := o.byKey[key]; !known && len(o.byKey) >= maxOrphans {
		return false
	}
	if o.byKey == nil {
		o.byKey = map[string]T{}
	}
	o.byKey[key] = one
	return true
}

// take removes that of what is there now, and returns it.
func (o *orphans[T]) take(key string) (T, bool) {
	one, ok := o.byKey[key]
	if ok {
		delete(o.byKey, key)
	}
	return one, ok
}

// clampRevisions lowers revisions that are beyond another to that.
func (o *orphans[T]) clampRevisions(revision int64) {
	for key, one := range o.byKey {
		o.byKey[key] = one.atMost(revision)
	}
}
