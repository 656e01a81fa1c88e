package services

import (
	"log/slog"
	"sync"
	"sync/atomic"

	iradix "github.com/hashicorp/go-immutable-radix/v2"

	"github.com/rosterdns/roster/catalog"
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
	// SkipOverride is an operator's override that can't be read.
	SkipOverride SkipReason = "override"
)

// Store is a mirror.View that shows services. Any number of mirrors of
// disjoint ranges can feed one Store. Reading never blocks.
type Store struct {
	log      *slog.Logger
	onSkip   func(SkipReason)
	onChange func()

	mu  sync.Mutex // writers
	gen atomic.Pointer[Generation]
	// vacant are the services without an instance whose overrides wait for
	// one. Readers never see them, so that they cost no query anything.
	vacant map[string]*Service
}

var _ mirror.View = (*Store)(nil)

// New returns an empty Store. It logs each key that it skips, once per revision
// of the key; onSkip, which can be nil, counts them.
func New(log *slog.Logger, onSkip func(SkipReason)) *Store {
	if onSkip == nil {
		onSkip = func(SkipReason) {}
	}
	s := &Store{log: log, onSkip: onSkip, onChange: func() {}, vacant: map[string]*Service{}}
	s.gen.Store(&Generation{tree: iradix.New[*Service]()})
	return s
}

// OnChange has fn called after each change of what readers see, or of what a
// Guard has a snapshot keep besides, by the goroutine that makes it: fn must be
// quick. It is set before anything feeds the Store.
func (s *Store) OnChange(fn func()) { s.onChange = fn }

// Load returns the current generation: one atomic load.
func (s *Store) Load() *Generation { return s.gen.Load() }

// Apply implements mirror.View. Its cost is that of the services that the batch
// touches, however many there are besides.
func (s *Store) Apply(b mirror.Batch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.gen.Load()
	e := edit{store: s, txn: old.tree.Txn(), touched: map[string]*Service{}}
	for i := range b.Events {
		e.event(&b.Events[i])
	}
	next := &Generation{revision: old.revision, serial: old.serial}
	next.services, next.instances = e.commit(old.services, old.instances)
	next.tree = e.txn.Commit()
	changed := len(e.touched) > 0
	if b.Regressed {
		next.tree = s.turnBack(next.tree, b.Revision)
		changed = true // the revision itself is one that readers see
	}
	next.serial.changed = next.serial.changed || len(e.touched) > 0
	// One of several mirrors can be behind what another has shown already.
	if b.Revision > old.revision || b.Regressed {
		next.revision = b.Revision
	}
	if b.Revision != 0 {
		next.serial.advance(next.revision, next.revision < old.revision)
	}
	s.gen.Store(next)
	if changed {
		s.onChange()
	}
}

// turnBack returns the tree without revisions that etcd, which moved backward,
// has not reached yet: else the next changes of their services would pass for
// old ones. That touches every service, which a restore from a backup is worth.
func (s *Store) turnBack(tree *iradix.Tree[*Service], revision int64) *iradix.Tree[*Service] {
	txn := tree.Txn()
	tree.Root().Walk(func(key []byte, svc *Service) bool {
		if svc.Revision > revision {
			txn.Insert(key, svc.at(revision))
		}
		return false
	})
	for path, svc := range s.vacant {
		if svc.Revision > revision {
			s.vacant[path] = svc.at(revision)
		}
	}
	return txn.Commit()
}

func (s *Store) skip(ev *mirror.Event, reason SkipReason, err error) {
	s.onSkip(reason)
	key := ev.Key
	if len(key) > maxLoggedKey {
		key = key[:maxLoggedKey]
	}
	s.log.Warn("skipped a key that can't be served: mend it or delete it",
		"key", key, "revision", ev.ModRevision, "reason", string(reason), "error", err)
}

// maxLoggedKey is enough for any well-formed key: three labels of 63 bytes, a
// reserved component, and separators.
const maxLoggedKey = 220

// edit collects the changes of one batch, so that a service that many events
// touch is copied once.
type edit struct {
	store   *Store
	txn     *iradix.Txn[*Service]
	touched map[string]*Service // by "namespace/service"; owned by the edit
}

func (e *edit) event(ev *mirror.Event) {
	k, err := catalog.ParseKey(ev.Key)
	if err != nil {
		if !ev.Deleted {
			e.store.skip(ev, SkipKey, err)
		}
		return
	}
	switch k.Kind {
	case catalog.KindInstance:
		e.instance(k, ev)
	case catalog.KindStatus:
		e.override(k, ev)
	}
}

func (e *edit) instance(k catalog.Key, ev *mirror.Event) {
	if ev.Deleted {
		e.remove(k, ev)
		return
	}
	in, reason, err := decode(k, ev)
	if err != nil {
		e.store.skip(ev, reason, err)
		e.remove(k, ev)
		return
	}
	// What a list repeats is no change, and must not pass for one.
	if s := e.current(k, ev); s != nil && s.Revision >= ev.ModRevision && s.holds(&in) {
		return
	}
	e.service(k, ev).put(in)
}

// decode returns the instance that a put serves, or why it serves none.
func decode(k catalog.Key, ev *mirror.Event) (catalog.Instance, SkipReason, error) {
	in, err := catalog.DecodeValue(k.ID, ev.Value)
	switch {
	case err != nil:
		return in, SkipValue, err
	case ev.Lease == 0 && !in.Static:
		return in, SkipLease, errNoLease
	}
	return in, "", nil
}

// remove takes out an instance, if it is there.
func (e *edit) remove(k catalog.Key, ev *mirror.Event) {
	if s := e.current(k, ev); s != nil && s.Instance(k.ID) != nil {
		e.service(k, ev).remove(k.ID)
	}
}

func (e *edit) override(k catalog.Key, ev *mirror.Event) {
	status := catalog.StatusUp
	if !ev.Deleted {
		o, err := catalog.DecodeOverride(ev.Value)
		if err == nil {
			status = o.Status
		} else {
			// Counts as absent, so that a mirror that started later shows the same.
			e.store.skip(ev, SkipOverride, err)
		}
	}
	s := e.current(k, ev)
	if s == nil && status == catalog.StatusUp {
		return
	}
	if s != nil && s.override(k.ID) == status && s.Revision >= ev.ModRevision {
		return
	}
	e.service(k, ev).setOverride(k.ID, status)
}

// current returns the key's service as it is at this point of the batch, nil if
// there is none. It must not be changed.
func (e *edit) current(k catalog.Key, ev *mirror.Event) *Service {
	path := pathOf(k, ev)
	if own, ok := e.touched[path]; ok {
		return own
	}
	if old, ok := e.txn.Get(appendKey(nil, k.Namespace, k.Service)); ok {
		return old
	}
	return e.store.vacant[path]
}

// pathOf returns "namespace/service" in the memory of the event's key.
func pathOf(k catalog.Key, ev *mirror.Event) string {
	return ev.Key[:len(k.Namespace)+1+len(k.Service)]
}

// service returns the edit's own copy of the key's service.
func (e *edit) service(k catalog.Key, ev *mirror.Event) *Service {
	path := pathOf(k, ev)
	own, ok := e.touched[path]
	if !ok {
		if old := e.current(k, ev); old != nil {
			own = old.copy()
		} else {
			own = &Service{Namespace: k.Namespace, Name: k.Service}
		}
		e.touched[path] = own
	}
	own.Revision = max(own.Revision, ev.ModRevision)
	return own
}

// maxSpare is how many unused places a service keeps. Places are large, and
// services are kept.
const maxSpare = 1

// commit puts the copies into the tree, or aside where they have no instance,
// and returns the new counts.
func (e *edit) commit(services, instances int) (int, int) {
	for path, s := range e.touched {
		if cap(s.Instances)-len(s.Instances) > maxSpare {
			s.Instances = append(make([]catalog.Instance, 0, len(s.Instances)), s.Instances...)
		}
		delete(e.store.vacant, path)
		key := appendKey(nil, s.Namespace, s.Name)
		var old *Service
		var found bool
		if len(s.Instances) > 0 {
			old, found = e.txn.Insert(key, s)
			services++
			instances += len(s.Instances)
		} else {
			old, found = e.txn.Delete(key)
			if len(s.overrides) > 0 {
				e.store.vacant[path] = s
			}
		}
		if found {
			services--
			instances -= len(old.Instances)
		}
	}
	return services, instances
}
