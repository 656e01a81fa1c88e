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

// netFilter shows a registry without the addresses that a block doesn't serve, and
// without instances that have no other. It is safe for concurrent use.
type netFilter struct {
	nets
	key string

	mu     sync.Mutex
	logged map[string]string // what was logged of an instance, by its key
}

const (
	// maxLogged bounds what is remembered to be logged. Beyond it some is told twice.
	maxLogged = 10_000
	// maxDenialLines is how many instances of one commit are logged one by one: as many as
	// somebody reads. A list can have any number.
	maxDenialLines = 10
)

var _ services.Filter = (*netFilter)(nil)

func newNetFilter(n nets) *netFilter {
	return &netFilter{nets: n, key: fmt.Sprint(n), logged: map[string]string{}}
}

// Key implements services.Filter.
func (f *netFilter) Key() string { return f.key }

// Show implements services.Filter.
func (f *netFilter) Show(in *catalog.Instance) *catalog.Instance {
	if !slices.ContainsFunc(in.Addresses, f.denies) {
		return in
	}
	left := slices.DeleteFunc(slices.Clone(in.Addresses), f.denies)
	if len(left) == 0 {
		return nil
	}
	shown := *in
	shown.Addresses = left
	return &shown
}

// denied returns the addresses of an instance, or nil, that are not served.
func (f *netFilter) denied(in *catalog.Instance) []netip.Addr {
	if in == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(in.Addresses), f.serves)
}

// Report implements services.Filter: it counts the addresses that are not served, and
// logs those of an instance once for as long as they stay the same.
func (f *netFilter) Report(altered []services.Altered) {
	lines, more := 0, 0
	for i := range altered {
		a := &altered[i]
		denied := f.denied(a.New)
		if slices.Equal(f.denied(a.Old), denied) {
			continue
		}
		deniedAddresses.Add(float64(len(denied)))
		switch key, what := a.Service.String()+"/"+a.New.ID, listed(denied); {
		case lines == maxDenialLines:
			more++
		case f.isNew(key, what):
			lines++
			logger.Warn("instance has addresses that allow_net or deny_net excludes", "key", key, "addresses", what)
		}
	}
	if more > 0 {
		logger.Warn("more instances have addresses that allow_net or deny_net excludes", "instances", more)
	}
}

// listed returns addresses as the log has them.
func listed(addresses []netip.Addr) string {
	texts := make([]string, len(addresses))
	for i, a := range addresses {
		texts[i] = a.String()
	}
	return strings.Join(texts, " ")
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
