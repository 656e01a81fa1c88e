package services

import (
	"errors"
	"log/slog"

	"github.com/rosterdns/roster/internal/mirror"
)

// SkipReason says why a key is not served.
type SkipReason string

// The reasons, as metrics show them.
const (
	// SkipKey is a key that is not laid out as the catalog says.
	SkipKey SkipReason = "key"
	// SkipValue is an instance that breaks a rule of the catalog.
	SkipValue SkipReason = "value"
	// SkipLease is an instance without a lease that is not static: nothing
	// would ever remove it.
	SkipLease SkipReason = "lease"
	// SkipOverride is a status override that can't be read, which counts as
	// down, or one that is beyond the number that is remembered.
	SkipOverride SkipReason = "override"
	// SkipPolicy is a policy that can't be read, which counts as absent, or one
	// that is beyond the number that is remembered.
	SkipPolicy SkipReason = "policy"
)

var (
	errNoLease        = errors.New("has no lease and is not static, so nothing would remove it")
	errOrphanPolicies = errors.New("is one of too many policies of services without an instance: delete those that nobody needs, then set this one again")
	errOrphans        = errors.New("is one of too many overrides without an instance: delete those that nobody needs, then set this one again")
)

// skip is a key that is not served, or not as it says.
type skip struct {
	key      string
	revision int64
	reason   SkipReason
	err      error
}

func newSkip(ev *mirror.Event, reason SkipReason, err error) skip {
	return skip{key: ev.Key, revision: ev.ModRevision, reason: reason, err: err}
}

// tooMany reports whether it is one of many of which the first tells enough.
func (k *skip) tooMany() bool {
	return errors.Is(k.err, errOrphans) || errors.Is(k.err, errOrphanPolicies)
}

// maxLoggedKey is enough for any well-formed key: three labels of 63 bytes, a
// reserved component, and separators.
const maxLoggedKey = 220

func (k *skip) log(log *slog.Logger) {
	key := k.key
	if len(key) > maxLoggedKey {
		key = key[:maxLoggedKey]
	}
	log.Warn("skipped a key that can't be used: fix or delete it",
		"key", key, "revision", k.revision, "reason", string(k.reason), "error", k.err)
}
