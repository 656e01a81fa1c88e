package services

import (
	"log/slog"
	"slices"
	"strings"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/internal/mirror"
)

// outside are the services that a policy names which are in none of the ranges that a
// Store is fed from. They count as services without an instance, whatever etcd has.
type outside struct {
	key      string // of the policy
	revision int64
	targets  []string
}

// SetRanges says which parts of the registry the Store ever shows, as mirror.Follow
// takes them, so that the log tells of policies that name services elsewhere, once per
// revision of the policy. Without a call, or without ranges, any part can be followed.
// It is called before the first Stage.
func (s *Store) SetRanges(ranges []string) { s.ranges = slices.Clone(ranges) }

// noteOutside notes the services that a policy names in vain.
func (s *decoded) noteOutside(ev *mirror.Event, p *catalog.Policy, ranges []string) {
	if len(ranges) == 0 {
		return
	}
	var names []string
	for target := range targets(p) {
		prefix := catalog.ServicePrefix("", target.Namespace, target.Name)[1:]
		if !slices.ContainsFunc(ranges, func(rng string) bool { return strings.HasPrefix(prefix, rng) }) {
			names = append(names, target.String())
		}
	}
	if len(names) > 0 {
		s.outside = append(s.outside, outside{ev.Key, ev.ModRevision, names})
	}
}

func (o *outside) log(log *slog.Logger) {
	log.Warn("policy names services outside the configured namespaces: they count as services without instances",
		"key", o.key, "revision", o.revision, "targets", strings.Join(o.targets, " "))
}
