package roster

import (
	"fmt"
	"strings"
)

// siblings are the blocks of a Corefile, by what two of them can be at odds over,
// so that each is compared with those it can be at odds with only.
type siblings struct {
	byKey  map[string]*config // the first of each registry
	byFile map[string]*config // the first of each snapshot
	// byEndpoint has the prefixes that are read of the etcd with an endpoint as a
	// member.
	byEndpoint map[string]*prefixes
}

// prefixes are the first blocks that read a prefix, and those whose prefix is below
// one.
type prefixes struct{ at, below map[string]*config }

func newSiblings() *siblings {
	return &siblings{byKey: map[string]*config{}, byFile: map[string]*config{}, byEndpoint: map[string]*prefixes{}}
}

// add adds a block, unless it is at odds with another. The error is about cfg,
// which comes later.
func (s *siblings) add(cfg *config) error {
	if other := s.nested(cfg); other != nil {
		return cfg.errorAt("prefix", fmt.Errorf("%q overlaps with %q of %s in the same etcd: use prefixes that do not contain each other",
			cfg.registry.prefix, other.registry.prefix, other.at("prefix")))
	}
	if err := s.addRegistry(cfg); err != nil {
		return err
	}
	return s.addFile(cfg)
}

// nested returns a block whose keys lie among those of cfg, or the other way round:
// one would read the other's. An etcd cluster that has a member in common with
// another is the same. If there is none the block's prefix is added.
func (s *siblings) nested(cfg *config) *config {
	prefix := cfg.registry.prefix
	for _, endpoint := range cfg.registry.etcd.Endpoints {
		p := s.byEndpoint[endpoint]
		if p == nil {
			p = &prefixes{map[string]*config{}, map[string]*config{}}
			s.byEndpoint[endpoint] = p
		}
		if other := p.below[prefix]; other != nil {
			return other
		}
		for above := range ancestors(prefix) {
			if other := p.at[above]; other != nil {
				return other
			}
		}
	}
	for _, endpoint := range cfg.registry.etcd.Endpoints {
		p := s.byEndpoint[endpoint]
		setFirst(p.at, prefix, cfg)
		for above := range ancestors(prefix) {
			setFirst(p.below, above, cfg)
		}
	}
	return nil
}

// ancestors yields the prefixes that a prefix lies below.
func ancestors(prefix string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for i := strings.LastIndexByte(prefix, '/'); i > 0; i = strings.LastIndexByte(prefix[:i], '/') {
			if !yield(prefix[:i]) {
				return
			}
		}
	}
}

func setFirst(m map[string]*config, key string, cfg *config) {
	if m[key] == nil {
		m[key] = cfg
	}
}

// addRegistry checks that blocks which share a replica agree on its retention.
func (s *siblings) addRegistry(cfg *config) error {
	key := cfg.registry.key()
	other := s.byKey[key]
	if other == nil {
		s.byKey[key] = cfg
		return nil
	}
	mine, theirs := cfg.registry.retention, other.registry.retention
	for _, p := range []struct {
		property string
		differs  bool
	}{
		{"snapshot", mine.file != theirs.file},
		{"snapshot_max_age", mine.maxAge != theirs.maxAge},
		{"protect", mine.protect != theirs.protect || mine.protectFor != theirs.protectFor},
		{"keep_last", mine.keepLast != theirs.keepLast},
	} {
		if p.differs {
			return cfg.errorAt(p.property, fmt.Errorf("differs from %s, which shares the replica: use the same value in both",
				other.at(p.property)))
		}
	}
	return nil
}

// addFile checks that different replicas don't share a snapshot file.
func (s *siblings) addFile(cfg *config) error {
	file := cfg.registry.retention.file
	if file == "" {
		return nil
	}
	other := s.byFile[file]
	if other == nil {
		s.byFile[file] = cfg
		return nil
	}
	if other.registry.key() == cfg.registry.key() {
		return nil
	}
	return cfg.errorAt("snapshot", fmt.Errorf("%q is already used by another registry at %s: use a separate file",
		cfg.registry.retention.snapshot, other.at("snapshot")))
}
