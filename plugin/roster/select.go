package roster

import (
	"iter"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/internal/services"
)

// servedService is what a block serves of one version of a service, and what was
// selected from it: all that depends neither on the question nor on a block's TTLs
// and zones. Each part is made at its first use and only once, so that the work of a
// query doesn't grow with the service, and a version costs no more than what is
// asked of it. It points into the service and is safe for concurrent use.
type servedService struct {
	service *services.Service
	// served are the instances ordered by ID where allow_net and deny_net change
	// or hide some; else nil, and they are the service's.
	served []*catalog.Instance

	// whole is what is selected without a selector. Its ports are those of all
	// instances, whatever their status.
	whole    selection
	narrowed narrowed
	lowest   lazy[ownTTLs]
	named    lazy[[]portKey]
}

// lazy is a value that is made at its first use.
type lazy[T any] struct {
	made atomic.Pointer[T]
	mu   sync.Mutex
}

// get returns the value, which build makes if it isn't yet. Who asks with each query
// looks at made before, since a function that is passed on takes memory.
func (l *lazy[T]) get(build func() T) *T {
	if v := l.made.Load(); v != nil {
		return v
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if v := l.made.Load(); v != nil {
		return v
	}
	v := build()
	l.made.Store(&v)
	return &v
}

// attachment is what the plugin keeps with a version of a service.
type attachment struct {
	whole    servedService
	filtered sync.Map // *servedService by netFilter.key; nil where nothing is left
}

func attachmentOf(s *services.Service) *attachment {
	return s.Attachment(newAttachment).(*attachment)
}

func newAttachment(s *services.Service) any {
	a := new(attachment)
	a.whole.init(s, nil)
	return a
}

// newServed returns what is served of a service where that is not the whole of it.
func newServed(s *services.Service, served []*catalog.Instance) *servedService {
	sv := new(servedService)
	sv.init(s, served)
	return sv
}

func (sv *servedService) init(s *services.Service, served []*catalog.Instance) {
	sv.service, sv.served, sv.whole.from = s, served, sv
}

// instances yields the instances that are served, whatever their status.
func (sv *servedService) instances() iter.Seq[*catalog.Instance] {
	if sv.served != nil {
		return slices.Values(sv.served)
	}
	return sv.service.All()
}

// instance returns the instance with the ID, or nil.
func (sv *servedService) instance(id string) *catalog.Instance {
	if sv.served == nil {
		return sv.service.Instance(id)
	}
	i, ok := slices.BinarySearchFunc(sv.served, id, func(in *catalog.Instance, id string) int { return strings.Compare(in.ID, id) })
	if !ok {
		return nil
	}
	return sv.served[i]
}

// answering returns the instances that answer for the service by their status.
func (sv *servedService) answering() []*catalog.Instance { return sv.whole.matching() }

// ttl returns what the instances state of their TTL, whatever their status.
func (sv *servedService) ttl() ownTTLs {
	return *sv.lowest.get(func() (own ownTTLs) {
		for in := range sv.instances() {
			own.add(in)
		}
		return own
	})
}

// hasPort reports whether an instance has the port, whatever its status; with a key
// of a protocol alone whether one has any port of it.
func (sv *servedService) hasPort(key portKey) bool { return sv.whole.port(key) != nil }

// hasPorts reports whether an instance has a port, whatever its status.
func (sv *servedService) hasPorts() bool { return len(sv.whole.portsBy(byName)) > 0 }

// namedPorts returns the ports with a name that instances have, whatever their
// status, in order.
func (sv *servedService) namedPorts() []portKey {
	return *sv.named.get(func() (keys []portKey) {
		for key := range sv.whole.portsBy(byName) {
			if key.name != "" {
				keys = append(keys, key)
			}
		}
		slices.SortFunc(keys, portKey.compare)
		return keys
	})
}
