package roster

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/internal/services"
)

// netFilter shows services without the addresses that a block doesn't serve. Nil
// takes nothing out. It is safe for concurrent use.
type netFilter struct {
	nets
	// key is a string: filters that are equal share what they have made of a
	// version of a service.
	key any

	mu     sync.Mutex
	logged map[string]string // what was logged of an instance, by its key
}

// maxLogged bounds what is remembered to be logged. Beyond it some is told twice.
const maxLogged = 10_000

func newNetFilter(n nets) *netFilter {
	if len(n.allow) == 0 && len(n.deny) == 0 {
		return nil
	}
	return &netFilter{nets: n, key: fmt.Sprint(n), logged: map[string]string{}}
}

// of returns what is served of a service: the same for all blocks that serve it
// whole, and nil where nothing is left. It is made once for each version
// that is asked for.
func (f *netFilter) of(s *services.Service) *servedService {
	if s == nil {
		return nil
	}
	a := attachmentOf(s)
	if f == nil {
		return &a.whole
	}
	made, ok := a.filtered.Load(f.key)
	if !ok {
		served, denied := f.filter(s, &a.whole)
		f.report(s, denied)
		made, _ = a.filtered.LoadOrStore(f.key, served)
	}
	return made.(*servedService)
}

// fresh is of without what is remembered of a version: for who reads all services,
// each once.
func (f *netFilter) fresh(s *services.Service) *servedService {
	if s == nil {
		return nil
	}
	whole := newServed(s, nil)
	if f == nil {
		return whole
	}
	served, denied := f.filter(s, whole)
	f.report(s, denied)
	return served
}

// denial is what is not served of an instance.
type denial struct {
	id        string
	addresses []string
}

// filter returns what is served of a service, nil where nothing is, and what isn't.
func (f *netFilter) filter(s *services.Service, whole *servedService) (served *servedService, denied []denial) {
	denies := func(a netip.Addr) bool { return !f.serves(a) }
	instances := make([]*catalog.Instance, 0, s.Len())
	for in := range s.All() {
		if !slices.ContainsFunc(in.Addresses, denies) {
			instances = append(instances, in)
			continue
		}
		left, out := f.split(in.Addresses)
		denied = append(denied, denial{in.ID, out})
		if len(left) > 0 {
			changed := *in
			changed.Addresses = left
			instances = append(instances, &changed)
		}
	}
	switch {
	case len(denied) == 0:
		return whole, nil
	case len(instances) == 0 && !s.Policy().Redirects():
		return nil, denied
	}
	return newServed(s, instances), denied
}

// split tells addresses that are served from those that are not.
func (f *netFilter) split(addresses []netip.Addr) (served []netip.Addr, denied []string) {
	for _, a := range addresses {
		if f.serves(a) {
			served = append(served, a)
		} else {
			denied = append(denied, a.String())
		}
	}
	return served, denied
}

// report counts the addresses that are not served, and logs those of an instance
// once for as long as they stay the same.
func (f *netFilter) report(s *services.Service, denied []denial) {
	for _, d := range denied {
		key, what := s.Namespace+"/"+s.Name+"/"+d.id, strings.Join(d.addresses, " ")
		if f.isNew(key, what) {
			deniedAddresses.Add(float64(len(d.addresses)))
			logger.Warn("instance has addresses that allow_net or deny_net excludes", "key", key, "addresses", what)
		}
	}
}

// isNew reports whether there is something to log of an instance.
func (f *netFilter) isNew(key, what string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.logged[key] == what {
		return false
	}
	if len(f.logged) >= maxLogged {
		clear(f.logged)
	}
	f.logged[key] = what
	return true
}
