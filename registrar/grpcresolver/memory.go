package grpcresolver

import (
	"maps"
	"sync"
	"time"

	"github.com/rosterdns/roster/registrar"
)

// rememberFor is how long a set of instances is remembered that no connection uses: as
// long as snapshots of registries are believed.
const rememberFor = 24 * time.Hour

// memory has the sets of instances that connections had when their resolvers were closed. gRPC closes the
// resolver of a connection that is idle, and the registry forgets soon after what nobody
// watches; so without it, the first request after a quiet hour would fail if the registry
// is away just then.
type memory struct {
	mu   sync.Mutex
	sets map[string]remembered // by name
}

type remembered struct {
	service *registrar.Service
	at      time.Time
}

// get returns the set that is remembered; nil if there is none.
func (m *memory) get(name string) *registrar.Service {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.forget()
	return m.sets[name].service
}

// put remembers a set as of now, in place of an earlier one. An empty one takes no place:
// names of nothing can be dialed without end.
func (m *memory) put(name string, service *registrar.Service) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.forget()
	delete(m.sets, name)
	if len(service.Instances) > 0 {
		m.sets[name] = remembered{service, time.Now()}
	}
}

func (m *memory) forget() {
	maps.DeleteFunc(m.sets, func(_ string, r remembered) bool { return time.Since(r.at) > rememberFor })
}
